"""The watchdog: the one thread of a process that looks at its event loops while attempts run on them."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Protocol

EVERY = 0.05
"""Seconds between two looks at work."""
_IDLE = 20
"""Looks without an attempt after which it sleeps."""

Job = Callable[[], None]


class Watched(Protocol):
    """What it looks at. `look`, `is_active` and `every` are for its thread; `is_watched` is its own to set."""

    is_watched: bool

    @property
    def is_active(self) -> bool:
        """There is something to look at."""
        ...

    @property
    def every(self) -> float:
        """Seconds between two looks."""
        ...

    def look(self, late: float) -> None:
        """Called every now and then, `late` seconds later than it should have been: the process was stopped, the
        machine is busy, or code of C has kept the interpreter to itself. Must not wait."""
        ...


class Watchdog(threading.Thread):
    """`watch`, `hurry` and `do` are for other threads. It sleeps while there is nothing to look at."""

    def __init__(self) -> None:
        super().__init__(name="runlog-watchdog", daemon=True)
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._watched: list[Watched] = []
        self._idle: dict[Watched, int] = {}
        self._lock = threading.Lock()
        self._woken = self._due = 0.0

    def watch(self, watched: Watched) -> None:
        """Look at it until it has been idle for a while."""
        with self._lock:
            if watched.is_watched:
                return
            watched.is_watched = True
            if not self._watched:
                self._woken = time.monotonic()
            self._watched = [*self._watched, watched]
        self._jobs.put(self._look_soon)

    def hurry(self) -> None:
        """Look soon at what is watched, as there is work again."""
        if self._due > time.monotonic() + EVERY:
            self._jobs.put(self._look_soon)

    def _look_soon(self) -> None:
        self._due = min(self._due, time.monotonic() + EVERY)

    def do(self, job: Job) -> None:
        """Have something done in this thread, soon. It must not wait for long."""
        self._jobs.put(job)

    def drain(self, timeout: float) -> bool:
        """Wait until what it was given so far is done."""
        done = threading.Event()
        self._jobs.put(done.set)
        return done.wait(timeout)

    def run(self) -> None:
        self._due = time.monotonic() + EVERY
        while True:
            if not self._watched:
                self._do(self._jobs.get())
                self._due = self._woken + EVERY  # not from now: it may be late already
                continue
            try:
                self._do(self._jobs.get(timeout=max(0.0, self._due - time.monotonic())))
            except Empty:
                pass
            else:
                if time.monotonic() < self._due:
                    continue
            late = max(0.0, time.monotonic() - self._due)
            for watched in self._watched:
                self._look(watched, late)
            self._due = time.monotonic() + self._every()
            self._due = min(self._due, time.monotonic() + self._every())  # there was work before `hurry` could see it

    def _every(self) -> float:
        return min((watched.every for watched in self._watched), default=EVERY)

    def _do(self, job: Job) -> None:
        try:
            job()
        except Exception:  # noqa: BLE001 - a fault of runlog's own must not end the watch
            traceback.print_exc()

    def _look(self, watched: Watched, late: float) -> None:
        if watched.is_active:
            self._idle.pop(watched, None)
        else:
            self._idle[watched] = self._idle.get(watched, 0) + 1
            if self._idle[watched] >= _IDLE and self._leave(watched):
                return
        self._do(lambda: watched.look(late))

    def _leave(self, watched: Watched) -> bool:
        with self._lock:
            watched.is_watched = False
            if watched.is_active:  # an attempt has begun in between, and may have seen that it is watched
                watched.is_watched = True
                return False
            self._watched = [other for other in self._watched if other is not watched]
            del self._idle[watched]
        return True


_current: Watchdog | None = None
_starting = threading.Lock()


def get_watchdog() -> Watchdog:
    """The process's; it is started at the first use. Raises RuntimeError where no thread can be started."""
    global _current
    with _starting:
        if _current is None:
            started = Watchdog()
            started.start()
            _current = started
        return _current


def _forget() -> None:
    """In a forked child: the thread is the parent's."""
    global _current, _starting
    _current, _starting = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
