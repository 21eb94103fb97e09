"""`runlog trigger`: a run is queued, and with --wait its result printed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from runlog.cli.options import JsonDocument, next_time
from runlog.cli.project import load_settings
from runlog.cli.results import carry_out, read_payload
from runlog.errors import RunlogError
from runlog.stores.query import parse_duration

if TYPE_CHECKING:
    from runlog.tasks.results import RunHandle

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _option(metavar: str, text: str, panel: str | None = None, short: tuple[str, ...] = ()) -> Any:
    return typer.Option(*short, metavar=metavar, help=text, rich_help_panel=panel)


_DELAY = _option("DURATION", "Not before: 30s, 5m, 2h.", "When")
_RUN_AT = _option("TIME", "Not before 14:02 (the next one), or 2026-01-31T14:02.", "When")
_TTL = _option("DURATION", "EXPIRED if it has not begun by then.", "When")
_PRIORITY = _option("SECONDS", "As if it had been ready so much earlier.", "When")
_METADATA = _option("JSON", "Its metadata at the start: an object.")
_KEY = _option("KEY", "Idempotency key: the run of an earlier trigger with it counts.")
_QUEUE = _option("NAME", "Instead of the task's.", "How", ("--queue", "-q"))
_CONCURRENCY_KEY = _option("KEY", "The queue's limit counts for each key by itself.", "How")
_MAX_ATTEMPTS = _option("N", "Instead of the task's.", "How")
_MAX_DURATION = _option("DURATION", "Of an attempt, instead of the task's.", "How")
_VERSION = _option("VERSION", "Only by workers of this version.", "How")


def command(
    task: Annotated[str, typer.Argument(metavar="TASK", help="The task's id.")],
    payload: Annotated[str | None, typer.Argument(metavar="PAYLOAD", help="JSON, @FILE, or - for stdin.")] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait; print its output, or fail as it did.")] = False,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", "-t", metavar="TAG", help="A tag; may be given several times.")
    ] = None,
    metadata: Annotated[str | None, _METADATA] = None,
    key: Annotated[str | None, _KEY] = None,
    delay: Annotated[str | None, _DELAY] = None,
    run_at: Annotated[str | None, _RUN_AT] = None,
    ttl: Annotated[str | None, _TTL] = None,
    priority: Annotated[float | None, _PRIORITY] = None,
    queue: Annotated[str | None, _QUEUE] = None,
    concurrency_key: Annotated[str | None, _CONCURRENCY_KEY] = None,
    max_attempts: Annotated[int | None, _MAX_ATTEMPTS] = None,
    max_duration: Annotated[str | None, _MAX_DURATION] = None,
    version: Annotated[str | None, _VERSION] = None,
    json: JsonDocument = False,
) -> None:
    """Queue a run of a task and print its id.

    With --wait, print its output instead; where no worker is running, the run is executed here. Exit code 1 says that
    it did not complete. Ctrl-C and SIGTERM put a run that is executed here back into the queue.

    \b
    runlog trigger sync-user '{"user_id": 1}'
    runlog trigger sync-user @payload.json --wait
    runlog trigger nightly-report --run-at 02:00 --tag nightly --key report-2026-01-31
    """
    values = read_payload(payload)
    given = {
        "tags": tag,
        "metadata": next(iter(read_payload(metadata, "--metadata")), None),
        "idempotency_key": key,
        "delay": _read("--delay", delay, _seconds, "30s"),
        "run_at": _read("--run-at", run_at, _moment, "14:02"),
        "ttl": _read("--ttl", ttl, _seconds, "1h"),
        "priority": priority,
        "queue": queue,
        "concurrency_key": concurrency_key,
        "max_attempts": max_attempts,
        "max_duration": _read("--max-duration", max_duration, _seconds, "5m"),
        "version": version,
    }
    options: Any = {name: value for name, value in given.items() if value is not None}

    async def start(here: bool) -> RunHandle[Any]:
        from runlog.tasks.registry import registry
        from runlog.tasks.trigger import trigger

        if here:
            registry.get(task)  # no worker would ever know it
        return await trigger(task, *values, **options)

    carry_out(load_settings(), start, wait=wait, json=json)


def _read(option: str, text: str | None, read: Callable[[str], T], example: str) -> T | None:
    """The value of an option, if it was given. Raises RunlogError."""
    if text is None:
        return None
    try:
        return read(text)
    except ValueError as error:
        kind = "time" if read is _moment else "duration"
        raise RunlogError(f"{option} is not a {kind}", str(error), f"runlog trigger TASK {option} {example}") from None


def _seconds(text: str) -> float:
    return parse_duration(text) / 1e9


def _moment(text: str) -> datetime:
    return _EPOCH + timedelta(microseconds=next_time(text, time.time_ns()) // 1000)
