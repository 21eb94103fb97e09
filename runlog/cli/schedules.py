"""`runlog schedules`: what runs when; pausing schedules, and letting them go on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import anyio
import typer

from runlog.cli.layout import Column, table
from runlog.cli.options import JsonLines
from runlog.cli.output import note, output
from runlog.cli.project import load_settings
from runlog.config import Settings
from runlog.console.format import short_run_id, state_of
from runlog.console.pieces import Line, Piece
from runlog.errors import RunlogError, RunNotFound
from runlog.reading.clock import clock
from runlog.reading.opening import nothing_recorded
from runlog.reading.records import time_text
from runlog.reading.text import one_line
from runlog.tasks.cron import Cron
from runlog.tasks.states import ScheduleState

if TYPE_CHECKING:
    from runlog.engines.local.looking import QueueFile

_DECLARED = 90_000_000_000
"""A worker that knows a schedule declares it more often than that (ns)."""

_COLUMNS = (
    Column("schedule", shrink=True, least=10),
    Column("task", shrink=True, least=10),
    Column("cron"),
    Column("zone", drop=3),
    Column("next"),
    Column("last", drop=2),
    Column("run", drop=1),
    Column("status"),
    Column("why"),
)


class Action(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True)
class _Row:
    state: ScheduleState
    upcoming: int | None
    status: str | None
    """That of its newest run, as long as the queue has it."""
    is_known: bool
    """A worker that lives runs it."""


def command(
    action: Annotated[Action | None, typer.Argument(help="What to do with a schedule.", show_default=False)] = None,
    schedule: Annotated[str | None, typer.Argument(metavar="ID", help="The schedule.", show_default=False)] = None,
    json: JsonLines = False,
) -> None:
    """List the schedules that workers have declared: when each runs next, and its newest run.

    A schedule that is paused starts no runs; what was planned meanwhile is left out when it goes on.

    \b
    runlog schedules
    runlog schedules pause nightly-report
    runlog schedules resume nightly-report
    """
    settings = load_settings()
    if action is None:
        _list(settings, json=json)
        return
    if schedule is None:
        raise RunlogError(
            f"which schedule is to {action}?", fix=f"runlog schedules {action} ID   # runlog schedules lists them"
        )
    paused = action is Action.PAUSE
    anyio.run(_pause, settings, schedule, paused)
    if json:
        output().json({"schedule_id": schedule, "paused": paused})
    else:
        output().foreign(f"Schedule {schedule} is paused." if paused else f"Schedule {schedule} goes on.")


def _list(settings: Settings, *, json: bool) -> None:
    if not settings.queue_path.exists():
        note(nothing_recorded(settings))
        return
    rows = _rows(settings)
    if json:
        for row in rows:
            output().json(_record(row))
    elif rows:
        _print(rows)
    else:
        note("No worker has declared a schedule. They are declared with @schedule(cron=...) above @task.")


def _print(rows: Sequence[_Row]) -> None:
    out = output()
    whole = not out.terminal
    out.lines(table(_COLUMNS, [_line(row, whole=whole) for row in rows], out.width if out.terminal else None))


def _line(row: _Row, *, whole: bool) -> Line:
    state = row.state
    run = "" if state.run_id is None else one_line(state.run_id) if whole else short_run_id(state.run_id)
    glyph, style = ("", "") if row.status is None else state_of(row.status)
    why: Piece = ("paused", "attention") if state.paused else ("", "")
    if not state.paused and not row.is_known:
        why = ("no worker runs it", "attention")
    return [
        (one_line(state.schedule_id), "task"),
        (one_line(state.task), "task"),
        (one_line(state.cron), "value"),
        (one_line(state.timezone), ""),
        ("" if row.upcoming is None else clock(row.upcoming), "time"),
        ("" if state.last is None else clock(state.last), "time"),
        (run, "source"),
        (f"{glyph} {one_line(row.status)}" if row.status else "", style),
        why,
    ]


def _record(row: _Row) -> dict[str, Any]:
    state = row.state
    return {
        "schedule_id": state.schedule_id,
        "task": state.task,
        "cron": state.cron,
        "timezone": state.timezone,
        "next": time_text(row.upcoming),
        "last": time_text(state.last),
        "run_id": state.run_id,
        "status": row.status,
        "paused": state.paused,
        "known": row.is_known,
        "seen": time_text(state.seen),
    }


def _rows(settings: Settings) -> list[_Row]:
    from runlog.engines.local import live_workers
    from runlog.engines.local.looking import QueueFile

    now, lives = time.time_ns(), bool(live_workers(settings.queue_path))
    with QueueFile(settings.queue_path) as queue:
        return [
            _Row(state, _upcoming(state, now), _status(queue, state), lives and now - state.seen < _DECLARED)
            for state in queue.schedules()
        ]


def _upcoming(state: ScheduleState, now: int) -> int | None:
    """When it runs next, as its workers see it; None while it is paused."""
    with suppress(RunlogError):  # a time zone that this machine does not know
        return None if state.paused else Cron(state.cron, state.timezone).next(max(now, state.planned))
    return None


def _status(queue: QueueFile, state: ScheduleState) -> str | None:
    with suppress(RunNotFound):
        return None if state.run_id is None else queue.explain(state.run_id).status
    return None


async def _pause(settings: Settings, schedule_id: str, paused: bool) -> None:
    from runlog.engines.local import LocalEngine

    engine = LocalEngine(settings.queue_path, lambda _: None)
    try:
        await engine.pause_schedule(schedule_id, paused=paused)
    finally:
        await engine.close()
