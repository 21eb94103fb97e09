"""What is told of tasks, queues, tokens and schedules. Times are nanoseconds since 1970 UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class TaskDeclaration:
    """What counts for a task's runs where their trigger says nothing. Durations are seconds."""

    queue: str
    ttl: float | None = None
    tags: tuple[str, ...] = ()
    priority: float = 0.0
    version: str | None = None
    """Only workers of this version of the code take its runs."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue as it stands. The numbers are runs."""

    name: str
    concurrency: int | None
    """Runs at once, for each concurrency key; None is no limit."""
    paused: bool
    executing: int
    queued: int
    delayed: int
    waiting: int
    lost: int = 0
    """Of those that execute: their worker died, and they were not taken back yet."""
    keyed: bool = False
    """There are runs with a concurrency key that execute, wait or found no place: the limit counts for each key."""


@dataclass(frozen=True, slots=True)
class Token:
    """Something outside that a run can wait for: PENDING, then COMPLETED or TIMED_OUT."""

    token_id: str
    status: Literal["PENDING", "COMPLETED", "TIMED_OUT"]
    created: int
    expires: int | None
    ended: int | None = None
    output: bytes | None = None
    """JSON."""
    run_id: str | None = None
    """The run that made it."""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """A schedule that some worker declared."""

    schedule_id: str
    task: str
    cron: str
    timezone: str
    planned: int
    """What is planned up to this time is done with: run, or left out."""
    seen: int
    """When a worker last declared it."""
    run_id: str | None = None
    """The newest run of it."""
    last: int | None = None
    """The planned time of that run."""
    paused: bool = False


@dataclass(frozen=True, slots=True)
class MetadataChange:
    """One change of a run's metadata; `runlog.tasks.metadata.apply` says what each does."""

    operation: Literal["set", "delete", "append", "remove", "increment"]
    key: str
    value: Any = None
    """Plain data."""
