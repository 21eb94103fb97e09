"""Attempts that hold up their worker, and a worker that is held up itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from runlog.executor.trouble import BLOCKED, EXIT_CODE, STACKS
from runlog.stores.base import Event
from tests.two_process.conftest import Scene, _log

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


@pytest.fixture
def impatient(scene: Scene) -> Scene:
    """What is overdue has a second to end."""
    with (scene.folder / "runlog.toml").open("a") as config:
        config.write("watchdog_grace = 1\n")
    return scene


def events(run_id: str) -> list[Event]:
    with _log() as log:
        found: list[Event] = log.events(run_id)
    return found


def named(run_id: str, name: str, kind: str) -> list[Event]:
    return [event for event in events(run_id) if event.name == name and event.kind == kind]


async def until(run_id: str, name: str, kind: str) -> Event:
    with anyio.fail_after(60):
        while not (found := named(run_id, name, kind)):
            await anyio.sleep(0.05)
    return found[0]


async def until_said(run_id: str, text: str) -> None:
    with anyio.fail_after(60):
        while not any(text in event.message for event in named(run_id, "runlog", "log")):
            await anyio.sleep(0.05)


async def test_a_loop_blocked_beyond_its_time_ends_the_worker_and_costs_the_run_one_attempt(impatient: Scene) -> None:
    (worker,) = await impatient.ready()
    bystander = await impatient.trigger("sleeper", 60)
    await impatient.noted("sleeper")
    handle = await impatient.trigger("overdue", 60)
    opened = await until(handle.id, BLOCKED, "open")
    assert "overdue (project.py:" in opened.attributes["blocked.by"]
    assert "time.sleep(seconds)" in opened.attributes["code.stacktrace"]
    assert worker.ended() == EXIT_CODE
    assert (await impatient.status(handle, "DELAYED")).attempt == 1
    assert (await impatient.status(bystander, "QUEUED")).attempt == 0
    await impatient.ready()
    assert (await handle.wait()).output == 2
    await impatient.noted("sleeper", 2)
    await bystander.cancel("enough")
    assert (await impatient.status(bystander, "CANCELED")).attempt == 1
    await impatient.check([handle.id, bystander.id])
    (stacks,) = named(handle.id, STACKS, "log")
    assert stacks.message.startswith("stacks at the end of its grace: overdue (project.py:")
    words = [event.message for event in events(handle.id) if event.name == "runlog"]
    assert any("attempt 1 of 2 failed: it took longer than 0.3 s (max_duration)" in text for text in words)
    assert any("as it blocks the event loop: it is ended here, and the worker with it" in text for text in words)
    assert {event.status for event in named(handle.id, BLOCKED, "span")} == {"unfinished"}


async def test_code_that_does_not_listen_is_left_behind_and_the_worker_goes_on(impatient: Scene) -> None:
    (worker,) = await impatient.ready()
    handle = await impatient.trigger("deaf", 2.5)
    assert (await impatient.status(handle, "TIMED_OUT")).attempt == 1
    assert impatient.effects("heard") == []
    other = await impatient.trigger("plain", 1)
    assert (await other.wait()).status == "COMPLETED"
    await impatient.noted("heard")
    assert worker.process.poll() is None
    await impatient.check([handle.id, other.id])
    assert [event.status for event in named(handle.id, "Attempt 1", "span")] == ["error"]
    words = [event.message for event in events(handle.id) if event.name == "runlog"]
    assert any("its code is left behind" in text for text in words)


async def test_stacks_are_told_by_a_worker_whose_loop_is_blocked(scene: Scene) -> None:
    await scene.ready()
    handle = await scene.trigger("blocking", 30)
    await scene.noted("blocking")
    told = json.loads(await runlog("stacks", handle.id, "--json"))
    assert told["message"].startswith("stacks when asked: blocking (project.py:")
    (thread,) = [stack for stack in told["extra"]["stacks"]["threads"] if stack.get("run")]
    assert thread["frames"][-1]["source"].startswith("time.sleep(seconds)")
    text = await runlog("stacks", handle.id)
    assert "thread MainThread (event loop)  of this run" in text
    assert "time.sleep(seconds)" in text
    assert "stacks that are not the run's are not shown" in text


async def test_stacks_of_what_does_not_run_are_refused_clearly(scene: Scene) -> None:
    handle = await scene.trigger("plain", 1)
    (worker,) = await scene.ready()
    await handle.wait()
    ended = await runlog("stacks", handle.id, code=2)
    assert "is not being executed" in ended
    assert "COMPLETED" in ended
    sleeping = await scene.trigger("sleeper", 60)
    await scene.noted("sleeper")
    worker.kill()
    dead = await runlog("stacks", sleeping.id, code=2)
    assert "has died" in dead
    await sleeping.cancel()


async def runlog(*arguments: str, code: int = 0) -> str:
    def call() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "runlog.cli", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )

    done: Any = await to_thread.run_sync(call)
    assert done.returncode == code, done.stderr
    return str(done.stdout if code == 0 else done.stderr)


async def test_a_fenced_attempt_whose_code_is_done_before_anybody_tells_it_is_marked_too(scene: Scene) -> None:
    """It blocks the event loop to its end: there is no moment for being told of the lease."""
    (stopped,) = await scene.ready()
    handle = await scene.trigger("blocking", 2)
    await scene.noted("blocking")
    stopped.signal(signal.SIGSTOP)
    await scene.ready()
    result = await handle.wait()
    assert (result.status, result.output) == ("COMPLETED", 2)
    stopped.signal(signal.SIGCONT)
    first = await until(handle.id, "Attempt 1", "span")
    assert first.status == "canceled"
    assert first.extra is not None
    assert "lease" in first.extra["status_message"]
    await until_said(handle.id, "attempt 1 has lost its lease")
    assert len(named(handle.id, "Attempt 1", "span")) == 1
    await scene.check([handle.id])


async def test_what_a_fenced_attempt_does_is_marked_with_the_reason(scene: Scene) -> None:
    (stopped,) = await scene.ready()
    handle = await scene.trigger("sleeper", 60)
    await scene.noted("sleeper")
    stopped.signal(signal.SIGSTOP)
    await scene.ready()
    await scene.noted("sleeper", 2)
    stopped.signal(signal.SIGCONT)
    first = await until(handle.id, "Attempt 1", "span")
    assert first.status == "canceled"
    assert first.extra is not None
    assert first.extra["status_message"]
    await until_said(handle.id, "attempt 1 has lost its lease")
    assert not named(handle.id, BLOCKED, "open")  # the process was stopped, nobody has blocked anything
    await handle.cancel("enough")
    await scene.status(handle, "CANCELED")
    await scene.check([handle.id])
    assert [event.status for event in named(handle.id, "Attempt 2", "span")] == ["canceled"]
