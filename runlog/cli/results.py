"""A run that a command has queued: its payload read, its end waited for, its outcome printed."""

from __future__ import annotations

import json as json_module
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import typer
from msgspec.structs import replace

from runlog.cli.output import error_line, note, output
from runlog.cli.project import open_log, without_console
from runlog.config import Settings
from runlog.errors import PayloadError, RunlogError, RunNotFound
from runlog.reading.records import decoded, run_record
from runlog.reading.sentences import error_title
from runlog.reading.text import json_text
from runlog.stores.base import Run
from runlog.system.eventloop import loop_options

if TYPE_CHECKING:
    from runlog.app import Project
    from runlog.tasks.results import RunHandle

Start = Callable[[bool], Awaitable["RunHandle[Any]"]]
"""Queues the run, in the open project; told whether it is going to be executed in this process."""

_DID_NOT_COMPLETE = 1
_OF_THE_END = (
    "version", "status", "changed", "attempt", "available", "started", "ended", "worker", "reason", "cause", "output",
    "error", "metadata",
)  # fmt: skip


def carry_out(settings: Settings, start: Start, *, wait: bool, json: bool) -> None:
    """Queue a run and print its id, or wait for it and print its outcome: where no worker runs, it is executed here.

    Exits with 1 if it did not complete.
    """
    from runlog.worker import has_worker

    with _terminated_as_interrupted() if wait else nullcontext():
        run_id, run = anyio.run(_carry_out, settings, start, wait, backend_options=loop_options())
    if run is not None:
        _print_outcome(settings, run, json=json)
    elif json:
        output().json({"run_id": run_id})
    else:
        output().foreign(run_id)
    if run is None and not has_worker(settings):
        note("No worker runs. To start one: runlog worker")


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does: what runs here goes back to the queue."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _print_outcome(settings: Settings, run: Run, *, json: bool) -> None:
    if json:
        output().json(run_record(_counted(settings, run), data=True))
    elif run.status == "COMPLETED":
        value = decoded(run.output)
        output().foreign(value if isinstance(value, str) else json_text(value))
    if run.status != "COMPLETED":
        error_line(
            f"{run.task} ended as {run.status} ({run.run_id})",
            error_title(run.error) or run.reason,
            f"runlog show {run.run_id}",
        )
        raise typer.Exit(_DID_NOT_COMPLETE)


async def _carry_out(settings: Settings, start: Start, wait: bool) -> tuple[str, Run | None]:
    from runlog import app
    from runlog.worker import has_worker

    here = wait and not has_worker(settings)
    if not here:  # an error is one line here, and the console shows the records of runs
        settings = without_console(settings)
    if wait and not here:
        note("Waiting for a worker to finish the run.")  # before capture would take it for a record
    async with app.open(settings=settings, worker=here) as project:
        handle = await start(here)
        return handle.id, await _ended(project, handle.id, here=here) if wait else None


async def _ended(project: Project, run_id: str, *, here: bool) -> Run:
    """Wait for a run. Raises RunlogError if the worker that is here has to give up."""
    from runlog.tasks.submitter import get_submitter

    results: list[Run | RunlogError] = []
    async with anyio.create_task_group() as group:

        async def give_up() -> None:
            results.append(await project.ended())
            group.cancel_scope.cancel()

        if here:
            group.start_soon(give_up)
        results += await get_submitter().wait([run_id])
        group.cancel_scope.cancel()
    if isinstance(results[0], RunlogError):
        raise results[0]
    return results[0]


def _counted(settings: Settings, run: Run) -> Run:
    """The run as the log has it, with its counters. What the log does not have yet, its worker being behind with
    writing, is as the queue has it."""
    with open_log(settings) as log:
        try:
            known = log.run(run.run_id) if log is not None else run
        except RunNotFound:
            return run
    return known if known.is_terminal else replace(known, **{name: getattr(run, name) for name in _OF_THE_END})


def read_payload(text: str | None, what: str = "the payload") -> tuple[Any, ...]:
    """What was given, decoded; empty for nothing. Raises PayloadError."""
    if text is None:
        return ()
    source = what
    try:
        if text == "-":
            source, text = "standard input", sys.stdin.read()
        elif text.startswith("@"):
            source = text[1:]
            text = Path(source).read_text(encoding="utf-8")
        return (json_module.loads(text, parse_constant=_refuse),)
    except OSError as error:
        raise PayloadError(f"cannot read {what} from {source}", error.strerror) from None
    except (ValueError, RecursionError) as error:
        fix = """'{"user_id": 1}'   # text: '"like this"'"""
        raise PayloadError(f"{source} is not JSON", str(error), fix) from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not in JSON")
