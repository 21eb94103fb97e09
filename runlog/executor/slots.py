"""How many runs execute at once."""

from __future__ import annotations

from collections import deque

from anyio import Event
from anyio.lowlevel import checkpoint


class Slots:
    """The places of a worker. Used on its event loop only.

    A run that has waited for something and goes on takes the next free place before any new run does.
    """

    def __init__(self, size: int) -> None:
        self.free = size
        self._waiting: deque[Event] = deque()
        self._freed = Event()

    def try_take(self) -> bool:
        """Take a place if one is free and nobody is before."""
        if self.free <= 0 or self._waiting:
            return False
        self.free -= 1
        return True

    def take(self) -> None:
        """Take a place even if none is free: for code that cannot wait, because it is being ended."""
        self.free -= 1

    async def acquire(self, *, first: bool = False) -> None:
        """Wait for a place; `first` goes before those who wait without it."""
        if self.try_take():
            return
        event = Event()
        if first:
            self._waiting.appendleft(event)
        else:
            self._waiting.append(event)
        try:
            await event.wait()
        except BaseException:
            if event.is_set():
                self.release()
            else:
                self._waiting.remove(event)
            raise

    def release(self) -> None:
        self.free += 1
        if self.free > 0 and self._waiting:
            self.free -= 1
            self._waiting.popleft().set()
        elif self.free > 0:
            self._freed.set()

    async def available(self) -> int:
        """Wait until places are free that nobody waits for; return how many."""
        await checkpoint()
        while self.free <= 0 or self._waiting:
            self._freed = Event()
            await self._freed.wait()
        return self.free
