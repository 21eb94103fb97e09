"""Failures of one kind."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from runlog.web.api.types.common import RunLink


class ErrorGroup(msgspec.Struct):
    fingerprint: str
    """16 hexadecimal digits: of the type, the normalised message and the first frames of the user's own code."""
    type: str
    message: str
    """Of the newest one."""
    kind: Literal["run", "log"]
    """A failed run, or a logged exception that a run survived."""
    count: int
    runs: int
    first: float
    last: float
    tasks: list[str]
    spark: list[int]
    """Counts in equal slices of the time asked for, oldest first."""
    newest: RunLink | None
    newest_event: int | None


class ErrorsPage(msgspec.Struct):
    start: float
    end: float
    groups: list[ErrorGroup]
    """Most recent first."""
    total: int
    searched_to: float | None


class Occurrence(msgspec.Struct):
    time: float
    run: RunLink | None
    event_id: int | None
    message: str


class ErrorDetail(msgspec.Struct):
    group: ErrorGroup
    exception: dict[str, Any] | None
    occurrences: list[Occurrence]
    """Newest first, 100 at most."""
    start: float
    """The time that was asked for, of which the group's `spark` has slices."""
    end: float
    searched_to: float | None
