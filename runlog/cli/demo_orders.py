"""The second part of the demo: an order on its way, looked at while its runs wait, and again when it has arrived."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio import to_thread

from runlog.cli.demo_server import robot_may_go
from runlog.cli.output import note
from runlog.cli.project import without_console
from runlog.config import Settings
from runlog.errors import RunlogError

Show = Callable[..., None]
"""Run a command and show what it prints; `say` is what is shown as typed, and `apart` leaves a line free before it."""


def show_nothing(*_: str, **__: object) -> None:
    """Where JSON is asked for, nothing is looked at."""


_PATIENCE = 60.0
_STEP = 0.05
_LISTED = 30
_ANSWER = '{"by": "Grace"}'
_STANDING = {
    "fulfil-order": ["WAITING"],
    "pack": ["EXECUTING", "QUEUED"],
    "print-label": ["COMPLETED"],
    "index-product": ["DELAYED"],
}
"""Task → states of its runs when nothing goes on without the robot and without somebody's answer."""


async def run_orders(settings: Settings, runs: dict[str, str], show: Show) -> None:
    """Run them, without their records on the console, and show what the commands say of them; add what was triggered
    to `runs`."""
    from runlog import app
    from runlog.recording import get_recorder
    from runlog.tasks.submitter import get_submitter

    get_recorder().close()  # and its console; the project gets another
    async with app.open(settings=without_console(settings)):
        triggered = await _trigger()
        await _until(lambda: _stands(triggered))
        if show is not show_nothing:
            note("\nrunlog demo: order 7 is on its way; the robot packs the piano, and the customs have to say yes")
        await to_thread.run_sync(_look, show)
        robot_may_go.set()
        await _answer(triggered["fulfil-order"], show)
        await get_submitter().reschedule(triggered["index-product"], delay=0, run_at=None)
        await get_submitter().wait(list(triggered.values()))
    show("show", triggered["fulfil-order"], "--no-children")
    runs |= triggered


async def _trigger() -> dict[str, str]:
    from runlog.tasks import Debounce, trigger

    triggered: dict[str, str] = {}
    for letters in ("p", "pi", "pia"):
        debounce = Debounce("search", delay=600, mode="trailing")
        triggered["index-product"] = (await trigger("index-product", letters, debounce=debounce)).id
    triggered["fulfil-order"] = (await trigger("fulfil-order", 7)).id
    return triggered


async def _stands(triggered: dict[str, str]) -> bool:
    """The run log says what is to be shown."""
    from runlog.tasks.runs import list as list_runs

    first = min(triggered.values())  # ids are in the order of time
    newest = [run for run in (await list_runs(limit=_LISTED)).items if run.run_id >= first]
    return all(sorted(run.status for run in newest if run.task == task) == states for task, states in _STANDING.items())


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    with anyio.move_on_after(_PATIENCE):
        while not await holds():  # noqa: ASYNC110 - of what the log says
            await anyio.sleep(_STEP)
        return
    raise RunlogError("the demo's runs do not come to where they should be", fix="runlog doctor")


def _look(show: Show) -> None:
    open_runs = "status:(executing OR waiting OR queued OR delayed)"
    show("runs", open_runs, say=("runs", f"'{open_runs}'"), apart=False)
    show("queues", apart=False)
    show("schedules", apart=False)


async def _answer(run_id: str, show: Show) -> None:
    """Complete the token that the run waits for, as somebody outside would."""
    from runlog.tasks.submitter import get_submitter

    [token] = [token.token_id for token in await get_submitter().tokens(None, 100) if token.run_id == run_id]
    if show is show_nothing:
        await get_submitter().complete_token(token, _ANSWER.encode())
        return
    typed = ("tokens", "complete", token)
    await to_thread.run_sync(lambda: show(*typed, _ANSWER, say=(*typed, f"'{_ANSWER}'"), apart=False))
