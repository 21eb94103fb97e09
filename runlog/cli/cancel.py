"""`runlog cancel`: runs are cancelled, with the children that they wait for."""

from __future__ import annotations

from typing import Annotated

import anyio
import typer

from runlog.cli.bulk import ProgressLine, QueryOption, Yes, check_query, confirm
from runlog.cli.options import JsonDocument
from runlog.cli.output import error_line, note, output
from runlog.cli.project import load_settings, rescue, whole_id, without_console
from runlog.config import Settings
from runlog.errors import RunlogError
from runlog.reading.text import counted, one_line

_HAD_ENDED = 2


def command(
    run: Annotated[
        list[str] | None, typer.Argument(metavar="RUN", help="Ids, or the last (or first) characters of them.")
    ] = None,
    query: QueryOption = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; kept in the run.")] = None,
    yes: Yes = False,
    json: JsonDocument = False,
) -> None:
    """Cancel runs and the children that they wait for.

    A queued run ends at once, a running one at its next await. With --query, every run that matches and has not ended.

    \b
    runlog cancel 7f3k2p
    runlog cancel 7f3k2p 9x2m4q --reason "wrong customer"
    runlog cancel --query 'status:queued task:send-email'
    """
    if bool(run) == (query is not None):
        raise RunlogError("what is to be cancelled?", "give runs, or a query", "runlog cancel RUN   # or --query QUERY")
    settings = load_settings()
    if query is None:
        _cancel_these(settings, run or [], reason, json=json)
        return
    check_query(query, "cancel", yes=yes)
    rescue(settings)
    found, canceled = anyio.run(_cancel_all, without_console(settings), query, reason, yes)
    if json:
        output().json({"matched": found, "canceled": canceled})
    elif not found:
        note("No run that has not ended matches.")
    elif canceled is not None:
        ended = f"; {found - canceled:,} had ended meanwhile" if found > canceled else ""
        output().text(f"Cancel of {counted(canceled, 'run')} is asked for{ended}.")


def _cancel_these(settings: Settings, runs: list[str], reason: str | None, *, json: bool) -> None:
    run_ids = [whole_id(settings, run) for run in runs]
    asked = anyio.run(_cancel, without_console(settings), run_ids, reason)
    for run_id, canceled in zip(run_ids, asked, strict=True):
        if json:
            output().json({"run_id": run_id, "canceled": canceled})
        elif canceled:
            output().foreign(f"Cancel of {run_id} is asked for.")
        if not canceled:
            output().flush()
            error_line(f"run {one_line(run_id)} has ended already", fix=f"runlog show {run_id}")
    if not all(asked):
        raise typer.Exit(_HAD_ENDED)


async def _cancel(settings: Settings, run_ids: list[str], reason: str | None) -> list[bool]:
    from runlog import app
    from runlog.tasks import runs

    async with app.open(settings=settings, worker=False):
        return [await runs.cancel(run_id, reason) for run_id in run_ids]


async def _cancel_all(settings: Settings, query: str, reason: str | None, yes: bool) -> tuple[int, int | None]:
    """How many match, and how many were cancelled: None where that was not confirmed."""
    from runlog import app
    from runlog.tasks import runs

    async with app.open(settings=settings, worker=False):
        found = await runs.matching(query, open_only=True)
        if not found:
            return 0, 0
        if not confirm(f"Cancel {counted(len(found), 'run')}?", yes=yes):
            return len(found), None
        return len(found), await runs.cancel_each(found, ProgressLine("Cancelling"), reason=reason)
