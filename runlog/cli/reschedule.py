"""`runlog reschedule`: a run that has not begun starts at another time."""

from __future__ import annotations

import time
from typing import Annotated

import anyio
import typer

from runlog.cli.options import JsonDocument, RunId, next_time
from runlog.cli.output import output
from runlog.cli.project import load_settings, whole_id, without_console
from runlog.config import Settings
from runlog.errors import RunlogError
from runlog.reading.clock import clock
from runlog.reading.records import time_text
from runlog.reading.text import one_line
from runlog.stores.query import parse_duration


def command(
    run: RunId,
    delay: Annotated[str | None, typer.Option(metavar="DURATION", help="From now: 30s, 5m, 2h.")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="At 14:02 (the next one), or 2026-01-31T14:02.")
    ] = None,
    json: JsonDocument = False,
) -> None:
    """Have a run that has not begun start at another time.

    \b
    runlog reschedule 7f3k2p --delay 5m
    runlog reschedule 7f3k2p --at 2026-01-31T08:00:00Z
    """
    moment = _moment(delay, at)
    settings = load_settings()
    run_id = whole_id(settings, run)
    if not anyio.run(_reschedule, without_console(settings), run_id, moment):
        raise RunlogError(f"run {one_line(run_id)} has begun already, or has ended", fix=f"runlog show {run_id}")
    if json:
        output().json({"run_id": run_id, "available": time_text(moment)})
    else:
        output().foreign(f"{run_id} starts at {clock(moment)}.")


def _moment(delay: str | None, at: str | None) -> int:
    """When it is to start (ns). Raises RunlogError."""
    now = time.time_ns()
    try:
        if delay is not None and at is None:
            return now + parse_duration(delay)
        if at is not None and delay is None:
            return next_time(at, now)
    except ValueError as error:
        raise RunlogError("that is no time to start at", str(error), "runlog reschedule RUN --delay 5m") from None
    raise RunlogError(
        "when is it to start?", "give --delay or --at", "runlog reschedule RUN --delay 5m   # or --at 14:02"
    )


async def _reschedule(settings: Settings, run_id: str, moment: int) -> bool:
    from runlog import app
    from runlog.tasks.submitter import get_submitter

    async with app.open(settings=settings, worker=False):
        return await get_submitter().reschedule(run_id, delay=None, run_at=moment)
