"""Waking a task of an event loop from any thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from anyio.lowlevel import current_token


def threadsafe_caller() -> Callable[[Callable[[], Any]], None]:
    """Return a function that runs a callable soon on the calling task's event loop.

    It may be called from any thread, never waits, and does nothing once that loop is closed.
    Raises `anyio.NoEventLoopError` outside an event loop.
    """
    loop: Any = current_token().native_token  # asyncio's loop, or trio's token
    schedule = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon

    def call(callback: Callable[[], Any]) -> None:
        with suppress(RuntimeError):  # asyncio: the loop is closed; trio.RunFinishedError is one too
            schedule(callback)

    return call
