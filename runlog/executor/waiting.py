"""What an attempt gives back while it waits, and how it gets it again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from anyio import CancelScope, Event
from anyio.lowlevel import checkpoint_if_cancelled

from runlog.engines.base import Delivery, Engine
from runlog.errors import RunlogError
from runlog.executor.slots import Slots
from runlog.executor.timers import Allowance
from runlog.tasks.hooks import HookName

Tell = Callable[[HookName, str], Awaitable[None]]
"""Calls the hooks of a name, with the reason of the wait."""


class Waiting:
    """The place of one attempt: in its worker, and in its queue.

    While the attempt waits for something the run is WAITING, both places are free and its allowance stands still. Any
    number of waits may overlap: the first gives the places back, the last takes them again.
    """

    def __init__(
        self, delivery: Delivery, engine: Engine, slots: Slots, allowance: Allowance, *, has_slot: bool
    ) -> None:
        self.has_slot = has_slot
        self.tell: Tell | None = None
        """Where hooks want to know of waits."""
        self._delivery, self._engine, self._slots, self._allowance = delivery, engine, slots, allowance
        self._open = 0
        self._is_paused = self._is_told = self._is_over = False
        self._returning: Event | None = None  # set once the places that are asked for were got, or given up
        self._return: CancelScope | None = None
        self._why: tuple[str, dict[str, Any] | None] = "", None

    async def take_slot(self) -> None:
        """Wait for the first place in the worker; the run has one in its queue."""
        if not self.has_slot:
            await self._slots.acquire()
            self.has_slot = True

    def give_up(self) -> None:
        """The attempt is to end: it asks for no place any more."""
        self._is_over = True
        if self._return is not None:
            self._return.cancel()

    def close(self) -> None:
        """The attempt has ended."""
        self._is_over = True
        if self.has_slot:
            self.has_slot = False
            self._slots.release()

    @asynccontextmanager
    async def waiting(self, reason: str, cause: dict[str, Any] | None) -> AsyncIterator[None]:
        """Round a wait. As with a lock, the places are taken again even if the wait was cancelled: until then no code
        of the task goes on, unless another wait is open or the attempt is being ended."""
        self._open += 1
        try:
            await self._leave(reason, cause)
            yield
        finally:
            self._open -= 1
            if self._lacks_place:
                with CancelScope(shield=True):
                    await self._come_back()
                if self._is_over:  # without its places no more of the task may run than its cleanup
                    await checkpoint_if_cancelled()
            if self._is_told and self.tell and not (self._open or self._is_paused or self._is_over):
                self._is_told = False
                await self.tell("on_resume", "")

    # Leaving.

    async def _leave(self, reason: str, cause: dict[str, Any] | None) -> None:
        if self._is_over:
            return
        if self._is_paused:
            if self._return is not None:  # it need not come back for now
                self._why = reason, cause
                self._return.cancel()
            return
        if self._is_told:  # the first wait gives the places back, as soon as it has told the hooks
            return
        if self.tell is not None:
            self._is_told = True
            try:
                await self.tell("on_wait", reason)
            except BaseException:  # cancelled, and another wait may have begun meanwhile
                if self._open > 1:
                    self._pause(reason, cause)
                raise
        self._pause(reason, cause)

    def _pause(self, reason: str, cause: dict[str, Any] | None) -> None:
        if self._is_over or self._is_paused:
            return
        self._is_paused, self.has_slot = True, False
        self._allowance.pause()
        self._slots.release()
        self._why = reason, cause
        self._engine.mark(self._delivery, "WAITING", reason, cause)

    # Coming back.

    @property
    def _lacks_place(self) -> bool:
        return self._is_paused and not (self._open or self._is_over)

    async def _come_back(self) -> None:
        while self._lacks_place:
            if self._returning is None:
                await self._take_places()
            else:  # one asks for all
                await self._returning.wait()

    async def _take_places(self) -> None:
        """Take the places again, unless another wait begins or the attempt is ended before they are free.

        The queue's comes first: who has a place in the worker must not wait for one in a queue, whose holder may wait
        for the worker's."""
        self._returning = returned = Event()
        has_slot = False
        try:
            with CancelScope() as self._return:
                try:
                    await self._engine.resume(self._delivery)
                except RunlogError:  # the queue cannot be asked: the attempt goes on
                    self._engine.mark(self._delivery, "EXECUTING")
                await self._slots.acquire(first=True)
                has_slot = True
        except BaseException:  # cancelled in spite of the shield, as asyncio's own cancels are
            if self._lacks_place:
                self._engine.mark(self._delivery, "EXECUTING")
                self._slots.take()
                self._go_on()
            raise
        else:
            if has_slot and self._lacks_place:
                self._go_on()
            else:
                self._stay_away(has_slot=has_slot)
        finally:
            self._returning = self._return = None
            returned.set()

    def _go_on(self) -> None:
        self.has_slot, self._is_paused = True, False
        self._allowance.go_on()

    def _stay_away(self, *, has_slot: bool) -> None:
        if has_slot:
            self._slots.release()
        if not self._is_over:
            self._engine.mark(self._delivery, "WAITING", *self._why)
