"""What a task may know of the run that it is in."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar, overload

from runlog.errors import RunNotFound

D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class TaskInfo:
    id: str
    queue: str = "default"
    max_duration: float | None = None
    """Seconds that an attempt may take, waits left out."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Times are nanoseconds since 1970 UTC. In a plain call, outside every run, `id` is empty."""

    id: str = ""
    tags: tuple[str, ...] = ()
    created: int = 0
    started: int = 0
    parent_id: str | None = None
    """The run that triggered this one."""
    root_id: str | None = None
    """The first in the chain of parents; None if there is no parent."""


@dataclass(frozen=True, slots=True)
class AttemptInfo:
    number: int = 1
    """1 for the first."""
    max_attempts: int = 1
    crashes: int = 0
    """How many of the attempts before ended with the death of their worker. They count in `number`, and are no part
    of `max_attempts`."""


def _never() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Context:
    """The run, attempt and task that the code is in."""

    task: TaskInfo
    run: RunInfo = RunInfo()
    attempt: AttemptInfo = AttemptInfo()
    stop_check: Callable[[], None] = field(default=_never, repr=False, compare=False)

    def checkpoint(self) -> None:
        """Raise if the attempt has been ended from outside: cancelled, timed out, shut down or lost.

        A thread cannot be stopped, so a sync task that runs long calls this now and then. Raises `RunStopped`, which
        is no `Exception`: it passes `except Exception`."""
        self.stop_check()


class RunStopped(BaseException):
    """Raised by `Context.checkpoint()` in a thread whose attempt has ended; its message says why."""


_current: ContextVar[Context | None] = ContextVar("runlog-current-run", default=None)
set_current_run = _current.set
_NO_DEFAULT = object()


@overload
def current_run() -> Context: ...
@overload
def current_run(default: D) -> Context | D: ...
def current_run(default: object = _NO_DEFAULT) -> object:
    """Return the context of the run that the caller is in; outside every run `default`, where one is given.

    Raises RunNotFound where none is.
    """
    context = _current.get()
    if context is not None:
        return context
    if default is not _NO_DEFAULT:
        return default
    raise RunNotFound(
        "there is no current run",
        "this code was not called by a task that a worker runs",
        "current_run(None)   # None outside a run",
    )
