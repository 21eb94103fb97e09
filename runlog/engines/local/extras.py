"""The engine's tokens and schedules."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from runlog.engines.local.queue import Queue

T = TypeVar("T")


class Extras:
    """What `LocalEngine` offers besides runs: tokens and schedules."""

    async def _ask(self, action: Callable[[Queue], T], *, durable: bool = False, keep: bool = False) -> T:
        raise NotImplementedError

    async def _read(self, action: Callable[[Queue], T]) -> T:
        raise NotImplementedError
