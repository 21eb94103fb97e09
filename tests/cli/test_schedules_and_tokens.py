"""schedules and tokens: what runs when, and what runs wait for."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from runlog.config import Settings
from runlog.engines.base import Engine, Outcome, Work
from runlog.engines.local import LocalEngine
from runlog.tasks.states import ScheduleState
from tests.cli.conftest import Command, in_terminal
from tests.engines.conftest import new_run

SECOND = 1_000_000_000


def with_engine(use: Any) -> Any:
    """Run an async function of an engine on the project's queue."""

    async def run() -> Any:
        engine = LocalEngine(Settings.load().queue_path, lambda _: None)
        try:
            return await use(engine)
        finally:
            await engine.close()

    return anyio.run(run)


def declared(schedule_id: str = "nightly", cron: str = "0 3 * * *", **changes: Any) -> ScheduleState:
    now = time.time_ns()
    values: dict[str, Any] = {"task": "report", "timezone": "Europe/Berlin", "planned": now, "seen": now}
    return ScheduleState(schedule_id, cron=cron, **{**values, **changes})


@pytest.fixture
def ran(project: Path) -> str:
    """Two schedules, one with a run that has completed; return its id."""
    run = new_run("report", created=time.time_ns())

    async def prepare(engine: Engine) -> None:
        await engine.keep_schedules([declared(), declared("weekly", "0 4 * * 1")])
        await engine.fire("nightly", time.time_ns(), run)
        (delivery,) = await engine.claim(Work(("report",)), 1)
        await engine.finish(delivery, Outcome("COMPLETED"))

    with_engine(prepare)
    return run.run_id


@pytest.mark.usefixtures("ran")
@pytest.mark.parametrize("command", ["schedules", "tokens"])
def test_a_list_writes_nothing(runlog: Command, command: str) -> None:
    lock = Settings.load().queue_path.with_name("queue.db.lock")
    lock.unlink()
    assert runlog(command).code == 0
    assert not lock.exists()


def test_schedules_are_listed_with_their_next_time_and_their_newest_run(runlog: Command, ran: str) -> None:
    answer = runlog("schedules")
    assert answer.code == 0
    title, nightly, weekly = answer.lines
    assert title.split() == ["schedule", "task", "cron", "zone", "next", "last", "run", "status", "why"]
    for word in ("nightly", "report", "0 3 * * *", "Europe/Berlin", ran, "✓ COMPLETED", "no worker runs it"):
        assert word in nightly
    assert "run_" not in weekly
    (first, second) = map(json.loads, runlog("schedules", "--json").lines)
    assert (first["schedule_id"], first["run_id"], first["status"]) == ("nightly", ran, "COMPLETED")
    assert (first["paused"], first["known"], second["status"], second["last"]) == (False, False, None, None)
    assert first["next"] > first["last"]


def test_a_schedule_is_known_while_a_worker_that_declares_it_lives(runlog: Command, project: Path) -> None:
    async def look(engine: Engine) -> list[dict[str, Any]]:
        old = time.time_ns() - 3600 * SECOND
        await engine.keep_schedules([declared(), declared("gone", seen=old, planned=old)])
        with anyio.move_on_after(0.5):
            await engine.claim(Work(("report",)), 1)
        answer = await anyio.to_thread.run_sync(runlog, "schedules", "--json")
        return [json.loads(line) for line in answer.lines]

    gone, nightly = with_engine(look)
    assert (gone["schedule_id"], gone["known"]) == ("gone", False)
    assert (nightly["schedule_id"], nightly["known"]) == ("nightly", True)


def test_a_schedule_is_paused_and_goes_on(runlog: Command, ran: str) -> None:
    assert runlog("schedules", "pause", "nightly").out == "Schedule nightly is paused.\n"
    assert runlog("schedules").lines[1].endswith("paused")
    assert json.loads(runlog("schedules", "--json").lines[0])["next"] is None
    assert json.loads(runlog("schedules", "resume", "nightly", "--json").out) == {
        "schedule_id": "nightly",
        "paused": False,
    }
    unknown = runlog("schedules", "pause", "hourly")
    assert (unknown.code, "there is no schedule 'hourly'" in unknown.err) == (2, True)
    assert runlog("schedules", "pause").code == 2


@pytest.mark.parametrize("verb", ["schedules", "tokens"])
def test_an_empty_project_has_none(runlog: Command, project: Path, verb: str) -> None:
    assert "Nothing is recorded yet" in runlog(verb).err
    with_engine(lambda engine: engine.schedules())
    assert runlog(verb).err
    assert runlog(verb).code == 0


def test_a_token_is_made_listed_and_completed_once(runlog: Command, project: Path) -> None:
    token_id = runlog("tokens", "create", "--timeout", "2h", "--tag", "approval").out.strip()
    over = json.loads(runlog("tokens", "create", "--timeout", "0", "--json").out)["token_id"]
    title, first, second = runlog("tokens").lines
    assert title.split() == ["status", "token", "created", "until", "tags", "callback"]
    assert (first.split()[:2], second.split()[:2]) == (["TIMED_OUT", over], ["PENDING", token_id])
    assert "approval  http://127.0.0.1:4477/callback/" in second

    done = runlog("tokens", "complete", token_id, '{"by": "Ada"}')
    assert (done.code, done.out) == (0, f"Token {token_id} is completed.\n")
    again = runlog("tokens", "complete", token_id, "--json")
    assert (again.code, json.loads(again.out)) == (1, {"token_id": token_id, "completed": False})
    assert runlog("tokens", "complete", over).code == 1
    listed = [json.loads(line) for line in runlog("tokens", "--json").lines]
    assert [(one["status"], one["output"]) for one in listed] == [("TIMED_OUT", None), ("COMPLETED", {"by": "Ada"})]
    assert listed[1]["expires"] > listed[1]["created"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("complete",), "which token is completed?"),
        (("complete", "token_x"), "there is no token 'token_x'"),
        (("complete", "token_x", "{"), "is not JSON"),
        (("create", "--timeout", "soon"), "--timeout is not a duration"),
        (("create", "--tag", ""), "a tag has 1 to 128"),
    ],
)
def test_what_is_wrong_is_said(runlog: Command, project: Path, arguments: tuple[str, ...], said: str) -> None:
    answer = runlog("tokens", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_foreign_text_is_shown_safely_and_fits_a_terminal(runlog: Command, project: Path) -> None:
    async def prepare(engine: Engine) -> None:
        await engine.keep_schedules([declared("evil\x1b[31m", task="t" * 90)])
        await engine.create_token("token_a", tags=("bell\x07", "x" * 100))
        await engine.complete_token("token_a", b'"\\u001b]0;title\\u0007"')

    with_engine(prepare)
    for verb in ("schedules", "tokens"):
        screen = in_terminal(verb, columns=80)
        assert all(len(line) <= 80 for line in screen.shown)
        assert screen.title == ""
        assert b"\x07" not in screen.raw
