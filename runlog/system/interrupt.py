"""Ctrl-C, and whom it concerns."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from anyio.lowlevel import current_token

T = TypeVar("T")


def spared_from_interrupts(function: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., Coroutine[Any, Any, T]]:
    """Return `function` such that Ctrl-C is raised in the program's main task, not in this one.

    trio raises KeyboardInterrupt in whatever runs when the signal comes; asyncio always cancels the main task.
    """
    trio: Any = sys.modules.get("trio")
    if trio is None or current_token().backend_class.__module__.rpartition(".")[2] != "_trio":
        return function
    protected: Callable[..., Coroutine[Any, Any, T]] = trio.lowlevel.enable_ki_protection(function)
    return protected
