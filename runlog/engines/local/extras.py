"""The engine's tokens and schedules."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from runlog.engines.base import Idempotency, NewRun
from runlog.engines.local import schedules as in_schedules
from runlog.engines.local import tokens as in_tokens
from runlog.engines.local.operations import Item
from runlog.engines.local.queue import Queue
from runlog.engines.local.replies import Reply
from runlog.engines.local.thread import EngineThread
from runlog.engines.local.tokens import TokenWait
from runlog.tasks.states import ScheduleState, Token

T = TypeVar("T")


class Extras:
    """What `LocalEngine` offers besides runs; see `Engine` for what each method promises."""

    async def _ask(self, action: Callable[[Queue], T], *, durable: bool = False, keep: bool = False) -> T:
        raise NotImplementedError

    async def _read(self, action: Callable[[Queue], T]) -> T:
        raise NotImplementedError

    def _running(self) -> EngineThread:
        raise NotImplementedError

    async def create_token(
        self,
        token_id: str,
        *,
        expires: int | None = None,
        idempotency: Idempotency | None = None,
        run_id: str | None = None,
        tags: Sequence[str] = (),
    ) -> Token:
        new = Token(token_id, "PENDING", time.time_ns(), expires, run_id=run_id, tags=tuple(tags))
        return await self._ask(lambda queue: in_tokens.create(queue, new, idempotency, time.time_ns()), durable=True)

    async def complete_token(self, token_id: str, output: bytes | None = None) -> bool:
        return await self._ask(lambda queue: in_tokens.complete(queue, token_id, output, time.time_ns()), durable=True)

    async def tokens(self, token_ids: Sequence[str] | None = None, limit: int = 100) -> list[Token]:
        if token_ids is None:
            return await self._read(lambda queue: in_tokens.newest(queue, limit, time.time_ns()))
        wanted = list(token_ids)
        return await self._read(lambda queue: in_tokens.find(queue, wanted, time.time_ns()))

    async def wait_for_token(self, token_id: str) -> Token:
        reply: Reply[Token] = Reply()
        thread = self._running()
        wait: Item = TokenWait(token_id, reply)
        thread.put(wait)
        try:
            return await reply.wait()
        finally:
            if reply.abandon():
                thread.put(None)  # it drops what nobody waits for

    async def keep_schedules(self, schedules: Sequence[ScheduleState]) -> list[ScheduleState]:
        wanted = list(schedules)
        return await self._ask(lambda queue: in_schedules.keep(queue, wanted))

    async def schedules(self) -> list[ScheduleState]:
        return await self._read(in_schedules.every)

    async def pause_schedule(self, schedule_id: str, *, paused: bool = True) -> None:
        await self._ask(lambda queue: in_schedules.pause(queue, schedule_id, time.time_ns(), paused=paused))

    async def fire(self, schedule_id: str, planned: int, run: NewRun | None) -> bool:
        return await self._ask(
            lambda queue: in_schedules.fire(queue, schedule_id, planned, run, time.time_ns()), durable=True
        )

    async def _prune_extras(self, ended_before: int) -> None:
        """Forget tokens that ended before a time, and schedules that no worker has declared since."""
        while await self._ask(lambda queue: in_tokens.prune(queue, ended_before)):
            pass
        await self._ask(lambda queue: in_schedules.prune(queue, ended_before))
