"""Waiting for a time, or for something outside: `from runlog import wait`.

In a run, a wait gives the run's place to others, and its `max_duration` stands still; any number of waits may go on at
once. Outside a run they just wait.

A worker that ends takes its waits with it: the attempt runs again from its beginning. With an `idempotency_key` a wait
is then over when the first one would have been, and `create_token` gives the same token.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runlog.errors import ProjectNotOpen
from runlog.system.clock import sleep_until
from runlog.tasks.checks import check_duration, check_tags, check_time
from runlog.tasks.keys import IdempotencyKey, key_request
from runlog.tasks.payload import ANY
from runlog.tasks.states import Token as TokenState
from runlog.tasks.submitter import TokenRequest, get_submitter


@dataclass(frozen=True, slots=True)
class Token:
    """Something outside that can be waited for."""

    id: str
    expires: datetime | None = None
    """When it is over if nobody has completed it."""
    run_id: str | None = None
    """The run that made it."""
    tags: tuple[str, ...] = ()
    callback_url: str | None = field(default=None, repr=False)
    """Where anybody who is told it completes the token, once: a POST of JSON, which becomes the output. It holds a
    secret. It begins with `ui.url`; None where the project cannot keep the key for it."""


@dataclass(frozen=True, slots=True)
class TokenResult:
    """How the wait for a token ended."""

    id: str
    ok: bool
    """The token was completed."""
    output: Any = None
    """What it was completed with, as plain data."""

    def unwrap(self) -> Any:
        """Return the output. Raises TimeoutError if the token was not completed in time."""
        if not self.ok:
            raise TimeoutError(f"the token {self.id} was not completed in time")
        return self.output


async def for_(duration: float | timedelta, *, idempotency_key: str | IdempotencyKey | None = None) -> None:
    """Wait for some seconds, or a timedelta. Raises TaskError for what is no duration."""
    seconds = check_duration(duration, "duration")
    await _sleep(time.time_ns() + int(seconds * 1e9), "for", idempotency_key)


async def until(moment: datetime, *, idempotency_key: str | IdempotencyKey | None = None) -> None:
    """Wait until a time, which has a time zone. Raises TaskError."""
    await _sleep(check_time(moment, "moment"), "until", idempotency_key)


async def _sleep(moment: int, verb: str, key: str | IdempotencyKey | None) -> None:
    request = key_request(key)
    try:
        submitter = get_submitter()
    except ProjectNotOpen:  # a plain call of a task
        await sleep_until(moment)
        return
    await submitter.sleep(moment, verb=verb, idempotency=request)


async def create_token(
    *,
    timeout: float | timedelta | None = None,  # noqa: ASYNC109 - of the token, not of this call
    idempotency_key: str | IdempotencyKey | None = None,
    tags: Sequence[str] = (),
) -> Token:
    """Make a token, kept until somebody completes it or `timeout` (seconds, or a timedelta) is over.

    With the key of an earlier token, return that one. Raises TaskError and ProjectNotOpen."""
    seconds = None if timeout is None else check_duration(timeout, "timeout")
    request = TokenRequest(seconds, key_request(idempotency_key), check_tags(tags))
    submitter = get_submitter()
    state = await submitter.create_token(request)
    callback = await submitter.callback_url(state.token_id)
    expires = None if state.expires is None else datetime.fromtimestamp(state.expires / 1e9).astimezone()
    return Token(state.token_id, expires, state.run_id, state.tags, callback)


async def for_token(
    token: Token | str,
    *,
    timeout: float | timedelta | None = None,  # noqa: ASYNC109 - its end is no error
) -> TokenResult:
    """Wait until a token (or the one with this id) is completed or its time is over; `timeout` at most.

    Raises TokenNotFound, TaskError and ProjectNotOpen."""
    seconds = None if timeout is None else check_duration(timeout, "timeout")
    return _result(await get_submitter().wait_for_token(_id(token), seconds))


async def complete_token(token: Token | str, output: Any = None) -> bool:
    """Complete a token: who waits for it goes on, with `output`. False if it was completed or over already.

    Raises TokenNotFound, PayloadError for an output that JSON cannot say or that is over its limit, and
    ProjectNotOpen."""
    data = None if output is None else ANY.encode_payload(output)
    return await get_submitter().complete_token(_id(token), data)


def _id(token: Token | str) -> str:
    return token.id if isinstance(token, Token) else token


def _result(state: TokenState) -> TokenResult:
    done = state.status == "COMPLETED"
    return TokenResult(state.token_id, done, ANY.decode_result(state.output) if done else None)
