"""`runlog trigger`: a run is queued, and with --wait its result printed."""

from __future__ import annotations

import json as json_module
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import anyio
import typer

from runlog.cli.options import JsonDocument
from runlog.cli.output import error_line, json_text, note, output
from runlog.cli.project import load_settings, open_log
from runlog.cli.records import decoded, run_record
from runlog.cli.sentences import error_title
from runlog.config import Settings
from runlog.errors import PayloadError, RunlogError, RunNotFound, StoreError
from runlog.stores.base import Run
from runlog.stores.query import parse_duration

if TYPE_CHECKING:
    from runlog.app import Project

_DID_NOT_COMPLETE = 1


def command(
    task: Annotated[str, typer.Argument(metavar="TASK", help="The task's id.")],
    payload: Annotated[str | None, typer.Argument(metavar="PAYLOAD", help="JSON, @FILE, or - for stdin.")] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait; print its output, or fail as it did.")] = False,
    delay: Annotated[str, typer.Option(metavar="DURATION", help="Not before: 30s, 5m, 2h.")] = "0",
    tag: Annotated[list[str] | None, typer.Option("--tag", "-t", help="A tag; may be given several times.")] = None,
    json: JsonDocument = False,
) -> None:
    """Queue a run of a task and print its id.

    With --wait, print its output instead; where no worker is running, the run is executed here. Exit code 1 says that
    it did not complete. Ctrl-C and SIGTERM put a run that is executed here back into the queue.

    \b
    runlog trigger sync-user '{"user_id": 1}'
    runlog trigger sync-user @payload.json --wait
    runlog trigger nightly-report --delay 2h --tag nightly
    """
    values = _payload(payload)
    seconds = _delay(delay)
    settings = load_settings()
    run_id, run = anyio.run(_trigger, settings, task, values, seconds, tuple(tag or ()), wait)
    if run is None:
        if json:
            output().json({"run_id": run_id})
        else:
            output().foreign(run_id)
        return
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


async def _trigger(
    settings: Settings, task: str, payload: tuple[Any, ...], delay: float, tags: tuple[str, ...], wait: bool
) -> tuple[str, Run | None]:
    from runlog import app
    from runlog.tasks.registry import registry
    from runlog.tasks.trigger import trigger
    from runlog.worker import has_worker

    here = wait and not has_worker(settings)
    if not here:  # an error is one line here, and the console shows the records of runs
        settings = settings.model_copy(update={"console": settings.console.model_copy(update={"enabled": False})})
    if wait:  # SIGTERM ends it as Ctrl-C does: what runs here goes back to the queue
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    if wait and not here:
        note("Waiting for a worker to finish the run.")  # before capture would take it for a record
    async with app.open(settings=settings, worker=here) as project:
        if here:
            registry.get(task)  # no worker would ever know it
        handle = await trigger(task, *payload, delay=delay, tags=tags)
        return handle.id, await _ended(project, handle.id, here=here) if wait else None


async def _ended(project: Project, run_id: str, *, here: bool) -> Run:
    """Wait for a run. Raises StoreError if the worker that is here has to give up."""
    from runlog.tasks.submitter import get_submitter

    results: list[Run | StoreError] = []
    async with anyio.create_task_group() as group:

        async def give_up() -> None:
            results.append(await project.ended())
            group.cancel_scope.cancel()

        if here:
            group.start_soon(give_up)
        results += await get_submitter().wait([run_id])
        group.cancel_scope.cancel()
    if isinstance(results[0], StoreError):
        raise results[0]
    return results[0]


def _counted(settings: Settings, run: Run) -> Run:
    """The run as the log has it, with its counters, or else as the queue has it."""
    with open_log(settings) as log:
        try:
            return log.run(run.run_id) if log is not None else run
        except RunNotFound:
            return run


def _payload(text: str | None) -> tuple[Any, ...]:
    """What was given, decoded; empty for nothing. Raises PayloadError."""
    if text is None:
        return ()
    source = "the payload"
    try:
        if text == "-":
            source, text = "standard input", sys.stdin.read()
        elif text.startswith("@"):
            source = text[1:]
            text = Path(source).read_text(encoding="utf-8")
        return (json_module.loads(text, parse_constant=_refuse),)
    except OSError as error:
        raise PayloadError(f"cannot read the payload from {source}", error.strerror) from None
    except (ValueError, RecursionError) as error:
        raise PayloadError(
            f"{source} is not JSON", str(error), """runlog trigger TASK '{"user_id": 1}'   # text: '"like this"'"""
        ) from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not in JSON")


def _delay(text: str) -> float:
    try:
        return parse_duration(text) / 1e9
    except ValueError as error:
        raise RunlogError("--delay is not a duration", str(error), "runlog trigger TASK --delay 30s") from None
