"""What a task may know of the run that it is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, overload

from runlog.errors import RunNotFound
from runlog.tasks.metadata import Metadata, Tags

if TYPE_CHECKING:
    from runlog.tasks.streams import Stream

D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class TaskInfo:
    id: str
    queue: str = ""
    """The task's queue; that of the run, which its trigger may have chosen, is `Context.queue`."""
    max_duration: float | None = None
    """Seconds that an attempt may take, waits left out."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Times are nanoseconds since 1970 UTC. In a plain call, outside every run, `id` is empty."""

    id: str = ""
    tags: tuple[str, ...] = ()
    """Those that it had when the attempt began."""
    created: int = 0
    started: int = 0
    parent_id: str | None = None
    """The run that triggered this one."""
    root_id: str | None = None
    """The first in the chain of parents; None if there is no parent."""
    batch_id: str | None = None
    """The same for all runs of a `batch_trigger`."""
    idempotency_key: str | None = None
    """As it was given at the trigger."""
    replay_of: str | None = None
    """The run that this one repeats."""
    schedule_id: str | None = None
    version: str | None = None
    """The version of the code that the first attempt ran on."""
    priority: float = 0.0
    """Seconds."""


@dataclass(frozen=True, slots=True)
class AttemptInfo:
    number: int = 1
    """1 for the first."""
    max_attempts: int = 1
    crashes: int = 0
    """How many of the attempts before ended with the death of their worker. They count in `number`, and are no part
    of `max_attempts`."""
    started: int = 0
    """Nanoseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class QueueInfo:
    name: str = ""
    concurrency_key: str | None = None


def _never() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Context:
    """The run, attempt and task that the code is in.

    One may be made for a plain call, as tests do: `Context(TaskInfo("send-email"))`. Metadata and tags are kept in
    memory then.
    """

    task: TaskInfo
    run: RunInfo = RunInfo()
    attempt: AttemptInfo = AttemptInfo()
    stop_check: Callable[[], None] = field(default=_never, repr=False, compare=False)
    queue: QueueInfo = QueueInfo()
    metadata: Metadata = field(default_factory=Metadata, repr=False, compare=False)
    """The run's metadata, to be read and changed."""
    tags: Tags = field(default_factory=Tags, compare=False)
    """The run's tags, to be read and added to."""
    resources: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """Name → value of what `@lifespan` functions opened for the worker."""
    time_left: Callable[[], float | None] = field(default=_never, repr=False, compare=False)
    """Seconds until `max_duration` ends the attempt; None without a limit."""

    @property
    def deadline(self) -> datetime | None:
        """When `max_duration` ends this attempt as things are now: a wait puts it off. None without a limit."""
        left = self.time_left()
        return None if left is None else datetime.now(UTC) + timedelta(seconds=left)

    def checkpoint(self) -> None:
        """Raise if the attempt has been ended from outside: cancelled, timed out, shut down or lost.

        A thread cannot be stopped, so a sync task that runs long calls this now and then. Raises `RunStopped`, which
        is no `Exception`: it passes `except Exception`."""
        self.stop_check()

    def stream(self, name: str) -> Stream:
        """A stream of the run: see `runlog.stream`."""
        from runlog.tasks.streams import stream

        return stream(name)


class RunStopped(BaseException):
    """Raised by `Context.checkpoint()` in a thread whose attempt has ended; its message says why."""


_current: ContextVar[Callable[[], Context] | None] = ContextVar("runlog-current-run", default=None)
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
        return context()
    if default is not _NO_DEFAULT:
        return default
    raise RunNotFound(
        "there is no current run",
        "this code was not called by a task that a worker runs",
        "current_run(None)   # None outside a run",
    )
