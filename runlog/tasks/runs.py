"""`runlog.runs`: the runs there are, and what can be done with them."""

from __future__ import annotations

import builtins
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import anyio
import msgspec

from runlog.errors import PayloadError, QueryError, RunlogError, RunNotFound, TaskError
from runlog.stores.base import TERMINAL_STATUSES, Page, Run
from runlog.stores.query import And, Node, Not, Or, Query, Term, parse
from runlog.tasks.checks import check_count, check_start, check_tags
from runlog.tasks.options import MISSING
from runlog.tasks.payload import ANY, Codec
from runlog.tasks.registry import registry
from runlog.tasks.results import RunHandle
from runlog.tasks.submitter import get_submitter
from runlog.tasks.subscription import RunUpdate, updates

__all__ = [
    "Progress",
    "RunUpdate",
    "cancel",
    "cancel_all",
    "get",
    "list",
    "replay",
    "replay_all",
    "reschedule",
    "subscribe",
]

_PAGE = 200
_LISTED = 1000
_ENDED = Or(tuple(Term("status", "=", status) for status in sorted(TERMINAL_STATUSES)))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a change of many runs has come."""

    done: int
    """Runs that were changed."""
    seen: int
    """Runs that were looked at: some had ended meanwhile, some were refused."""
    total: int
    refused: dict[str, str] = field(default_factory=dict)
    """Run id → why it could not be changed, of all so far."""


OnProgress = Callable[[Progress], object]


async def list(  # noqa: A001 - the word of the API
    query: str = "",
    *,
    status: str | None = None,
    task: str | None = None,
    tag: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Run]:
    """The runs in the run log that match, newest first, without payload, output and metadata.

    `query` is in the query language; `status`, `task` and `tag` are asked for besides. For the next page pass the
    `cursor` of this one. Raises QueryError, and TaskError for a limit below 1.
    """
    check_count(limit, "limit")
    terms = [_term(key, text) for key, text in (("status", status), ("task", task), ("tag", tag)) if text is not None]
    node = _both(parse(query).node, *terms)
    found = None if node is None else Query(str(node), node)
    return await get_submitter().find(found, cursor=cursor, limit=limit)


async def get(run_id: str) -> Run:
    """The run as it is now, with payload, output and metadata as plain data, and, where it does not execute, the reason
    as of now in words and as data (`cause`). Raises RunNotFound."""
    run = await get_submitter().get(run_id)
    return msgspec.structs.replace(
        run, payload=_decoded(run.payload), output=_decoded(run.output), metadata=_decoded(run.metadata)
    )


async def cancel(run_id: str, reason: str | None = None) -> bool:
    """Ask for the end of a run and of the children that it waits for; False if it had ended. Raises RunNotFound."""
    return await get_submitter().cancel(run_id, reason)


async def reschedule(run_id: str, *, delay: float | timedelta | None = None, run_at: datetime | None = None) -> bool:
    """Have a run that has not begun start at another time; False if it has begun. Raises RunNotFound and TaskError."""
    seconds, moment = check_start(delay, run_at)
    return await get_submitter().reschedule(run_id, delay=seconds, run_at=moment)


async def replay(run_id: str, payload: Any = MISSING, /) -> RunHandle[Any]:
    """Trigger a run of the same task with the same payload, or this one, and the same queue, tags and options.

    It runs on the newest version of the code; its `replay_of` names the run. A payload that is given is validated where
    this process knows the task. Raises RunNotFound, and PayloadError where none is given and the stored one has lost
    its secrets, as it does when the run ends.
    """
    submitter = get_submitter()
    run = await submitter.get(run_id)
    known = registry.find(run.task)
    codec: Codec = ANY if known is None else known.result_codec
    data = None if payload is MISSING else encode_for(run.task, payload)
    return RunHandle(await submitter.replay(run.run_id, data), run.task, codec, submitter)


def encode_for(task: str, payload: Any) -> bytes | None:
    """A payload as JSON, validated where this process knows the task. Raises PayloadError."""
    known = registry.find(task)
    return ANY.encode_payload(payload) if known is None else known.encode_payload(payload)


async def cancel_all(query: str, on_progress: OnProgress | None = None, *, reason: str | None = None) -> int:
    """Cancel the runs that match and have not ended; return how many.

    The runs are those that match when the call begins. One that ends before its turn is not counted. Raises QueryError,
    also for an empty query: `run:*` is every run.
    """
    return await cancel_each(await matching(query, open_only=True), on_progress, reason=reason)


async def replay_all(query: str, on_progress: OnProgress | None = None) -> builtins.list[str]:
    """Replay the runs that match, oldest first; return the ids of the new runs.

    The runs are those that match when the call begins. One whose payload is no longer whole is left out: the progress
    says so. Raises QueryError, also for an empty query.
    """
    return await replay_each(await matching(query), on_progress)


def subscribe(
    run_id: str | None = None, /, *, tag: str | Sequence[str] | None = None
) -> AsyncGenerator[RunUpdate, None]:
    """What happens in a run, from its beginning until it has ended; or with `tag`, in every run that has the tag (or
    all of them), from now on without end. Raises RunNotFound and TaskError when it is iterated."""
    if (run_id is None) == (tag is None):
        raise TaskError("a subscription is to a run or to a tag", "give one of them", 'runs.subscribe(tag="billing")')
    tags = () if tag is None else check_tags((tag,) if isinstance(tag, str) else tag)
    return updates(get_submitter(), None if run_id is None else [run_id], tags)


async def matching(query: str, *, open_only: bool = False) -> builtins.list[str]:
    """The ids of all runs that match, newest first. Raises QueryError, also for an empty query."""
    node = parse(query).node
    if node is None:
        raise QueryError("the query is empty; every run is run:*", query, 0)
    if open_only:
        node = And((node, Not(_ENDED)))
    found, cursor = Query(str(node), node), None
    ids: builtins.list[str] = []
    while True:
        page = await get_submitter().find(found, cursor=cursor, limit=_LISTED)
        ids += [run.run_id for run in page.items]
        cursor = page.cursor
        if cursor is None:
            return ids


async def cancel_each(
    run_ids: Sequence[str], on_progress: OnProgress | None = None, *, reason: str | None = None
) -> int:
    """Cancel these runs; return how many had not ended."""
    submitter = get_submitter()

    async def one(run_id: str) -> str | None:
        return run_id if await submitter.cancel(run_id, reason) else None

    return len(await _each(run_ids, one, on_progress))


async def replay_each(run_ids: Sequence[str], on_progress: OnProgress | None = None) -> builtins.list[str]:
    """Replay these runs, the last one first; return the ids of the new ones."""
    return await _each(run_ids[::-1], get_submitter().replay, on_progress)


async def _each(
    run_ids: Sequence[str], act: Callable[[str], Awaitable[str | None]], on_progress: OnProgress | None
) -> builtins.list[str]:
    """Act on some runs at a time, which share a commit of the queue; return what came of them, in order."""
    results: builtins.list[str] = []
    refused: dict[str, str] = {}
    for start in range(0, len(run_ids), _PAGE):
        page = run_ids[start : start + _PAGE]
        made: dict[str, str | RunlogError | None] = {}
        async with anyio.create_task_group() as group:
            for run_id in page:
                group.start_soon(_one, run_id, act, made)
        for run_id in page:
            result = made[run_id]
            if isinstance(result, PayloadError):
                refused[run_id] = result.what
            elif isinstance(result, RunlogError):
                raise result
            elif result is not None:
                results.append(result)
        if on_progress is not None:
            on_progress(Progress(len(results), start + len(page), len(run_ids), dict(refused)))
    return results


async def _one(
    run_id: str, act: Callable[[str], Awaitable[str | None]], made: dict[str, str | RunlogError | None]
) -> None:
    try:
        made[run_id] = await act(run_id)
    except RunNotFound:  # the queue has forgotten it, as it does with runs that ended long ago
        made[run_id] = None
    except RunlogError as error:
        made[run_id] = error


def _both(*nodes: Node | None) -> Node | None:
    given = tuple(node for node in nodes if node is not None)
    return And(given) if len(given) > 1 else given[0] if given else None


def _term(key: str, text: str) -> Term:
    try:
        return Term(key, "=", text)
    except ValueError as error:
        raise QueryError(str(error), f"{key}:{text}", len(key) + 1) from None


def _decoded(value: Any) -> Any:
    return ANY.decode_result(value) if isinstance(value, bytes) else value
