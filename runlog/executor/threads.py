"""Sync tasks in threads, which nothing can stop from outside."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from anyio import CapacityLimiter, get_cancelled_exc_class, to_thread

from runlog.system.wakeup import threadsafe_caller
from runlog.tracing.scope import current_scope


class Threads:
    """At most `size` threads at once. A thread that was left behind keeps its place until it returns."""

    def __init__(self, size: int) -> None:
        self._limiter = CapacityLimiter(size)
        self._unlimited = CapacityLimiter(math.inf)
        self.abandoned = 0
        """Threads that were left behind and still run."""

    async def run(self, call: Callable[[], Any]) -> Any:
        """Call it in a thread, with the caller's context; what it raises is raised here.

        Cancelling this leaves the thread behind.
        """
        work = _Work(call)
        await self._limiter.acquire_on_behalf_of(work)
        work.on_return = partial(threadsafe_caller(), partial(self._limiter.release_on_behalf_of, work))
        try:
            await to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._unlimited)
        except get_cancelled_exc_class():
            if work.drop():
                self._limiter.release_on_behalf_of(work)
            else:
                self._leave_behind(work)
            raise
        return work.result()

    def _leave_behind(self, work: _Work) -> None:
        self.abandoned += 1
        caller = threadsafe_caller()

        def returned() -> None:
            self.abandoned -= 1

        if not work.tell_when_done(partial(caller, returned)):
            returned()


async def run_in_thread(call: Callable[[], Any]) -> Any:
    """Call it in a thread that has a process to itself: cancelling this waits for its end."""
    work = _Work(call)
    await to_thread.run_sync(work)
    return work.result()


class _Work:
    """One call, which either runs to its end or is dropped before it begins."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self.scope = current_scope()
        """The run that it is a part of: what looks at the threads reads it."""
        self._lock = threading.Lock()
        self._begun = self._done = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._tell: Callable[[], None] | None = None
        self.on_return: Callable[[], None] = lambda: None

    def drop(self) -> bool:
        """Never begin; False if it has begun."""
        with self._lock:
            begun, self._begun = self._begun, True
            return not begun

    def tell_when_done(self, tell: Callable[[], None]) -> bool:
        """Have `tell` called at the end; False if that is past."""
        with self._lock:
            self._tell = tell
            return not self._done

    def __call__(self) -> None:
        if not self.drop():
            return
        try:
            self._value = self._call()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._error = error
        finally:
            with self._lock:
                self._done = True
                tell = self._tell
            self.on_return()
            if tell is not None:
                tell()

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value


CALL = _Work.__call__.__code__
"""The code of a frame in which a thread of the pool works; its `self` has the `scope`."""
