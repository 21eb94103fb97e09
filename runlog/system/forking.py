"""Work that a fork must not find half done: a forked child would inherit it, and its locks, for ever."""

from __future__ import annotations

import os
import threading
from types import TracebackType

_PATIENCE = 3.0
"""Seconds that a fork waits for such work at most."""


class Indivisible:
    """A context manager for work that a fork in another thread waits for, such as importing modules.

    It may be entered again by the same thread, as by a signal handler. Use one for a process, at module level.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._held = False
        os.register_at_fork(before=self._before, after_in_parent=self._after, after_in_child=self._after_in_child)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.release()

    def _before(self) -> None:
        self._held = self._lock.acquire(timeout=_PATIENCE)

    def _after(self) -> None:
        if self._held:
            self._held = False
            self._lock.release()

    def _after_in_child(self) -> None:
        if self._held:
            self._after()  # this thread holds it here too
        else:
            self._lock = threading.RLock()


importing = Indivisible()
"""Round the first use of what is loaded when it is first used: a child forked meanwhile could never load it."""
