"""The verbs that run tasks, in processes of their own: trigger, worker, dev, cancel."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from runlog.config import Settings
from tests.cli.conftest import COMMAND, Command, environment
from tests.cli.working import background, run, shown, status
from tests.helpers import wait_until

TASKS = """
import anyio
from runlog import logger, task

@task(retry=1)
async def ship(order: int) -> str:
    with logger.trace("pack", order=order):
        logger.info("packing", carton=order % 3)
    if order > 100:
        raise LookupError(f"no order {order}")
    return f"shipped {order}"

@task
async def sleep() -> None:
    with logger.trace("sleeping"):
        await anyio.sleep(600)

@task
async def parent(orders: list[int]) -> list[str]:
    return [await ship.trigger_and_wait(order) for order in orders]
"""

LIMITED = """
import anyio
from runlog import Queue, task

busy = 0

@task(queue=Queue("mail", concurrency=1), tags=["news"])
async def only(number: int) -> int:
    global busy
    busy += 1
    most = busy
    await anyio.sleep(0.05)
    busy -= 1
    return most
"""

GATED = """
from pathlib import Path
import anyio
from runlog import current_run, task

@task
async def gated() -> str:
    Path("beginning.txt").write_text(current_run().run.id)
    Path("beginning.txt").rename("begun.txt")
    while not Path("go").exists():
        await anyio.sleep(0.01)
    return "done"
"""


@pytest.fixture(autouse=True)
def _project(project: Path) -> None:
    (project / "runlog.toml").write_text('tasks = ["tasks"]\n')
    (project / "tasks.py").write_text(TASKS)


def test_wait_prints_the_output_and_runs_it_here() -> None:
    answer = run("trigger", "ship", "5", "--wait")
    assert (answer.code, answer.out) == (0, "shipped 5\n")
    assert "packing" in answer.err


def test_wait_fails_as_the_run_did(runlog: Command) -> None:
    answer = run("trigger", "ship", "500", "--wait", "--json")
    assert answer.code == 1
    assert "LookupError: no order 500" in answer.err
    record = json.loads(answer.out)
    assert (record["status"], record["payload"], record["error"]["type"]) == ("FAILED", 500, "LookupError")
    assert record["logs"] > 0
    head, *_ = runlog("show", record["run_id"]).lines
    assert "FAILED on attempt 1 after" in head
    assert "LookupError in run()" in head


def test_the_payload_may_come_from_a_file_or_stdin(project: Path, runlog: Command) -> None:
    (project / "payload.json").write_text("[1, 2]")
    assert json.loads(run("trigger", "parent", "@payload.json", "--wait").out) == ["shipped 1", "shipped 2"]
    assert run("trigger", "ship", "-", "--wait", stdin="7").out == "shipped 7\n"
    newest = json.loads(runlog("runs", "task:parent", "--json").out)["run_id"]
    assert runlog("show", newest).out.count("→ ship run_") == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["ship", '"x"'], "does not fit"), (["shipp", "1"], "did you mean 'ship'"), (["ship"], "needs a payload")],
)
def test_what_cannot_run_is_refused(runlog: Command, arguments: list[str], says: str) -> None:
    answer = run("trigger", *arguments, "--wait")
    assert answer.code == 2
    assert says in answer.err
    assert runlog("runs").out == ""


def test_a_worker_runs_what_was_triggered_and_cancel_ends_it(runlog: Command) -> None:
    run_id = run("trigger", "sleep", "--tag", "slow").out.strip()
    assert status(run_id) == "QUEUED"
    with background("worker", "--quiet") as worker:
        wait_until(lambda: status(run_id) == "EXECUTING", 60)
        assert run("trigger", "ship", "6", "--wait").out == "shipped 6\n"
        assert "sleeping" in runlog("show", run_id[-8:]).lines[0]
        assert run("cancel", run_id[-8:], "--reason", "enough").code == 0
        wait_until(lambda: status(run_id) == "CANCELED", 60)
        assert runlog("show", run_id).lines[0].endswith("in sleeping: enough")
        again = run("cancel", run_id)
        assert (again.code, "has ended already" in again.err) == (2, True)
        worker.send_signal(signal.SIGINT)
        assert worker.wait(30) == 130
    assert "packing" not in shown()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_waited_for_goes_back_to_the_queue(runlog: Command, number: signal.Signals) -> None:
    with background("trigger", "sleep", "--wait") as process:
        wait_until(lambda: "EXECUTING" in shown(), 60)
        process.send_signal(number)
        assert process.wait(30) == 130
    assert json.loads(runlog("runs", "--json").out)["status"] == "QUEUED"
    assert "Traceback" not in shown()


def test_a_module_that_cannot_be_imported_is_one_error(project: Path) -> None:
    (project / "tasks.py").write_text("import nothing_like_it\n")
    answer = run("worker")
    assert answer.code == 2
    assert answer.err.startswith("error: ")
    assert "nothing_like_it" in answer.err
    assert "Traceback" not in answer.err


def test_records_of_a_killed_process_are_there_for_the_next_command(runlog: Command) -> None:
    program = (
        "import os, signal\nfrom runlog import logger\nlogger.info('last words')\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program], env=environment(), timeout=60, check=False)
    assert "last words" in runlog("search", "last").out


def test_wait_tells_the_end_also_where_the_log_does_not_have_it_yet() -> None:
    Path("tasks.py").write_text(GATED)
    with background("worker"):
        waiting = subprocess.Popen(
            [*COMMAND, "trigger", "gated", "--wait", "--json"], stdout=subprocess.PIPE, text=True, env=environment()
        )
        begun = Path("begun.txt")
        wait_until(lambda: begun.exists() and status(begun.read_text()) == "EXECUTING")
        log = sqlite3.connect(Settings.load().log_path, isolation_level=None)
        log.execute("BEGIN IMMEDIATE")  # nothing gets into the log
        Path("go").touch()
        try:
            record = json.loads(waiting.communicate(timeout=60)[0])
        finally:
            log.close()
    assert (record["status"], record["output"]) == ("COMPLETED", "done")


def test_what_is_triggered_by_id_goes_to_the_queue_that_its_task_declares(runlog: Command) -> None:
    early = [run("trigger", "only", str(number)).out.strip() for number in range(2)]
    Path("tasks.py").write_text(LIMITED)
    with background("worker"):
        wait_until(lambda: all(status(run_id) == "COMPLETED" for run_id in early))
        late = json.loads(run("trigger", "only", "2", "--wait", "--json").out)
    last = run("trigger", "only", "3", "--tag", "vip").out.strip()
    records = [json.loads(runlog("show", run_id, "--json").out)["run"] for run_id in early]
    assert [(one["queue"], one["output"]) for one in (*records, late)] == [("mail", 1)] * 3
    record = json.loads(runlog("show", last, "--json").out)["run"]
    assert (record["queue"], record["tags"], record["status"]) == ("mail", ["news", "vip"], "QUEUED")
