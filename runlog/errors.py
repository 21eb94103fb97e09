"""Every error that runlog raises on purpose.

The tree of them::

    RunlogError
     ├─ ConfigError            a setting is wrong
     ├─ ProjectNotOpen         a call needs `runlog.open()` round it
     ├─ PayloadError           a payload does not fit its task
     ├─ TaskError              a task is unknown or defined twice, or an option of one is wrong
     ├─ QueryError             a search query is not well formed
     ├─ RunNotFound            no run, or more than one, has that id
     ├─ EventNotFound          no event has that number
     ├─ TokenNotFound          no token has that id
     ├─ ScheduleNotFound       no schedule has that id
     ├─ ChildRunError          a run that was waited for did not complete
     ├─ StoreError             the run log's database cannot be used
     │   ├─ QueryTimeout       reading took too long
     │   ├─ CursorError        what to go on from is not a cursor
     │   └─ StoreTooNew        a newer runlog wrote it
     └─ InstrumentationError   listed plugins could not be installed

`AbortRun` and `RetryAfter` are none of them: a task raises them to fail now, without another attempt, or to say when
the next one is.
"""

from __future__ import annotations

from datetime import timedelta


class RunlogError(Exception):
    """Base of runlog's own errors: `what` went wrong, `why`, and the line to type as a `fix`."""

    def __init__(self, what: str, why: str | None = None, fix: str | None = None) -> None:
        self.what, self.why, self.fix = what, why, fix
        super().__init__("\n".join(part for part in (what, why, fix) if part))


class ConfigError(RunlogError):
    """A setting is unknown, has a wrong value, or is not allowed where it stands."""


class ProjectNotOpen(RunlogError):
    """A call that needs the engine was made outside `runlog.open()`."""


class PayloadError(RunlogError):
    """A payload does not fit its task's annotation, cannot be stored, or is too large."""


class TaskError(RunlogError):
    """A task id is unknown, or two functions claim the same one; or an option of a task or a trigger is wrong."""


class QueryError(RunlogError):
    """A search query is not well formed; `position` is the offset in `text` where reading stopped."""

    def __init__(self, message: str, text: str, position: int) -> None:
        self.text, self.position = text, position
        super().__init__(message, f"{text}\n{' ' * position}^")


class RunNotFound(RunlogError):
    """No run has that id, or a shortened id fits more than one."""


class EventNotFound(RunlogError):
    """No event of the log has that number."""


class TokenNotFound(RunlogError):
    """No token has that id."""


class ScheduleNotFound(RunlogError):
    """No schedule has that id."""


class ChildRunError(RunlogError):
    """A run that was waited for ended in another state than COMPLETED.

    `status` is that state; `error` is the stored error, `{"type": ..., "message": ...}`, or None.
    """

    def __init__(self, run_id: str, task_id: str, status: str, error: dict[str, object] | None = None) -> None:
        self.run_id, self.task_id, self.status, self.error = run_id, task_id, status, error
        reason = f"{error['type']}: {error['message']}" if error else None
        super().__init__(f"run {run_id} of task {task_id!r} ended as {status}", reason)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.run_id, self.task_id, self.status, self.error)


class StoreError(RunlogError):
    """The run log's database cannot be read or written."""


class QueryTimeout(StoreError):
    """Reading took longer than it was given."""


class CursorError(StoreError):
    """What was given to go on from is no cursor of the same call."""


class StoreTooNew(StoreError):
    """The database was written by a newer runlog; this one leaves it alone."""


class InstrumentationError(RunlogError):
    """Instrumentations that the config lists could not be installed; the rest are installed."""


class AbortRun(Exception):
    """Raise inside a task to fail its run now, whatever attempts are left."""


class RetryAfter(Exception):
    """Raise inside a task to have its next attempt, if one is left, start after this delay (seconds or a timedelta) and
    not as its `retry` says."""

    def __init__(self, delay: float | timedelta, message: str = "") -> None:
        self.delay = delay.total_seconds() if isinstance(delay, timedelta) else float(delay)
        """Seconds."""
        if not 0 <= self.delay < float("inf"):
            raise ValueError(f"RetryAfter({delay!r}): a delay is seconds, 0 or more, or a timedelta")
        self.message = message
        super().__init__(message or f"try again in {self.delay:g} s")

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.delay, self.message)
