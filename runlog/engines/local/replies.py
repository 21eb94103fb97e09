"""Answers from the engine's thread to tasks of event loops."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from anyio import Event
from anyio.lowlevel import RunVar

from runlog.system.wakeup import threadsafe_caller

T = TypeVar("T")

_caller: RunVar[Callable[[Callable[[], Any]], None]] = RunVar("runlog-loop-caller")


def _own_caller() -> Callable[[Callable[[], Any]], None]:
    caller = _caller.get(None)
    if caller is None:
        caller = threadsafe_caller()
        _caller.set(caller)
    return caller


class Reply(Generic[T]):
    """One answer. Made by the task that waits; given, at most once, by another thread."""

    __slots__ = ("_error", "_event", "_lock", "_settled", "_value", "caller")

    def __init__(self) -> None:
        self.caller = _own_caller()
        self._event = Event()
        self._lock = threading.Lock()
        self._settled = False
        self._value: Any = None
        self._error: BaseException | None = None

    def put(self, value: T) -> bool:
        """Give the value; False if nobody waits any more. `wake` has to follow."""
        return self._settle(value, None)

    def put_error(self, error: BaseException) -> bool:
        return self._settle(None, error)

    def _settle(self, value: Any, error: BaseException | None) -> bool:
        with self._lock:
            if self._settled:
                return False
            self._settled, self._value, self._error = True, value, error
            return True

    @property
    def is_settled(self) -> bool:
        """The answer is there, or nobody waits for it."""
        return self._settled

    def abandon(self) -> bool:
        """Wait no more; False if the answer is there already."""
        return self._settle(None, None)

    def wake_here(self) -> None:
        """Let the waiting task go on; called on its event loop."""
        self._event.set()

    async def wait(self) -> T:
        """Return the value, or raise the error. Cancelling it leaves the answer where it is."""
        await self._event.wait()
        return self.result()

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        value: T = self._value
        return value


def wake(replies: Iterable[Reply[Any]]) -> None:
    """Wake the waiting tasks, each event loop once."""
    by_loop: dict[Callable[[Callable[[], Any]], None], list[Reply[Any]]] = {}
    for reply in replies:
        by_loop.setdefault(reply.caller, []).append(reply)
    for caller, some in by_loop.items():
        caller(_Waking(some))


class _Waking:
    __slots__ = ("_replies",)

    def __init__(self, replies: list[Reply[Any]]) -> None:
        self._replies = replies

    def __call__(self) -> None:
        for reply in self._replies:
            reply.wake_here()
