"""What a store tells about many runs or events at once: the half of `base.Reader` that lists are made of."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from runlog.stores.base import Bucket, Event, Run
    from runlog.stores.query import Query

NEWEST_EVENTS = 1000
"""Of a run, among which an attribute is looked for where one is shown with each run of a list."""

FACETS = ("status", "task", "queue", "tag", "run.version", "run.error")
"""The fields of runs of which every list counts the values."""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many runs match."""

    count: int
    searched_to: int | None
    """Time (ns) back to which they were counted, where the time budget ended it; else None: it is all."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """What matches, over time."""

    buckets: list[Bucket]
    """Those that are not empty, oldest first."""
    searched_to: int | None

    @property
    def total(self) -> int:
        return sum(sum(bucket.counts.values()) for bucket in self.buckets)


@dataclass(frozen=True, slots=True)
class FacetCounts:
    """How many of the runs that match have each value of a field or an attribute."""

    key: str
    values: list[tuple[str, int]]
    """Most frequent first."""
    more: bool
    """There are more values."""
    counted: int
    """Runs that were looked at."""
    searched_to: int | None


class ListReader(Protocol):
    """See `base.Reader`."""

    def within(self, seconds: float) -> AbstractContextManager[None]:
        """Bound the time of all that is read inside it: what takes longer raises QueryTimeout, and the reader can be
        used on. One inside another cannot make it longer."""
        ...

    def position(self) -> tuple[int, int]:
        """The newest event's id and the newest change's number: where a live view that shows all until now goes on."""
        ...

    def changes(self, after: int, limit: int = 500) -> tuple[list[Run], int]:
        """Runs whose row changed (state or counters) since the change with the number `after`, in the order of their
        newest change, and the number to go on from. `payload`, `output` and `metadata` are left out.

        A run whose own record has not come yet is among them, with version 0 and no task.
        """
        ...

    def cells(self, runs: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Run's number (`Run.id`) → column → value, of those that have one.

        `payload.x`, `output.x` and `metadata.x` are parts of a run's data, if that is no larger than 256 KiB; `attr.x`
        is an attribute of the newest event that has it, of the newest `NEWEST_EVENTS`. Other columns are nowhere.
        """
        ...

    def count_runs(self, query: Query | None, *, budget: float = 1.0) -> Counted:
        """How many runs match, as far back as it counts in `budget` seconds."""
        ...

    def run_times(self) -> tuple[int, int] | None:
        """When the first and the last run were created; None where there are none."""
        ...

    def run_histogram(
        self, query: Query | None, start: int, width: int, bars: int, *, budget: float = 1.0
    ) -> Histogram:
        """How many of the runs that match were created in each of `bars` times of `width` (ns) from `start` on, by
        status."""
        ...

    def run_facets(
        self, query: Query | None, keys: Sequence[str], *, most: int = 20, budget: float = 1.0
    ) -> list[FacetCounts]:
        """For each key the `most` frequent of its values among the runs that match.

        A key is one of the query language: a text field of runs (`FACETS` are counted fast), or an attribute, which a
        run has if one of its newest `NEWEST_EVENTS` events has it.
        """
        ...

    def tasks(self, run_ids: Sequence[str]) -> dict[str, str]:
        """The task of each of these runs that is known."""
        ...

    def event_times(self) -> tuple[int, int] | None:
        """The time of the first and of the last log or ended span, to the minute; None where there are none."""
        ...

    def event_histogram(
        self, query: Query | None, start: int, width: int, bars: int, *, budget: float = 1.0
    ) -> Histogram:
        """How many of the logs and ended spans that match were in each of `bars` times of `width` (ns) from `start` on,
        by the name of their level."""
        ...

    def around(self, number: int, before: int, after: int, run_id: str | None = None) -> list[Event]:
        """The event with this number, between the last `before` logs before it and the first `after` logs after it (of
        one run only, where `run_id` says so), in the order in which they were stored. Raises EventNotFound."""
        ...

    def run_values(self, key: str, start: str = "", limit: int = 50) -> list[str]:
        """Values that a text field of runs has and that begin with `start`, for completion. Of fields that no index
        has, those of the newest 5,000 runs."""
        ...

    def event_names(self, start: str = "", limit: int = 50) -> list[str]:
        """Names of the newest 10,000 logs and spans that begin with `start`, for completion."""
        ...
