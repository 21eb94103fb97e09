"""Attempts in child processes: what they record, how they end, and that none is left."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from runlog.executor import Executor, child, processes
from runlog.executor.trouble import Lookout
from runlog.stores.base import Event
from runlog.tasks import NotStored
from tests.executor import child_tasks
from tests.executor.bench import Bench, open_bench
from tests.helpers import wait_until

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", pytest.param("trio", marks=pytest.mark.slow)])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """A process each: the second event loop is for what differs."""
    return request.param


@pytest.fixture(autouse=True)
def _tasks(bench: Bench) -> None:
    child_tasks.register(bench.registry)


def notes() -> list[str]:
    return Path("notes").read_text().splitlines() if Path("notes").exists() else []


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def by_name(events: list[Event], name: str) -> list[Event]:
    return [event for event in events if event.name == name]


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_what_a_child_does_is_in_the_run(bench: Bench) -> None:
    async with bench.worker():
        handle = await child_tasks.tell.trigger(4)
        result = await handle.wait()
    assert result.output is not None, result.error
    pid = result.output["process"]
    assert result.output == {"number": 4, "process": pid, "resource": pid}
    assert pid != os.getpid()
    run, events = bench.stored(handle.id)
    assert (run.metadata, run.tags) == ({"told": 4}, ("told",))
    logs = [event.message for event in events if event.kind == "log" and event.name != "runlog"]
    assert logs == ["in the child", "on stdout", "one"]
    assert [(depth, name) for depth, name, _ in bench.spans(handle.id)] == [
        (1, "Attempt 1"),
        (2, "process"),
        (3, "run()"),
        (4, "inner"),
    ]
    span, function = bench.span(handle.id, "process"), bench.span(handle.id, "run()")
    assert (span.attributes["process.pid"], span.attributes["process.memory.peak"] > 2**20) == (pid, True)
    start = function.time - span.time
    assert 0 < span.attributes["process.start"] * 1e9 <= (span.duration or 0)
    assert 0 < start <= (span.duration or 0) - (function.duration or 0)
    wait_until(lambda: is_gone(pid))


async def test_what_is_written_past_python_is_in_the_run_too_and_passed_on(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    async with bench.worker():
        handle = await child_tasks.write.trigger("all")
        assert (await handle.wait()).status == "COMPLETED"
    events = [event for event in bench.stored(handle.id)[1] if event.name in ("stdout", "stderr")]
    told = Counter((event.name, event.message) for event in events)
    assert told == {
        ("stdout", "of Python"): 1, ("stdout", "of the descriptor"): 1, ("stderr", "of stderr: ä"): 1,
        ("stdout", "of a program"): 1, ("stdout", "x" * 99): 3_000, ("stdout", "of C"): 1,
    }  # fmt: skip
    span = bench.span(handle.id, "process")
    assert {event.parent_id for event in events if event.message.startswith("of a")} == {span.span_id}
    assert all(event.time <= span.time + (span.duration or 0) for event in events)
    out, err = capfd.readouterr()
    assert out.count("of a program") == out.count("of Python") == 1  # in a terminal, writers may share a line
    assert "of stderr: ä" in err


async def test_what_a_process_wrote_before_it_was_killed_is_in_the_run(bench: Bench) -> None:
    async with bench.worker():
        handle = await child_tasks.write.trigger("killed")
        await bench.until(lambda: bench.last(handle.id).status == "CRASHED", 60)
    assert Counter(bench.logs(handle.id, "stdout")) == {"before it was killed": 3, "unfinished": 3}


async def test_a_process_is_kept_ready_for_the_next_attempt_and_ends_with_the_worker(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    async with bench.worker():
        assert await child_tasks.double.trigger_and_wait(1) == 2
        family = psutil.Process().children()
        monkeypatch.setenv("SET_LATER", "and seen")
        for _ in range(2):  # the second has perhaps the third process
            assert await child_tasks.look.trigger_and_wait("SET_LATER") == "and seen"
        await bench.until(lambda: len(psutil.Process().children()) == 1)
        family += psutil.Process().children()
    wait_until(lambda: all(is_gone(one.pid) for one in family))


async def test_one_that_died_meanwhile_is_replaced(bench: Bench) -> None:
    import psutil

    async with bench.worker():
        assert await child_tasks.double.trigger_and_wait(1) == 2
        await bench.until(lambda: len(psutil.Process().children()) == 1)
        (spare,) = psutil.Process().children()
        spare.kill()
        await bench.until(lambda: is_gone(spare.pid))
        handle = await child_tasks.double.trigger(2)
        assert (await handle.wait()).output == 4
    assert bench.statuses(handle.id).count("EXECUTING") == 1


async def test_errors_come_over_with_their_type_and_their_frames(bench: Bench) -> None:
    async with bench.worker():
        odd, plain = await child_tasks.fail.trigger("odd"), await child_tasks.fail.trigger("plain")
        first, second = await odd.wait(), await plain.wait()
    assert first.error is not None
    assert second.error is not None
    assert (first.error["type"], first.error["message"]) == ("tests.executor.child_tasks.Odd", "1: odd")
    assert first.error["exception"]["frames"][-1]["function"] == "fail"
    assert bench.statuses(odd.id).count("EXECUTING") == 1  # Retry.on does not name it
    assert bench.statuses(plain.id).count("EXECUTING") == 3
    recorded = [event.name for event in bench.stored(odd.id)[1] if "exception" in (event.extra or {})]
    assert recorded == ["run()"]  # and not again further up


async def test_a_result_that_is_no_json_is_described_as_without_a_process(bench: Bench) -> None:
    async with bench.worker():
        result = await (await child_tasks.strange.trigger()).wait()
    assert isinstance(result.output, NotStored)
    assert (result.output.type, bench.last(result.run_id).reason) == ("_thread.lock", result.output.reason)


async def test_a_child_that_is_killed_uses_up_the_crash_budget_and_no_attempt(bench: Bench) -> None:
    async with bench.worker():
        handle = await child_tasks.die.trigger(signal.SIGKILL)
        result = await handle.wait()
    assert result.status == "CRASHED"
    assert len(notes()) == 3
    assert result.error is not None
    assert "its process was killed by SIGKILL" in str(result.error["message"])
    assert result.error["type"] == "Crashed"
    extras = [event.extra or {} for event in bench.stored(handle.id)[1]]
    crashed = [extra["exception"] for extra in extras if "exception" in extra]
    assert [(one["type"], one["frames"]) for one in crashed] == [("Crashed", [])] * 3


async def test_a_child_over_its_memory_limit_is_crashed_at_once(bench: Bench) -> None:
    async with bench.worker():
        handle = await child_tasks.eat.trigger()
        result = await handle.wait()
    run = bench.last(handle.id)
    assert (result.status, bench.statuses(handle.id).count("EXECUTING")) == ("CRASHED", 1)
    assert run.cause is not None
    assert run.cause["code"] == "memory"
    assert run.cause["limit"] == 150 * 2**20 < run.cause["peak"] < 400 * 2**20
    assert "of memory, and its limit is 150 MiB" in str(run.reason)
    for name in ("Attempt 1", "process"):
        assert bench.span(handle.id, name).attributes["process.memory.peak"] == run.cause["peak"]
    span, attempt = bench.span(handle.id, "process"), bench.span(handle.id, "Attempt 1")
    assert attempt.duration is not None
    assert span.duration is not None
    assert span.status == "error"
    last = int(re.findall(r"\d+", notes()[-1])[0])
    assert span.time + span.duration >= last, "it ends when the process has ended"
    wait_until(lambda: by_name([event for event in bench.stored(handle.id)[1] if event.kind == "span"], "run()"))
    function = bench.span(handle.id, "run()")
    assert function.time + (function.duration or 0) >= last, "and so does what was open in it"


async def test_a_cancelled_child_cleans_up(bench: Bench) -> None:
    async with bench.worker():
        handle = await child_tasks.sleep.trigger(60)
        await bench.until(notes)
        assert await handle.cancel("enough")
        assert (await handle.wait()).status == "CANCELED"
    assert "cleaned up" in [event.message for event in bench.stored(handle.id)[1] if event.kind == "log"]


async def test_one_that_is_cancelled_while_its_process_starts_is_not_begun(bench: Bench) -> None:
    async with bench.worker():
        handle = await child_tasks.sleep.trigger(60)
        await bench.until_status(handle.id, "EXECUTING")
        assert await handle.cancel()
        assert (await handle.wait()).status == "CANCELED"
    assert notes() == []
    assert "unfinished" not in [status for _, _, status in bench.spans(handle.id)]  # it was told, and not killed


async def test_only_a_process_that_waits_for_an_attempt_has_a_limit_for_that(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "_SPARE_LIMIT", 0.0)
    async with bench.worker():
        handle = await child_tasks.sleep.trigger(1)
        assert (await handle.wait()).status == "COMPLETED"
    assert len(notes()) == 1


async def test_the_stacks_of_a_child_are_its_own(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_STOP_LIMIT", 0.2)
    bench.executor = Executor(
        bench.engine, bench.registry, bench.provider, bench.settings, observer=Lookout(bench.engine, bench.settings)
    )
    async with bench.worker():
        handle = await child_tasks.block.trigger()
        await bench.until(notes)
        assert await bench.engine.ask_for_stacks(handle.id)
        await bench.until(lambda: bench.logs(handle.id, "stacks"))
        await handle.cancel()
    (stacks,) = bench.logs(handle.id, "stacks")
    assert stacks.startswith("stacks when asked: block (child_tasks.py:")


async def test_a_child_that_does_not_stop_is_killed_with_what_it_started(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    monkeypatch.setattr(processes, "_STOP_LIMIT", 0.2)
    async with bench.worker():
        handle = await child_tasks.block.trigger()
        await bench.until(notes)
        pid = int(notes()[0].split()[1])
        family = [pid, *(child.pid for child in psutil.Process(pid).children())]
        assert await handle.cancel()
        assert (await handle.wait()).status == "CANCELED"
    assert len(family) == 2
    wait_until(lambda: all(is_gone(one) or psutil.Process(one).status() == "zombie" for one in family))


async def test_a_child_that_is_shut_down_runs_again_with_no_attempt_used(bench: Bench) -> None:
    async with bench.worker():
        handle = await child_tasks.sleep.trigger(60)
        await bench.until(notes)
    run = bench.last(handle.id)
    assert (run.status, run.attempt) == ("QUEUED", 0)


async def test_a_child_that_waits_gives_the_place_of_its_attempt_back() -> None:
    async with open_bench(worker={"concurrency": 1}) as bench:
        child_tasks.register(bench.registry)
        async with bench.worker():
            handle = await child_tasks.parent.trigger(21)
            assert (await handle.wait()).output == 42
        (child,) = {run.run_id for run in bench.changes if run.parent_run_id == handle.id}
        assert "WAITING" in bench.statuses(handle.id)
        below = [name for depth, name, _ in bench.spans(handle.id) if depth == 4]
        assert below == ["child-double.trigger_and_wait()"]
        assert bench.last(child).trace_id == bench.last(handle.id).trace_id


async def test_a_child_does_not_outlive_its_worker(project: Path) -> None:
    import subprocess
    import sys

    (project / "runlog.toml").write_text('tasks = ["tests.executor.child_tasks"]\n[console]\nenabled = false\n')
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    code = "import runlog, time; from tests.executor.child_tasks import sleep\n"
    code += "with runlog.open() as project:\n    project.call(sleep.trigger, 60)\n    time.sleep(60)"
    worker = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        wait_until(notes, 30)
        worker.kill()
        wait_until(lambda: is_gone(int(notes()[0].split()[1])))
    finally:
        worker.kill()
        worker.wait()
