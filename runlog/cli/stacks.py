"""`runlog stacks`: where the code of a running run is, also while it blocks its event loop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import anyio
import typer

from runlog.cli.options import JsonDocument, RunId
from runlog.cli.output import output
from runlog.cli.project import load_settings, require_log
from runlog.config import Settings
from runlog.console.pieces import safe_lines
from runlog.console.stacks import stack_lines
from runlog.errors import RunlogError
from runlog.reading.clock import clock
from runlog.reading.records import event_record

if TYPE_CHECKING:
    from runlog.stores.base import Event, Reader, Run

SOURCE = "stacks"
"""The name of the logs that hold stacks."""

ASKED = "stacks when asked"
"""How their messages begin where somebody asked; others are written at a timeout, say."""

_PATIENCE = 10.0
_POLL = 0.03


def command(
    run: RunId,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Also what is not the run's.")] = False,
    json: JsonDocument = False,
) -> None:
    """Show where the code of a running run is: its tasks and threads, and with --all the others of its worker.

    Works while the run blocks its event loop. What is shown is kept in the run's log.

    \b
    runlog stacks 7f3k2p
    runlog stacks 7f3k2p --all
    """
    settings = load_settings()
    with require_log(settings) as log:
        found = log.run(run)
        after = log.last_event_id()
        anyio.run(_ask, settings, found.run_id)
        event = _answer(log, found, after)
    if json:
        output().json(event_record(event, found.task))
        return
    out = output()
    out.lines([[(text, "message")] for text in safe_lines(f"{clock(event.time)}  {event.message}")], 2)
    out.lines(stack_lines((event.extra or {}).get("stacks") or {}, 2, own_only=not everything), 4)


async def _ask(settings: Settings, run_id: str) -> None:
    from runlog import app
    from runlog.tasks.submitter import get_submitter

    async with app.open(settings=settings, worker=False):
        submitter = get_submitter()
        asked = await submitter.ask_for_stacks(run_id)
        run = await submitter.get(run_id)
    if asked:
        _check_worker(settings, run)
        return
    why = f"it is {run.status}" + (f": {run.reason}" if run.reason else "")
    raise RunlogError(f"run {run_id} is not being executed", why, f"runlog show {run_id}")


def _check_worker(settings: Settings, run: Run) -> None:
    """Raise RunlogError where nobody will answer."""
    from runlog.engines.local import live_workers

    if run.worker is not None and run.worker not in live_workers(settings.queue_path):
        raise RunlogError(
            f"the worker of run {run.run_id} has died",
            f"its process ({run.worker}) is gone; the next worker runs it again",
            f"runlog show {run.run_id}",
        )


def _answer(log: Reader, run: Run, after: int) -> Event:
    """Wait for the record."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        for event in log.events(run.run_id, after=after):
            if event.kind == "log" and event.name == SOURCE and str(event.message).startswith(ASKED):
                return event
        time.sleep(_POLL)
    now = log.run(run.run_id)
    if now.is_terminal:
        raise RunlogError(f"run {run.run_id} has ended meanwhile: {now.status}", fix=f"runlog show {run.run_id}")
    raise RunlogError(
        f"the worker of run {run.run_id} did not answer within {_PATIENCE:g} s",
        f"its process ({now.worker or 'unknown'}) may be stopped, swapped out, or unable to write its log",
        "runlog doctor",
    )
