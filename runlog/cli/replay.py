"""`runlog replay`: runs are run once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import anyio
import typer

from runlog.cli.bulk import ProgressLine, QueryOption, Yes, check_query, confirm, say_refused
from runlog.cli.options import JsonDocument
from runlog.cli.output import note, output
from runlog.cli.project import load_settings, rescue, whole_id, without_console
from runlog.cli.results import carry_out, read_payload
from runlog.config import Settings
from runlog.errors import RunlogError
from runlog.reading.text import counted

if TYPE_CHECKING:
    from runlog.tasks.results import RunHandle

_REFUSED = 1


def command(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run's id, or the last (or first) characters of it.")
    ] = None,
    payload: Annotated[
        str | None, typer.Option("--payload", "-p", metavar="PAYLOAD", help="Another payload: JSON, @FILE, or -.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait; print its output, or fail as it did.")] = False,
    query: QueryOption = None,
    yes: Yes = False,
    json: JsonDocument = False,
) -> None:
    """Queue a new run of the same task with the same payload, queue, tags and options, and print its id.

    It runs on the newest version of the code. A payload that had secrets lost them when its run ended: give it anew.
    With --query, every run that matches; exit code 1 says that some could not be replayed.

    \b
    runlog replay 7f3k2p --wait
    runlog replay 7f3k2p --payload '{"user_id": 2}'
    runlog replay --query 'status:failed task:sync-user run.created:>-1h'
    """
    if (run is None) == (query is None):
        raise RunlogError("what is to be replayed?", "give a run, or a query", "runlog replay RUN   # or --query QUERY")
    settings = load_settings()
    if query is not None:
        if payload is not None or wait:
            raise RunlogError("--payload and --wait are for one run", fix=f"runlog replay --query {query!r}")
        _replay_all(settings, query, yes=yes, json=json)
        return
    values, run_id = read_payload(payload), whole_id(settings, run or "")

    async def start(here: bool) -> RunHandle[Any]:
        from runlog.tasks import runs
        from runlog.tasks.registry import registry

        if here:
            registry.get((await runs.get(run_id)).task)  # no worker would ever know it
        return await runs.replay(run_id, *values)

    carry_out(settings, start, wait=wait, json=json)


def _replay_all(settings: Settings, query: str, *, yes: bool, json: bool) -> None:
    check_query(query, "replay", yes=yes)
    rescue(settings)
    line = ProgressLine("Replaying")
    found, made = anyio.run(_replay_each, without_console(settings), query, yes, line)
    if json:
        output().json({"matched": found, "replayed": made, "refused": line.refused})
    elif not found:
        note("No run matches.")
    elif made is not None:
        output().text(f"{counted(len(made), 'run')} queued.")
        say_refused(line.refused)
    if line.refused:
        raise typer.Exit(_REFUSED)


async def _replay_each(settings: Settings, query: str, yes: bool, line: ProgressLine) -> tuple[int, list[str] | None]:
    """How many match, and the new runs: None where that was not confirmed."""
    from runlog import app
    from runlog.tasks import runs

    async with app.open(settings=settings, worker=False):
        found = await runs.matching(query)
        if not found:
            return 0, []
        if not confirm(f"Replay {counted(len(found), 'run')}?", yes=yes):
            return len(found), None
        return len(found), await runs.replay_each(found, line)
