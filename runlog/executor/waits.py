"""Waits for a time and for tokens."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime
from typing import Any

from anyio import move_on_after, to_thread
from anyio.lowlevel import checkpoint

from runlog.config import Settings
from runlog.engines.base import WAIT_PREFIX, Engine, Idempotency
from runlog.engines.reasons import words
from runlog.errors import ConfigError, PayloadError
from runlog.executor.attempt import Attempt, running_attempt
from runlog.executor.keys import resolve_key
from runlog.logger import logger
from runlog.system.clock import sleep_until
from runlog.system.ids import RUN_ID_PREFIX, new_run_id
from runlog.tasks.callbacks import Callbacks
from runlog.tasks.states import Token
from runlog.tasks.submitter import KeyRequest, TokenRequest
from runlog.tracing.tracer import Tracer

ID_ATTRIBUTE = "runlog.wait.id"  # a key with "token" in it would be taken for a secret
UNTIL_ATTRIBUTE = "runlog.wait.until"


class Waits:
    """The part of the submitter that waits for a time and for tokens. In a run its place is free meanwhile."""

    def __init__(self, engine: Engine, tracer: Tracer, settings: Settings) -> None:
        self._engine, self._tracer, self._limit = engine, tracer, settings.limits.payload
        self._callbacks = Callbacks(settings)

    async def sleep(self, until: int, *, verb: str, idempotency: KeyRequest | None) -> None:
        """See Submitter.sleep."""
        attempt, began = running_attempt(), time.time_ns()
        if idempotency is not None:
            until = await self._first_deadline(until, idempotency, attempt)
        with self._tracer.start_as_current_span(f"wait.{verb}()", attributes={UNTIL_ATTRIBUTE: _shown(until)}):
            if until <= began:
                await checkpoint()
                return
            async with away(attempt, {"code": "until", "until": until}):
                if verb == "for":  # a clock that is set back must not make it longer
                    await sleep_until(until, at_most=(until - began) / 1e9)
                else:
                    await sleep_until(until)

    async def _first_deadline(self, until: int, request: KeyRequest, attempt: Attempt | None) -> int:
        """Until when the first wait with this key lasts: a token that nobody completes remembers it."""
        once = resolve_key(request, attempt)
        key = Idempotency(f"wait:{once.key}", max(once.expires, until + int(request.ttl * 1e9)))
        token = await self._engine.create_token(
            _new_id(WAIT_PREFIX), expires=until, idempotency=key, run_id=_run_id(attempt)
        )
        return until if token.expires is None else token.expires

    async def create_token(self, request: TokenRequest) -> Token:
        """See Submitter.create_token."""
        attempt = running_attempt()
        return await self._engine.create_token(
            _new_id("token_"),
            expires=None if request.timeout is None else time.time_ns() + int(request.timeout * 1e9),
            idempotency=None if request.idempotency is None else resolve_key(request.idempotency, attempt),
            run_id=_run_id(attempt),
            tags=request.tags,
        )

    async def callback_url(self, token_id: str) -> str | None:
        """See Submitter.callback_url."""
        try:
            return await to_thread.run_sync(self._callbacks.url, token_id)
        except ConfigError as error:
            logger.warn("the token {approval} has no callback: {reason}", approval=token_id, reason=str(error))
            return None

    async def complete_token(self, token_id: str, output: bytes | None) -> bool:
        """See Submitter.complete_token. Raises PayloadError."""
        if len(output or b"") > self._limit:
            raise PayloadError(
                f"the output for the token {token_id!r} is too large",
                f"it is {len(output or b''):,} bytes of JSON; the limit is {self._limit:,} (limits.payload)",
                "store it elsewhere and pass where it is",
            )
        return await self._engine.complete_token(token_id, output)

    async def tokens(self, token_ids: Sequence[str] | None, limit: int) -> list[Token]:
        """See Submitter.tokens."""
        return await self._engine.tokens(token_ids, limit)

    async def wait_for_token(self, token_id: str, timeout: float | None) -> Token:  # noqa: ASYNC109 - no error
        """See Submitter.wait_for_token."""
        attempt = running_attempt()
        with self._tracer.start_as_current_span("wait.for_token()", attributes={ID_ATTRIBUTE: token_id}):
            (token,) = await self._engine.tokens([token_id])
            if token.status == "PENDING":
                cause: dict[str, Any] = {"code": "token", "id": token_id}
                if token.expires is not None:
                    cause["until"] = token.expires
                async with away(attempt, cause):
                    with move_on_after(timeout):
                        return await self._engine.wait_for_token(token_id)
                (token,) = await self._engine.tokens([token_id])
            return token


def away(attempt: Attempt | None, cause: dict[str, Any]) -> AbstractAsyncContextManager[None]:
    """Round a wait of the code that runs here: in a run its places are free meanwhile."""
    if attempt is None or not attempt.is_here:
        return nullcontext()
    return attempt.waiting(words(cause, time.time_ns()), cause)


def _run_id(attempt: Attempt | None) -> str | None:
    return None if attempt is None else attempt.delivery.run.run_id


def _new_id(prefix: str) -> str:
    return prefix + new_run_id().removeprefix(RUN_ID_PREFIX)


def _shown(moment: int) -> str:
    try:
        return datetime.fromtimestamp(moment / 1e9).astimezone().isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return f"@{moment}"
