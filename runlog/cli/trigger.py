"""`runlog trigger`: a run is queued, and with --wait its result printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlog.cli.options import JsonDocument
from runlog.cli.project import load_settings
from runlog.cli.results import carry_out, read_payload
from runlog.errors import RunlogError
from runlog.stores.query import parse_duration

if TYPE_CHECKING:
    from runlog.tasks.results import RunHandle


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
    values = read_payload(payload)
    seconds = _delay(delay)

    async def start(here: bool) -> RunHandle[Any]:
        from runlog.tasks.registry import registry
        from runlog.tasks.trigger import trigger

        if here:
            registry.get(task)  # no worker would ever know it
        return await trigger(task, *values, delay=seconds, tags=tuple(tag or ()))

    carry_out(load_settings(), start, wait=wait, json=json)


def _delay(text: str) -> float:
    try:
        return parse_duration(text) / 1e9
    except ValueError as error:
        raise RunlogError("--delay is not a duration", str(error), "runlog trigger TASK --delay 30s") from None
