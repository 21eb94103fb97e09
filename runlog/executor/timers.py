"""What happens at a time: the end of an attempt's allowance."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from anyio import Event, move_on_after

_number = count()


@dataclass(order=True, slots=True)
class Timer:
    """A call that is due at a time, unless it is cancelled before."""

    due: float
    number: int
    call: Callable[[], None] | None = field(compare=False)

    def cancel(self) -> None:
        self.call = None


class Timers:
    """Calls functions at their time. Times are those of `time.monotonic()`. Used on one event loop."""

    def __init__(self) -> None:
        self._timers: list[Timer] = []
        self._changed = Event()

    def at(self, due: float, call: Callable[[], None]) -> Timer:
        """Have `call`, which must not raise, called then by `run`."""
        timer = Timer(due, next(_number), call)
        heapq.heappush(self._timers, timer)
        if self._timers[0] is timer:
            self._changed.set()
        return timer

    async def run(self) -> None:
        """Call what is due, until this is cancelled."""
        while True:
            self._call_due()
            self._changed = Event()
            left = self._timers[0].due - time.monotonic() if self._timers else None
            with move_on_after(None if left is None else max(left, 0)):
                await self._changed.wait()

    def _call_due(self) -> None:
        while self._timers and (self._timers[0].call is None or self._timers[0].due <= time.monotonic()):
            timer = heapq.heappop(self._timers)
            if timer.call is not None:
                timer.call()


class Allowance:
    """The time that an attempt may take, which stands still while it is paused."""

    def __init__(self, timers: Timers, seconds: float | None, on_end: Callable[[], None]) -> None:
        self.seconds = seconds
        self._timers = timers
        self._on_end: Callable[[], None] | None = on_end
        self._left = seconds
        self._timer: Timer | None = None

    @property
    def due(self) -> float | None:
        """When it ends as of now, by `time.monotonic()`; None without a limit and while it stands still."""
        timer = self._timer
        return None if timer is None else timer.due

    def left(self) -> float | None:
        """Seconds; None without a limit."""
        due = self.due
        return self._left if due is None else due - time.monotonic()

    def go_on(self) -> None:
        """Let the time run."""
        if self._left is not None and self._on_end is not None and self._timer is None:
            self._timer = self._timers.at(time.monotonic() + self._left, self._on_end)

    def pause(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            self._left = timer.due - time.monotonic()
            timer.cancel()

    def close(self) -> None:
        self.pause()
        self._on_end = None
