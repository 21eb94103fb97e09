"""Worker processes as people start, watch and end them."""

from __future__ import annotations

import json
import os
import signal
from datetime import datetime
from pathlib import Path

import anyio
import pytest

from runlog.config import Settings
from runlog.engines.local import LocalEngine, live_workers
from runlog.stores.base import Run
from tests.cli.conftest import Command
from tests.cli.working import background, run, shown, status
from tests.helpers import wait_until

TASKS = """
import asyncio
import sys
import time
import anyio
from runlog import task

@task(retry=1)
async def ship(order: int) -> str:
    return f"shipped {order}"

@task(retry=1)
async def sleep() -> None:
    await anyio.sleep(600)

@task(retry=1)
async def parent() -> None:
    await sleep.trigger_and_wait()

@task(retry=1)
def thread() -> None:
    time.sleep(600)

@task(retry=1, process=True)
async def process() -> None:
    await anyio.sleep(600)

async def leave() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(anyio.to_thread.run_sync(int))
        group.create_task(leave_here())

async def leave_here() -> None:
    sys.exit(3)

leaves = task(id="leaves", retry=1)(leave)
leaves_child = task(id="leaves-child", retry=1, process=True)(leave)
"""


@pytest.fixture(autouse=True)
def _project(project: Path) -> None:
    (project / "runlog.toml").write_text('tasks = ["tasks"]\n')
    (project / "tasks.py").write_text(TASKS)


def trigger(task: str, *arguments: str) -> str:
    return run("trigger", task, *arguments).out.strip()


def in_queue(run_id: str) -> Run:
    """The run as the queue has it."""

    async def get() -> Run:
        engine = LocalEngine(Settings.load().queue_path, lambda _: None)
        try:
            return await engine.get(run_id)
        finally:
            await engine.close()

    return anyio.run(get)


def test_several_processes_take_from_the_queues_they_are_told(runlog: Command) -> None:
    left = trigger("sleep")
    with background("worker", "--processes", "2", "-q", "ship", "--version", "v7", "--quiet") as supervisor:
        wait_until(lambda: len(live_workers(Settings.load().queue_path)) == 2, 60)
        assert run("trigger", "ship", "6", "--wait").out == "shipped 6\n"
        workers = [json.loads(line) for line in runlog("workers", "--json").lines]
        assert {(worker["alive"], *worker["queues"], worker["version"]) for worker in workers} == {(True, "ship", "v7")}
        assert all(datetime.fromisoformat(worker[name]).tzinfo for worker in workers for name in ("seen", "started"))
        assert "ship, sleep, thread" in runlog("workers").lines[1]
        os.kill(workers[0]["pid"], signal.SIGKILL)
        wait_until(lambda: "was killed by SIGKILL" in shown(), 60)
        wait_until(lambda: len(live_workers(Settings.load().queue_path)) == 2, 60)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(60) == 0
    assert live_workers(Settings.load().queue_path) == []
    assert in_queue(left).status == "QUEUED"
    assert runlog("workers", "--json").out == ""


def test_sigterm_puts_back_whatever_does_not_end_in_time() -> None:
    with background("worker", "--grace", "0.2", "--quiet") as worker:
        run_ids = [trigger(task) for task in ("parent", "thread", "process")]
        wait_until(lambda: [status(run_id) for run_id in run_ids] == ["WAITING", "EXECUTING", "EXECUTING"], 60)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    runs = [in_queue(run_id) for run_id in run_ids]
    assert [(run.status, run.attempt) for run in runs] == [("QUEUED", 0)] * 3


def test_an_exit_in_a_task_group_of_a_run_fails_that_run_and_ends_nothing_else() -> None:
    with background("worker", "--quiet") as worker:
        waiting = trigger("sleep")
        wait_until(lambda: status(waiting) == "EXECUTING", 60)
        for task in ("leaves", "leaves-child"):
            run_id = trigger(task)
            wait_until(lambda run_id=run_id: status(run_id) == "FAILED", 60)  # type: ignore[misc]
            error = in_queue(run_id).error
            assert (error or {})["type"] == "SystemExit"
        assert (worker.poll(), status(waiting)) == (None, "EXECUTING")
        assert run("cancel", waiting).code == 0


def test_a_second_signal_does_not_wait() -> None:
    with background("worker", "--grace", "60", "--quiet") as worker:
        run_id = trigger("sleep")
        wait_until(lambda: status(run_id) == "EXECUTING", 60)

        def has_ended() -> bool:
            worker.send_signal(signal.SIGTERM)  # again and again: two at one time may be seen as one
            return worker.poll() is not None

        wait_until(has_ended, 20)
        assert worker.wait(0) == 128 + signal.SIGTERM


def test_dev_starts_again_when_a_file_changes_and_puts_back_what_runs(project: Path) -> None:
    with background("dev") as supervisor:
        run_id = trigger("sleep")
        wait_until(lambda: status(run_id) == "EXECUTING", 60)
        (project / "tasks.py").write_text(TASKS.replace("shipped", "sent"))
        wait_until(lambda: "tasks.py changed" in shown(), 60)
        wait_until(lambda: shown().count("runlog worker:") == 2, 60)
        assert run("trigger", "ship", "1", "--wait").out == "sent 1\n"
        assert in_queue(run_id).attempt == 1  # again, with no attempt used
        assert run("cancel", run_id).code == 0  # the restarts that follow have nothing to wait for
        (project / "tasks.py").write_text("broken =")
        wait_until(lambda: "exit code 2" in shown(), 60)
        assert "SyntaxError: invalid syntax (tasks.py, line 1)" in shown()
        (project / "tasks.py").write_text(TASKS)
        wait_until(lambda: shown().count("runlog worker:") == 3, 60)
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait(30) == 0
