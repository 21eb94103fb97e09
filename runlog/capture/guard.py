"""What a thread is doing on behalf of capture, so that nothing is captured twice or for ever."""

from __future__ import annotations

import threading


class Guard:
    """One thread's."""

    __slots__ = ("depth", "record", "shown")

    def __init__(self) -> None:
        self.depth = 0
        """How many captures it is inside of: a value that logs while it is turned into text, a signal handler."""
        self.shown = 0
        """How many records are being shown that need no capture any more: text written meanwhile is theirs."""
        self.record: object = None
        """The `logging` record among them that the run log has and its handlers get now."""


class _Threads(threading.local):
    def __init__(self) -> None:
        self.guard = Guard()


_threads = _Threads()


def current_guard() -> Guard:
    """Return the calling thread's guard."""
    return _threads.guard
