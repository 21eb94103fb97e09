"""What an attempt gives back while it waits, and how it gets it again."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from anyio import CancelScope, Event
from anyio.lowlevel import checkpoint_if_cancelled

from runlog.engines.base import Delivery, Engine
from runlog.engines.reasons import together, words
from runlog.errors import RunlogError
from runlog.executor.slots import Slots
from runlog.executor.timers import Allowance, Timer, Timers
from runlog.tasks.hooks import HookName

Tell = Callable[[HookName, str], Awaitable[None]]
"""Calls the hooks of a name, with the reason of the wait."""
Why = tuple[str, dict[str, Any] | None]
"""The reason of a wait, and its cause."""

_SAID, _SAID_AT_LEAST = 0.5, 5.0
"""Seconds after which it is said that waits began or ended beside others; twice as many each time, up to so many."""


class Waiting:
    """The place of one attempt: in its worker, and in its queue.

    While the attempt waits for something the run is WAITING, both places are free and its allowance stands still. Any
    number of waits may overlap: the first gives the places back, the last takes them again, and the run says what all
    that are open are for.
    """

    def __init__(
        self,
        delivery: Delivery,
        engine: Engine,
        slots: Slots,
        allowance: Allowance,
        timers: Timers,
        *,
        has_slot: bool,
    ) -> None:
        self.has_slot = has_slot
        self.tell: Tell | None = None
        """Where hooks want to know of waits."""
        self.on_pause: Callable[[], object] | None = None
        """Called when the places were given back."""
        self.on_return: Callable[[], object] | None = None
        """Called when it has them again."""
        self._delivery, self._engine, self._slots, self._allowance = delivery, engine, slots, allowance
        self._timers = timers
        self._open: dict[int, Why] = {}
        self._number = count().__next__
        self._is_paused = self._is_told = self._is_over = False
        self._returning: Event | None = None  # set once the places that are asked for were got, or given up
        self._return: CancelScope | None = None
        self._said: Why = "", None
        self._say_again: Timer | None = None
        self._said_after = _SAID

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
        self.tell = self.on_pause = self.on_return = None  # which know the attempt: a cycle, for the garbage collector
        if self._say_again is not None:
            self._say_again.cancel()
        if self.has_slot:
            self.has_slot = False
            self._slots.release()

    @asynccontextmanager
    async def waiting(self, reason: str, cause: dict[str, Any] | None) -> AsyncIterator[None]:
        """Round a wait. As with a lock, the places are taken again even if the wait was cancelled: until then no code
        of the task goes on, unless another wait is open or the attempt is being ended."""
        number = self._number()
        self._open[number] = reason, cause
        try:
            await self._leave(reason)
            yield
        finally:
            del self._open[number]
            self._say_soon()
            if self._lacks_place:
                with CancelScope(shield=True):
                    await self._come_back()
                if self._is_over:  # without its places no more of the task may run than its cleanup
                    await checkpoint_if_cancelled()
            if self._is_told and self.tell and not (self._open or self._is_paused or self._is_over):
                self._is_told = False
                await self.tell("on_resume", "")

    # Leaving.

    async def _leave(self, reason: str) -> None:
        if self._is_over:
            return
        if self._is_paused:
            if self._return is not None:  # it need not come back for now
                self._return.cancel()
            self._say_soon()
            return
        if self._is_told:  # the first wait gives the places back, as soon as it has told the hooks
            return
        if self.tell is not None:
            self._is_told = True
            try:
                await self.tell("on_wait", reason)
            except BaseException:  # cancelled, and another wait may have begun meanwhile
                if len(self._open) > 1:
                    self._pause()
                raise
        self._pause()

    def _pause(self) -> None:
        if self._is_over or self._is_paused:
            return
        self._is_paused, self.has_slot = True, False
        self._allowance.pause()
        self._slots.release()
        self._say()
        if self.on_pause is not None:
            self.on_pause()

    # What it waits for.

    def _say(self) -> None:
        self._said = self._why()
        self._engine.mark(self._delivery, "WAITING", *self._said)

    def _why(self) -> Why:
        waits = list(self._open.values()) or [self._said]
        causes = [cause for _, cause in waits if cause is not None]
        if len(waits) == 1 or not causes:
            return waits[0]
        cause = together(causes)
        return words(cause, time.time_ns()), cause

    def _say_soon(self) -> None:
        """What is open has changed: say so, with what else changes soon."""
        if self._stays_away and self._say_again is None:
            self._say_again = self._timers.at(time.monotonic() + self._said_after, self._say_changed)

    def _say_changed(self) -> None:
        self._say_again = None
        if self._stays_away and self._why() != self._said:
            self._said_after = min(2 * self._said_after, _SAID_AT_LEAST)
            self._say()

    @property
    def _stays_away(self) -> bool:
        return self._is_paused and bool(self._open) and self._returning is None and not self._is_over

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
        if self.on_return is not None:
            self.on_return()

    def _stay_away(self, *, has_slot: bool) -> None:
        if has_slot:
            self._slots.release()
        if not self._is_over:
            self._say()
