"""Lists of runs, and what narrows them."""

from __future__ import annotations

import msgspec

from runlog.stores.base import RunStatus
from runlog.web.api.types.common import ErrorTitle, Pairs, Problem, Times


class RunRow(msgspec.Struct):
    """A run as lists show it."""

    run_id: str
    version: int
    """Grows with each change: of two rows of a run the one with the higher version is newer; with the same version, the
    one with the higher counts."""
    task: str
    status: RunStatus
    queue: str
    created: float
    changed: float
    available: float | None
    started: float | None
    ended: float | None
    queue_time: int | None
    """From when it could have started (created, or its delay was over) to its first attempt, or to now."""
    duration: int | None
    """From the start of the first attempt to its end; None before either."""
    attempt: int
    code_version: str | None
    tags: list[str]
    errors: int
    warnings: int
    spans: int
    logs: int
    reason: str | None
    cause: str | None
    """The code of the reason."""
    times: Times
    """What `reason` names."""
    error: ErrorTitle | None
    worker: str | None
    parent_run_id: str | None
    root_run_id: str | None
    trace_id: str | None
    span_id: str | None
    parent_span_id: str | None
    concurrency_key: str | None = None
    replay_of: str | None = None
    schedule_id: str | None = None
    batch_id: str | None = None
    columns: Pairs = []
    """The values of the columns that were asked for and that this run has: `payload.user_id`, `metadata.x`,
    `attr.x`."""


class RunsPage(msgspec.Struct):
    items: list[RunRow]
    cursor: str | None
    """For the next page; None when there is no more."""
    searched_to: float | None
    """How far back the search has come, where it stopped for its time budget."""
    position: str
    """Where a live stream that continues this answer starts."""


class Count(msgspec.Struct):
    """How many match, over the whole log; `searched_to` says how far back it counted where it was not the whole."""

    count: int
    searched_to: float | None


class StatusBucket(msgspec.Struct):
    time: float
    counts: dict[str, int]
    """Status → runs created in this bucket."""


class RunHistogram(msgspec.Struct):
    start: float
    end: float
    width: float
    """Of a bucket, in milliseconds."""
    buckets: list[StatusBucket]
    """Those that are not empty."""
    total: int
    searched_to: float | None


class FacetValue(msgspec.Struct):
    value: str
    count: int
    """Runs of the result that have it; of an attribute, in one of their events."""
    term: str
    """What to add to the query to keep only these, quoted as needed."""


class Facet(msgspec.Struct):
    key: str
    """The key in the query language: status, task, queue, tag, run.version, ..."""
    values: list[FacetValue]
    """Most frequent first."""
    more: bool
    counted: int
    """Runs that were looked at for it."""
    searched_to: float | None


class Facets(msgspec.Struct):
    facets: list[Facet]


class Completion(msgspec.Struct):
    text: str
    """What replaces the query's text from `start` to `end`, which are in UTF-16 units."""
    label: str
    detail: str


class Completions(msgspec.Struct):
    start: int
    end: int
    items: list[Completion]


class QueryCheck(msgspec.Struct):
    """Whether a query is understood."""

    error: Problem | None
    about_events: bool
    """It has terms about logs and spans."""
