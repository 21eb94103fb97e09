from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from tests.executor.trouble.acting import Acting, Engine, lookout, running
from tests.recorded import Recorded, recording

pytestmark = pytest.mark.anyio
WORKER = {"worker": {"watchdog_grace": 0.6}}


async def until(check: Callable[[], object]) -> None:
    with anyio.fail_after(20):
        while not check():
            await anyio.sleep(0.01)


def said(recorded: Recorded, run_id: str, source: str = "runlog") -> list[str]:
    return [log.message for log in recorded.logs(run_id) if log.name == source]


async def test_code_that_goes_on_after_its_time_is_left_behind_and_the_process_lives() -> None:
    engine, ended = Engine(), threading.Event()
    with recording(**WORKER) as recorded:
        looking = lookout(recorded, engine, end_process=ended.set)
        with running(looking, Acting()) as attempt:
            attempt.deadline = time.monotonic()
            await until(lambda: engine.finished)
        assert [(run_id, outcome.status) for run_id, outcome in engine.finished] == [("run_1", "TIMED_OUT")]
        assert attempt.left_behind == [outcome for _, outcome in engine.finished]
        assert "as it goes on after its cancellation" in said(recorded, "run_1")[0]
        assert said(recorded, "run_1", "stacks")[0].startswith("stacks at the end of its grace: ")
    assert not ended.is_set()


async def test_a_blocked_loop_ends_its_worker_and_gives_the_other_runs_back() -> None:
    engine, ended = Engine(), threading.Event()
    with recording(**WORKER) as recorded:
        looking, other = lookout(recorded, engine, end_process=ended.set), Acting("run_2")
        given: Any = other
        looking.begun(given)
        with running(looking, Acting()) as attempt:
            attempt.deadline = time.monotonic()
            await anyio.sleep(0)
            assert ended.wait(20)
        looking.ended(given)
        finished = dict(engine.finished)
        assert finished["run_1"].status == "TIMED_OUT"
        assert (finished["run_2"].status, finished["run_2"].uses_attempt) == ("QUEUED", False)
        assert other.left_behind
        assert "as it blocks the event loop: it is ended here, and the worker with it" in said(recorded, "run_1")[0]


async def test_who_blocks_the_loop_of_an_overdue_run_pays_a_crash() -> None:
    engine, ended = Engine(), threading.Event()
    with recording(**WORKER) as recorded:
        looking, overdue = lookout(recorded, engine, end_process=ended.set), Acting("run_2")
        overdue.deadline = time.monotonic() + 0.2
        given: Any = overdue
        looking.begun(given)
        with running(looking, Acting()):
            await anyio.sleep(0)
            assert ended.wait(20)
        looking.ended(given)
    finished = dict(engine.finished)
    assert finished["run_2"].status == "TIMED_OUT"
    assert (finished["run_1"].status, finished["run_1"].crashed) == ("QUEUED", True)


async def test_in_the_program_of_the_user_the_process_is_never_ended() -> None:
    engine = Engine()
    with recording(**WORKER) as recorded:
        looking = lookout(recorded, engine)
        done = threading.Event()
        threading.Thread(target=wait_for, args=(engine, done)).start()
        with running(looking, Acting()) as attempt:
            attempt.deadline = time.monotonic()
            await anyio.sleep(0)
            assert done.wait(20)
        assert "its code is left behind" in said(recorded, "run_1")[0]


def wait_for(engine: Engine, done: threading.Event) -> None:
    while not engine.finished:
        time.sleep(0.01)
    done.set()


async def test_after_a_stop_of_the_process_an_attempt_gets_its_grace_again() -> None:
    engine = Engine()
    with recording(worker={"watchdog_grace": 30}) as recorded:
        looking = lookout(recorded, engine)
        with running(looking, Acting()) as attempt:
            await until(lambda: looking._beat)
            looking.look(late=100.0)
            attempt.deadline = time.monotonic() - 60
            looking.look(late=0.0)
    assert not engine.finished
