"""Readers of the log for the handlers: each used by one thread at a time, bounded in number and in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
from anyio import to_thread

from runlog.config import Settings
from runlog.stores import open_reader
from runlog.stores.base import Reader
from runlog.web.api.types import Problem
from runlog.web.endpoint import Refused

T = TypeVar("T")

CONCURRENT = 4
"""reliability-security S12."""
SECONDS = 2.0


class Readers:
    """A few open readers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._free: list[Reader] = []
        self._limit = anyio.CapacityLimiter(CONCURRENT)

    async def run(self, function: Callable[[Reader], T], *, seconds: float | None = None) -> T:
        """Call a function with a reader in a thread. Raises Refused."""
        return await to_thread.run_sync(self._call, function, limiter=self._limit)

    def _call(self, function: Callable[[Reader], T]) -> T:
        if not self._settings.log_path.exists():
            raise Refused(404, Problem("no-log", "nothing is recorded yet"))
        reader = self._free.pop() if self._free else open_reader(self._settings)
        try:
            return function(reader)
        finally:
            self._free.append(reader)

    def close(self) -> None:
        while self._free:
            self._free.pop().close()
