"""Running foreign code that may hang or raise anything."""

from __future__ import annotations

import contextvars
import sys
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

STUCK_SECONDS = 2.0
"""Code that has neither moved nor computed for so long hangs."""
BUSY_FACTOR = 5
"""Code that does has this many times as long: a slow import is not a hang."""
_STEP = 0.05


class HungError(Exception):
    """The code did not return in time. Its thread was left behind."""


class Bounded(Generic[T]):
    """A call in a thread of its own.

    `on_late(result)` is called in that thread if the call returns after it was given up.
    """

    def __init__(self, function: Callable[[], T], name: str, on_late: Callable[[T], object] | None = None) -> None:
        self._function, self._on_late = function, on_late
        self._lock = threading.Lock()
        self._abandoned = False
        self._done = threading.Event()
        self._result: T
        self._error: BaseException | None = None
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._work,), name=name, daemon=True)

    def run(self, stuck_seconds: float = STUCK_SECONDS) -> T:
        """Return what the function returns, or raise what it raises (a BaseException too), or HungError."""
        self._thread.start()
        start = moved = time.monotonic()
        place = None
        while not self._done.wait(_STEP):
            now = time.monotonic()
            if (current := _place(self._thread)) != place:
                place, moved = current, now
            if now - moved >= stuck_seconds or now - start >= stuck_seconds * BUSY_FACTOR:
                with self._lock:
                    self._abandoned = not self._done.is_set()
                if self._abandoned:
                    raise HungError(f"did not return within {now - start:.0f} seconds")
        if self._error is not None:
            raise self._error
        return self._result

    def raised(self, error: BaseException) -> bool:
        """Say whether the function raised `error`, and not the caller's own thread."""
        return error is self._error

    def _work(self) -> None:
        try:
            self._result = self._function()
        except BaseException as error:  # noqa: BLE001
            self._error = error
        with self._lock:
            self._done.set()
            late = self._abandoned
        if late and self._error is None and self._on_late is not None:
            self._on_late(self._result)


def _place(thread: threading.Thread) -> object:
    """Return where a thread is in its code, and its milliseconds of CPU: it differs if the thread has done anything."""
    frame = sys._current_frames().get(thread.ident or 0)
    place: list[tuple[int, int]] = []
    while frame is not None and len(place) < 20:
        place.append((id(frame.f_code), frame.f_lasti))
        frame = frame.f_back
    return place, _milliseconds(thread)


def _milliseconds(thread: threading.Thread) -> int:
    try:
        return int(time.clock_gettime(time.pthread_getcpuclockid(thread.ident or 0)) * 1000)
    except (AttributeError, OSError):  # macOS has none; or the thread has just ended
        return 0
