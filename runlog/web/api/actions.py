"""What is changed from the page: runs cancelled and replayed, one by one or all that match."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import msgspec
from anyio import to_thread

from runlog.errors import PayloadError, QueryError, RunlogError, RunNotFound, StoreError
from runlog.reading.opening import rescue
from runlog.tasks import runs
from runlog.web.api.types import (
    BulkRequest,
    BulkResult,
    Canceled,
    CancelRequest,
    Problem,
    Replayed,
    ReplayRequest,
)
from runlog.web.endpoint import Call, Endpoint, Refused, bad_request
from runlog.web.readers import refusal

T = TypeVar("T")

_MOST_REASON = 2000
_NAMED, _MADE = 100, 1000
_SECONDS, _PORTION = 2.0, 200
_MOST_IDS = 10_000


async def cancel(call: Call) -> Canceled:
    request: CancelRequest = call.body
    return Canceled(await _acting(call, partial(runs.cancel, call.path["run_id"], _reason(request.reason))))


async def replay(call: Call) -> Replayed:
    request: ReplayRequest = call.body
    given = () if request.payload is msgspec.UNSET else (request.payload,)
    try:
        handle = await _acting(call, partial(runs.replay, call.path["run_id"], *given))
    except PayloadError as error:
        raise _payload_refusal(error, given=bool(given)) from error
    return Replayed(handle.id)


async def cancel_many(call: Call) -> BulkResult:
    reason = _reason(call.body.reason)

    async def cancel_some(run_ids: list[str], refused: _Refused) -> list[str]:
        done = await runs.cancel_each(run_ids, refused, reason=reason)
        return [""] * done

    return await _in_time(call, "cancel", cancel_some)


async def replay_many(call: Call) -> BulkResult:
    async def replay_some(run_ids: list[str], refused: _Refused) -> list[str]:
        return await runs.replay_each(run_ids[::-1], refused)  # they are in their order already

    return await _in_time(call, "replay", replay_some)


async def _in_time(call: Call, act: str, change: Callable[[list[str], _Refused], Awaitable[list[str]]]) -> BulkResult:
    """Change as many of the runs as there is time for; the next request goes on with the others."""
    request: BulkRequest = call.body
    left = await _left(call, act, request) if request.next is not None else await _chosen(call, request, act)
    refused, made, matched = _Refused(), list[str](), 0
    deadline = time.monotonic() + _SECONDS
    while left and (not matched or time.monotonic() < deadline):
        some, left = left[:_PORTION], left[_PORTION:]
        made += await _acting(call, partial(change, some, refused))
        matched += len(some)
    name = call.services.portions.keep(act, left) if left else None
    return refused.result(matched, made if act == "replay" else [], len(made), len(left), name)


async def _left(call: Call, act: str, request: BulkRequest) -> list[str]:
    if request.run_ids is not None or request.query is not None:
        raise bad_request("which runs?", "give `next` alone, or run_ids, or a query")
    left = call.services.portions.take(act, request.next or "")
    if left is None:
        raise Refused(409, Problem("conflict", "nothing is left of this", "it was done, or is forgotten", "look again"))
    return left


class _Refused:
    """Which runs could not be changed, as the progress tells."""

    def __init__(self) -> None:
        self._runs: dict[str, str] = {}

    def __call__(self, progress: runs.Progress) -> None:
        self._runs |= progress.refused

    def result(self, matched: int, made: list[str], changed: int, left: int, name: str | None) -> BulkResult:
        named = list(self._runs.items())[:_NAMED]
        return BulkResult(matched, changed, made[:_MADE], named, len(self._runs), left, name)


async def _chosen(call: Call, request: BulkRequest, act: str) -> list[str]:
    """The runs that a request is about, in the order of their turns: the newest is cancelled first, the oldest replayed
    first. Raises Refused where they are not as many as were confirmed."""
    if (request.run_ids is None) == (request.query is None):
        raise bad_request("which runs?", "give run_ids, or a query")
    if request.run_ids is not None:
        if len(request.run_ids) > _MOST_IDS:
            raise bad_request(f"{len(request.run_ids):,} ids are too many", f"{_MOST_IDS:,} at most", "give a query")
        found = list(dict.fromkeys(request.run_ids))
    elif request.expected is None:
        raise bad_request("how many runs were confirmed?", "what changes all runs that match needs `expected`")
    else:
        await to_thread.run_sync(rescue, call.services.settings)
        found = await _acting(call, partial(runs.matching, request.query or "", open_only=act == "cancel"))
    if request.expected is not None and request.expected != len(found):
        what = f"{len(found):,} runs match now, and not {request.expected:,}"
        raise Refused(409, Problem("conflict", what, "runs came or ended meanwhile", "look again", count=len(found)))
    return found if act == "cancel" else found[::-1]


async def _acting(call: Call, act: Callable[[], Awaitable[T]]) -> T:
    """Act with the project open. Raises Refused; PayloadError is left to the caller."""
    try:
        await call.services.project.open()
        return await act()
    except (QueryError, RunNotFound, StoreError) as error:
        raise refusal(error) from error
    except PayloadError:
        raise
    except RunlogError as error:
        raise Refused(409, Problem("conflict", error.what, error.why or "", error.fix or "")) from error


def _payload_refusal(error: PayloadError, *, given: bool) -> Refused:
    if given:
        return bad_request(error.what, error.why or "", error.fix or "")
    return Refused(409, Problem("conflict", error.what, error.why or "", "give the payload anew"))


def _reason(text: str | None) -> str | None:
    if text is not None and len(text) > _MOST_REASON:
        raise bad_request(f"the reason has {len(text):,} characters", f"it may have {_MOST_REASON:,}")
    return text or None


def _post(path: str, handler: Callable[[Call], Awaitable[object]], summary: str, answer: type, body: type) -> Endpoint:
    return Endpoint("POST", path, handler, "operate", summary, answer, body)


ENDPOINTS = (
    _post(
        "/api/runs/cancel",
        cancel_many,
        "Cancel runs that have not ended: these, or all that match.",
        BulkResult,
        BulkRequest,
    ),
    _post("/api/runs/replay", replay_many, "Run these runs, or all that match, once more.", BulkResult, BulkRequest),
    _post("/api/runs/{run_id}/cancel", cancel, "Ask for the end of a run.", Canceled, CancelRequest),
    _post(
        "/api/runs/{run_id}/replay",
        replay,
        "Run a run once more, with its payload or another.",
        Replayed,
        ReplayRequest,
    ),
)
