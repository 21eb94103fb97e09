"""`runlog queues`: how full the queues are; pausing them, and letting them go on."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import anyio
import typer

from runlog.cli.layout import Column, table
from runlog.cli.options import JsonLines
from runlog.cli.output import note, output
from runlog.cli.project import load_settings, without_console
from runlog.config import Settings
from runlog.console.pieces import Line
from runlog.errors import RunlogError
from runlog.reading.opening import nothing_recorded
from runlog.reading.text import one_line
from runlog.tasks.states import QueueState

_COLUMNS = (
    Column("queue", shrink=True, least=12),
    Column("limit", "right"),
    Column("executing", "right"),
    Column("queued", "right"),
    Column("waiting", "right", drop=1),
    Column("delayed", "right", drop=2),
    Column("state"),
)


class Action(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"


def command(
    action: Annotated[Action | None, typer.Argument(help="What to do with a queue.", show_default=False)] = None,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The queue.", show_default=False)] = None,
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="Those without a limit and without runs, too.")
    ] = False,
    json: JsonLines = False,
) -> None:
    """List the queues: their limits, and how many runs execute, are queued, wait or are delayed.

    A queue that is paused hands out no runs; what executes goes on. The limit counts for each concurrency key. Runs of
    a worker that died execute until another worker takes them back.

    \b
    runlog queues
    runlog queues --all
    runlog queues pause mail
    runlog queues resume mail
    """
    settings = load_settings()
    if action is None:
        _list(settings, everything=everything, json=json)
        return
    if name is None:
        raise RunlogError(
            f"which queue is to {action}?", fix=f"runlog queues {action} NAME   # runlog queues lists them"
        )
    paused = action is Action.PAUSE
    known = anyio.run(_pause, without_console(settings), name, paused)
    if json:
        output().json({"name": name, "paused": paused})
    else:
        output().foreign(f"Queue {name} is paused." if paused else f"Queue {name} goes on.")
    if not known:
        note(f"No task has declared a queue {one_line(name)} so far, and it has no runs.")


def _list(settings: Settings, *, everything: bool, json: bool) -> None:
    from runlog.engines.local.looking import QueueFile

    if not settings.queue_path.exists():
        note(nothing_recorded(settings))
        return
    with QueueFile(settings.queue_path) as queue:
        states = queue.queues()
    if json:
        for state in states:
            output().json(asdict(state))
        return
    shown = [state for state in states if everything or _matters(state)]
    if shown:
        out = output()
        out.lines(table(_COLUMNS, [_row(state) for state in shown], out.width if out.terminal else None))
    else:
        note("No queue has runs, and none has a limit.")
    if shown and len(shown) < len(states):
        note(f"{len(states) - len(shown):,} more without a limit have no runs; --all shows them")


def _matters(state: QueueState) -> bool:
    """Each task has a queue of its own: most of them have neither a limit nor anything to do."""
    return state.concurrency is not None or state.paused or bool(_runs(state))


def _runs(state: QueueState) -> int:
    return state.executing + state.queued + state.waiting + state.delayed


def _row(state: QueueState) -> Line:
    return [
        (one_line(state.name), "task"),
        (_limit(state), "value"),
        (f"{state.executing:,}", "value"),
        (f"{state.queued:,}", "value"),
        (f"{state.waiting:,}", "value"),
        (f"{state.delayed:,}", "value"),
        (_standing(state), "attention"),
    ]


def _limit(state: QueueState) -> str:
    if state.concurrency is None:
        return ""
    return f"{state.concurrency:,} per key" if state.keyed else f"{state.concurrency:,}"


def _standing(state: QueueState) -> str:
    """A queue with keys is full for some of them, and that is said of each run."""
    said = []
    if state.paused:
        said.append("paused")
    elif state.concurrency is not None and not state.keyed and state.executing >= state.concurrency and state.queued:
        said.append("full")
    if state.lost:
        said.append(f"{state.lost:,} of {state.executing:,} executing on a worker that died")
    return "; ".join(said)


async def _pause(settings: Settings, name: str, paused: bool) -> bool:
    """Pause a queue or let it go on; False if it was unknown before."""
    from runlog import app
    from runlog.tasks.submitter import get_submitter

    async with app.open(settings=settings, worker=False):
        submitter = get_submitter()
        known = {state.name for state in await submitter.queues()}
        await submitter.pause_queue(name, paused=paused)
        return name in known
