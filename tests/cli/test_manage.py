"""cancel, replay, reschedule and queues: what changes runs, and why runs do not execute."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from runlog import app
from runlog.config import Settings
from runlog.engines.base import Work
from runlog.engines.local import LocalEngine
from runlog.stores import open_reader, open_store
from runlog.stores.base import Batch, Run
from runlog.tasks.submitter import RunRequest, get_submitter
from tests.cli.conftest import Command, environment, in_terminal

TASKS = """
from runlog import task

@task(retry=1)
async def ship(order: int) -> str:
    if order > 100:
        raise LookupError(f"no order {order}")
    return f"shipped {order}"
"""


@pytest.fixture(autouse=True)
def _project(project: Path) -> None:
    (project / "runlog.toml").write_text('tasks = ["tasks"]\n[console]\nenabled = false\n')
    (project / "tasks.py").write_text(TASKS)


def queue(count: int = 1, task: str = "ship", **values: Any) -> list[str]:
    """Queue runs in this process; return their ids."""
    requests = [RunRequest(**{"task": task, "payload": b"5", "queue": task, **values}) for _ in range(count)]

    async def submit() -> list[str]:
        async with app.open(worker=False):
            return await get_submitter().submit(requests, verb="trigger")

    return anyio.run(submit)


def stored(run_id: str) -> Run:
    with closing(open_reader(Settings.load())) as log:
        return log.run(run_id)


class Worker:
    """A worker that takes runs and does nothing with them."""

    def __init__(self, *, record: bool = False) -> None:
        """With `record` the log is told, at once."""
        self.record = record
        self.engine = LocalEngine(Settings.load().queue_path, self._changed)

    def _changed(self, run: Run) -> None:
        if self.record:
            with closing(open_store(Settings.load())) as store:
                store.write(Batch(runs=[run]))

    def claim(self, limit: int, **work: Any) -> None:
        wanted = Work(**{"tasks": ("ship",), **work})

        async def claim() -> None:
            with anyio.fail_after(10):
                await self.engine.claim(wanted, limit)

        anyio.run(claim)


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    anyio.run(made.engine.close)


def test_cancel_several(runlog: Command) -> None:
    first, second, third = queue(3)
    answer = runlog("cancel", first, second[-10:], "--reason", "enough")
    assert (answer.code, len(answer.lines)) == (0, 2)
    assert stored(second).reason == "enough"
    again = runlog("cancel", first, third, "--json")
    assert (again.code, "has ended already" in again.err) == (2, True)
    assert [json.loads(line)["canceled"] for line in again.lines] == [False, True]


def test_cancel_by_query_counts(runlog: Command) -> None:
    ids = queue(12)
    queue(1, task="other")
    runlog("cancel", ids[0])
    answer = runlog("cancel", "--query", "task:ship status:queued", "--yes", "--reason", "wrong list")
    assert (answer.code, answer.out) == (0, "Cancel of 11 runs is asked for.\n")
    assert {stored(run_id).status for run_id in ids} == {"CANCELED"}
    assert json.loads(runlog("runs", "task:other", "--json").out)["status"] == "QUEUED"
    nothing = runlog("cancel", "--query", "task:ship", "--yes")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "No run that has not ended matches.\n")


@pytest.mark.parametrize("verb", ["cancel", "replay"])
def test_many_are_changed_only_on_purpose(runlog: Command, verb: str) -> None:
    [run_id] = queue()
    unasked = runlog(verb, "--query", "task:ship")
    assert (unasked.code, "--yes" in unasked.err, "no terminal" in unasked.err) == (2, True, True)
    assert runlog(verb, "--query", " ", "--yes").code == 2
    assert runlog(verb).code == 2
    assert runlog(verb, run_id, "--query", "task:ship", "--yes").code == 2
    assert runlog(verb, "--query", "statu s:(", "--yes").code == 2
    assert [json.loads(line)["status"] for line in runlog("runs", "--json").lines] == ["QUEUED"]


def test_in_a_terminal_it_asks(runlog: Command) -> None:
    [run_id] = queue()
    screen = in_terminal("cancel", "--query", "task:ship", typed=b"n\n")
    assert any("Cancel 1 run? [y/N]" in line for line in screen.shown)
    assert stored(run_id).status == "QUEUED"
    screen = in_terminal("cancel", "--query", "task:ship", typed=b"y\n")
    assert screen.shown[-1] == "Cancel of 1 run is asked for."
    assert stored(run_id).status == "CANCELED"


def test_replay_one_with_another_payload_and_wait(runlog: Command) -> None:
    [run_id] = queue(payload=b"500", tags=("late",))
    runlog("cancel", run_id)
    answer = runlog("replay", run_id[-8:])
    assert answer.code == 0
    made = stored(answer.out.strip())
    assert (made.payload, made.tags, (made.options or {})["replay_of"]) == (500, ("late",), run_id)
    runlog("cancel", made.run_id)
    before = signal.getsignal(signal.SIGTERM)
    assert runlog("replay", run_id, "--payload", "7", "--wait").out == "shipped 7\n"
    assert signal.getsignal(signal.SIGTERM) is before
    failed = runlog("replay", run_id, "--wait")
    assert (failed.code, "LookupError: no order 500" in failed.err) == (1, True)
    refused = runlog("replay", run_id, "--payload", '"seven"', "--wait")
    assert (refused.code, "does not fit" in refused.err) == (2, True)
    assert f"replay of {run_id}" in runlog("show", made.run_id).out


def test_replay_by_query(runlog: Command) -> None:
    ids = queue(3)
    runlog("cancel", "--query", "task:ship", "--yes")
    assert runlog("replay", "--query", "status:canceled", "--yes").out == "3 runs queued.\n"
    assert len(runlog("runs", "status:queued", "--json").lines) == 3
    answer = json.loads(runlog("replay", "--query", f"run:{ids[0]}", "--yes", "--json").out)
    assert (answer["matched"], len(answer["replayed"]), answer["refused"]) == (1, 1, {})
    assert runlog("replay", "--query", "task:none", "--yes").err == "No run matches.\n"


def test_reschedule(runlog: Command) -> None:
    [run_id] = queue(delay=60.0)
    assert runlog("reschedule", run_id, "--delay", "2h").code == 0
    assert 7190 < (stored(run_id).available or 0) / 1e9 - time.time() < 7210
    assert runlog("reschedule", run_id, "--at", "2099-01-31T14:02:00Z").out == (
        f"{run_id} starts at 2099-01-31 14:02:00.\n"
    )
    clock = time.strftime("%H:%M", time.gmtime(time.time() - 120))
    assert runlog("reschedule", run_id, "--at", clock).code == 0
    assert 86_000 < (stored(run_id).available or 0) / 1e9 - time.time() < 86_400
    for wrong in ([], ["--delay", "5m", "--at", "14:02"], ["--at", "2001-01-01"], ["--delay", "soon"]):
        assert runlog("reschedule", run_id, *wrong).code == 2
    runlog("cancel", run_id)
    assert "has begun already, or has ended" in runlog("reschedule", run_id, "--delay", "1m").err


def why(runlog: Command, run_id: str) -> dict[str, Any]:
    """What `runs --json` says of a run; `show` says it too."""
    [record] = [json.loads(line) for line in runlog("runs", f"run:{run_id}", "--json").lines]
    shown = json.loads(runlog("show", run_id, "--json").out)
    assert shown["run"]["cause"]["code"] == record["cause"]["code"]
    assert shown["run"]["status"] in runlog("show", run_id).lines[0]
    found: dict[str, Any] = record
    return found


def test_why_runs_do_not_execute(runlog: Command, worker: Worker) -> None:
    ids = queue(3)
    assert why(runlog, ids[0])["reason"] == "no worker has run yet"
    worker.claim(3, limits={"ship": 1})
    held = why(runlog, ids[2])
    assert held["reason"] == "queue `ship` is at its limit 1, 1 ahead"
    assert held["cause"] == {"code": "queue_limit", "queue": "ship", "limit": 1, "ahead": 1}
    assert held["reason"] in runlog("runs").out
    assert held["reason"] in runlog("show", ids[2]).lines[0]
    assert runlog("queues", "pause", "ship").out == "Queue ship is paused.\n"
    assert why(runlog, ids[2])["reason"] == "queue `ship` is paused"
    [later] = queue(delay=180.0)
    assert why(runlog, later)["cause"]["code"] == "delayed"
    assert "DELAYED, starts in " in runlog("show", later).lines[0]
    [unknown] = queue(task="unheard-of")
    assert "unheard-of" in why(runlog, unknown)["reason"]


def test_a_run_of_a_dead_worker_says_so(runlog: Command) -> None:
    [run_id] = queue()
    program = "from tests.cli.test_manage import Worker; import os; Worker(record=True).claim(1); os._exit(0)"
    subprocess.run([sys.executable, "-c", program], env=environment(), check=True)  # nothing is given back
    found = why(runlog, run_id)
    assert found["cause"]["code"] == "worker_lost"
    assert found["reason"].startswith("its worker died ")
    assert found["reason"].endswith("runs again when a worker starts")


def test_reading_works_without_a_queue_and_where_nothing_can_be_written(runlog: Command, project: Path) -> None:
    [run_id] = queue()
    folder = project / ".runlog"
    mode = stat.S_IMODE(folder.stat().st_mode)
    for path in folder.glob("*-shm"):
        path.unlink()
    folder.chmod(0o500)
    try:
        assert runlog("runs").code == 0
        assert runlog("queues").code == 0
    finally:
        folder.chmod(mode)
    for path in folder.glob("queue.db*"):
        path.unlink()
    assert json.loads(runlog("runs", "--json").out)["status"] == "QUEUED"
    assert run_id in runlog("show", run_id).out
    assert runlog("queues").code == 0


def test_what_only_reads_or_asks_imports_nothing_of_the_project(runlog: Command, project: Path) -> None:
    [run_id] = queue()
    (project / "tasks.py").write_text("raise SystemExit('imported')")
    commands = (
        ["runs"], ["show", run_id], ["queues"], ["queues", "pause", "ship"], ["reschedule", run_id, "--delay", "1m"],
        ["replay", run_id], ["cancel", run_id], ["cancel", "--query", "task:ship", "--yes"],
    )  # fmt: skip
    for arguments in commands:
        assert runlog(*arguments).code == 0


def test_queues(runlog: Command, worker: Worker) -> None:
    queue(3)
    queue(1, task="ship", queue="mail", delay=60.0)
    worker.claim(3, limits={"ship": 2})
    title, *rows = [line.split() for line in runlog("queues").lines]
    assert title[:2] == ["queue", "limit"]
    assert rows == [["mail", "0", "0", "0", "1"], ["ship", "2", "2", "1", "0", "0", "full"]]
    assert runlog("queues", "pause", "mail").code == 0
    first = json.loads(runlog("queues", "--json").lines[0])
    assert first == {
        "name": "mail", "concurrency": None, "paused": True, "executing": 0, "queued": 0, "delayed": 1, "waiting": 0,
        "lost": 0, "keyed": False,
    }  # fmt: skip
    assert runlog("queues", "resume", "mail").out == "Queue mail goes on.\n"
    assert "so far" in runlog("queues", "pause", "typo").err
    assert "typo" in runlog("queues").out
    runlog("queues", "resume", "typo")
    without = runlog("queues")
    assert ("typo" in without.out, without.err) == (False, "1 more without a limit have no runs; --all shows them\n")
    assert "typo" in runlog("queues", "--all").out
    assert runlog("queues", "pause").code == 2
    for columns in (60, 80, 120):
        screen = in_terminal("queues", columns=columns)
        assert any("ship" in line and "full" in line for line in screen.shown)


def test_queues_tell_runs_of_a_dead_worker_apart_and_that_a_limit_is_of_each_key(runlog: Command) -> None:
    queue(3, concurrency_key="u_5")
    queue(1, concurrency_key="u_6")
    program = "from tests.cli.test_manage import Worker; import os; Worker().claim(4, limits={'ship': 2}); os._exit(0)"
    subprocess.run([sys.executable, "-c", program], env=environment(), check=True)  # nothing is given back
    (row,) = runlog("queues").lines[1:]
    words = " ".join(row.split())
    assert words == "ship 2 per key 3 1 0 0 3 of 3 executing on a worker that died"
    found = json.loads(runlog("queues", "--json").out)
    assert (found["executing"], found["lost"], found["keyed"]) == (3, 3, True)


def test_show_tells_what_was_asked_for(runlog: Command) -> None:
    [run_id] = queue(
        concurrency_key="u_5", priority=60.0, ttl=600.0, max_attempts=2, max_duration=30.0, delay=300.0,
        metadata=b'{"progress": 40, "step": {"name": "packing"}}', schedule_id="nightly",
    )  # fmt: skip
    shown = " ".join(" ".join(runlog("show", run_id).lines).split())
    for fact in (
        "queue ship, key u_5", "priority 1 min", "ttl 10 min", "expires at", "max_attempts 2", "max_duration 30 s",
        "payload 5", "schedule nightly", "metadata progress = 40", 'metadata step = {"name": "packing"}',
    ):  # fmt: skip
        assert fact in shown
    run = json.loads(runlog("show", run_id, "--json").out)["run"]
    assert (run["metadata"]["progress"], run["options"]["priority"]) == (40, 60.0)
    found = json.loads(runlog("runs", "run.concurrency_key:u_5", "run.priority:>10", "run.schedule:*", "--json").out)
    assert found["run_id"] == run_id
