"""`runlog cancel`: a run is cancelled, with the children that it waits for."""

from __future__ import annotations

from typing import Annotated

import anyio
import typer

from runlog.cli.options import JsonDocument, RunId
from runlog.cli.output import one_line, output
from runlog.cli.project import load_settings, open_log
from runlog.config import Settings
from runlog.errors import RunlogError, RunNotFound


def command(
    run: RunId,
    reason: Annotated[str | None, typer.Option(help="Why; kept in the run.")] = None,
    json: JsonDocument = False,
) -> None:
    """Cancel a run and the children that it waits for.

    A queued run ends at once, a running one at its next await.

    \b
    runlog cancel 7f3k2p
    runlog cancel 7f3k2p --reason "wrong customer"
    """
    settings = load_settings()
    run_id = _whole_id(settings, run)
    asked = anyio.run(_cancel, settings, run_id, reason)
    if json:
        output().json({"run_id": run_id, "canceled": asked})
    elif asked:
        output().foreign(f"Cancel of {run_id} is asked for.")
    if not asked:
        raise RunlogError(f"run {one_line(run_id)} has ended already", fix=f"runlog show {run_id}")


def _whole_id(settings: Settings, run_id: str) -> str:
    """The id that a shortened one stands for. The queue may know a run that the log lacks: it decides then."""
    with open_log(settings) as log:
        try:
            return log.run(run_id).run_id if log is not None else run_id
        except RunNotFound:
            if len(run_id) < len("run_") + 26:
                raise
            return run_id


async def _cancel(settings: Settings, run_id: str, reason: str | None) -> bool:
    from runlog import app
    from runlog.tasks.submitter import get_submitter

    async with app.open(settings=settings, worker=False):
        return await get_submitter().cancel(run_id, reason)
