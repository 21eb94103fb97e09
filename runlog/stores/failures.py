"""What a store tells about failures, wherever they are: the part of `base.Reader` that groups of errors are made of."""

from __future__ import annotations

from typing import NamedTuple, Protocol

FAILED = ("FAILED", "TIMED_OUT", "CRASHED")


class FailedRun(NamedTuple):
    """A run that failed. Times are nanoseconds since 1970 UTC."""

    number: int
    """`Run.id`."""
    run_id: str
    task: str
    status: str
    created: int
    ended: int
    error: str | None
    """JSON, with the exception."""
    reason: str | None
    change: int
    """The number of its newest change."""


class LoggedError(NamedTuple):
    """A log or a span of level error."""

    id: int
    time: int
    run_id: str | None
    task: str | None
    exception: str | None
    """JSON, of a log with one."""


class FailureReader(Protocol):
    """See `base.Reader`."""

    def failed_runs(self, before: tuple[int, int] | None, *, limit: int = 500) -> list[FailedRun]:
        """Runs that failed, the last created first, from those created before (created, number) on."""
        ...

    def runs_failed_since(self, change: int, *, limit: int = 500) -> list[FailedRun]:
        """Runs that failed and changed since the change with this number, in the order of their changes."""
        ...

    def logged_errors(self, *, above: int = 0, below: int | None = None, limit: int = 500) -> list[LoggedError]:
        """Logs and spans of level error with an id between two, the last first: also those without an exception, so
        that no more is read than `limit`."""
        ...
