"""What a store holds, and the protocol that every store implements.

`Event` and `Run` are the records of the run log: what the road carries (in msgpack), what a store writes and what
readers get back. There is one class for each, so a field is named once.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

import msgspec

from runlog.stores.failures import FailureReader
from runlog.stores.lists import ListReader
from runlog.stores.one_run import RunReader

if TYPE_CHECKING:
    from runlog.stores.query import Query

# OpenTelemetry's severity numbers (opentelemetry-specification, logs data model).
DEBUG, INFO, WARN, ERROR = 5, 9, 13, 17
LEVELS: dict[str, int] = {"debug": DEBUG, "info": INFO, "warn": WARN, "error": ERROR}
LEVEL_NAMES: dict[int, str] = {number: name for name, number in LEVELS.items()}

EventKind = Literal["log", "open", "span"]
"""`open` says that a span started; `span` says everything about one that ended and replaces its `open`."""

SpanStatus = Literal["unset", "ok", "error", "canceled", "unfinished"]
"""OpenTelemetry's three, and what it cannot say: cancelled work, and a span that its attempt or process left open."""

RunStatus = Literal[
    "PENDING_VERSION",
    "DELAYED",
    "QUEUED",
    "EXECUTING",
    "WAITING",
    "COMPLETED",
    "FAILED",
    "CANCELED",
    "TIMED_OUT",
    "CRASHED",
    "EXPIRED",
]
EXPORT_EVENT = "runlog.export"
"""The name of the logs (of no run) that say that an exporter or processor works, fails, or works again.

Their attributes: `exporter`, its spans `exported`, `failed` and `dropped` so far and, of a failure, its `error`.
"""
WORKER_EVENT, PLUGIN_EVENT = "runlog.worker", "runlog.plugin"
"""The names of the logs (of no run) in which a worker tells of itself as it starts, and of each of its instrumentations
as it starts and now and then; their attribute `event.name` is the same, and `worker.name` says which worker it is."""
STREAM_PREFIX = "stream:"
"""How the name of a log begins that is a chunk of a stream."""
TERMINAL_STATUSES: frozenset[str] = frozenset({"COMPLETED", "FAILED", "CANCELED", "TIMED_OUT", "CRASHED", "EXPIRED"})


class Event(msgspec.Struct, array_like=True, tag=1, forbid_unknown_fields=False, gc=False):
    """A log, or the start or the end of a span. Times are nanoseconds since 1970 UTC, durations nanoseconds.

    `attributes` is flat (dotted keys) once stored; on the road it may nest and hold `recording.clean` cuts.
    `extra` holds what is shown but not searched. Its keys, each optional:
    exception (see `recording.exceptions`), events, links, icon, scope (tracer name), kind (OTel's span kind by name),
    status_message, dropped ({what: count}), truncated ({attribute: original size}), flags (trace flags; absent is 3:
    sampled, random), result, json (a stream's chunk is JSON); for exporters scope_version, trace_state,
    remote_parent, record_only (a sampler said so).
    """

    sequence: int
    kind: str
    run_id: str | None
    trace_id: bytes | None
    span_id: bytes | None
    """A span's own id. None for a log."""
    parent_id: bytes | None
    """The span it is in, or None at the top of its trace."""
    time: int
    """A span's start, a log's time."""
    duration: int | None
    level: int
    status: str | None
    """A span's status; None for a log."""
    name: str
    """A span's name; a log's source: `logger`, `stdout`, `stderr`, `warnings`, `logging:<logger name>`, or
    `stream:<name>`, a chunk of a stream."""
    message: Any
    """A log's message (text; a cut on the road); empty for a span."""
    attributes: dict[str, Any]
    extra: dict[str, Any] | None = None
    id: int = 0
    """The store's number, in the order of writing; 0 until stored. Cursors are made of it."""


class Run(msgspec.Struct, array_like=True, tag=2, forbid_unknown_fields=False, gc=False):
    """A run as it is after a change: the newest `version` wins. Times are nanoseconds since 1970 UTC.

    On the road and in a batch, None in `payload`, `output`, `error`, `options`, `metadata` and `code_version` means
    «unchanged». The counters are the store's own.
    """

    run_id: str
    version: int
    """Grows by one with each change of the run's state."""
    task: str
    status: str
    queue: str
    created: int
    changed: int
    """When this version was made."""
    attempt: int = 0
    trace_id: bytes | None = None
    span_id: bytes | None = None
    """The id of the run's root span, under which the attempts are."""
    parent_run_id: str | None = None
    root_run_id: str | None = None
    worker: str | None = None
    available: int | None = None
    """When a DELAYED or retried run may start."""
    started: int | None = None
    """The start of the first attempt."""
    ended: int | None = None
    tags: tuple[str, ...] = ()
    reason: str | None = None
    """Why it is in this state, in words, where the state alone does not tell."""
    payload: Any = None
    output: Any = None
    error: dict[str, Any] | None = None
    """`{"type", "message"}` and, where there is one, `exception`."""
    parent_span_id: bytes | None = None
    """The span that the root span is in, of the same trace: the one that waits for this run."""
    errors: int = 0
    warnings: int = 0
    spans: int = 0
    logs: int = 0
    id: int = 0
    cause: dict[str, Any] | None = None
    """The reason as data: `{"code": ...}` and what belongs to the code; see `runlog.engines.reasons`."""
    options: dict[str, Any] | None = None
    """What was asked for at the trigger beyond the defaults. Keys, each optional: concurrency_key, priority and ttl
    (seconds), max_attempts, max_duration (seconds), idempotency_key, idempotency_scope, debounce_key, batch_id,
    replay_of, schedule_id, version (the run is for workers of this one only)."""
    metadata: Any = None
    code_version: str | None = None
    """The version of the code that the first attempt ran on."""

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL_STATUSES


Record = Event | Run


@dataclass(slots=True)
class Batch:
    """What one transaction stores: records in their order, and how far their spool has been drained."""

    events: list[Event] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    spool_id: str = ""
    positions: Mapping[int, int] = field(default_factory=dict)
    """Segment number → offset up to which the records are in this batch or in an earlier one."""
    closed_segments: Sequence[int] = ()
    """Segments whose positions are no longer needed."""

    def __len__(self) -> int:
        return len(self.events) + len(self.runs)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some answers, and how to go on."""

    items: list[T]
    cursor: str | None
    """Pass it to the same call for the next page; None when there is no more."""
    searched_to: int | None = None
    """Time (ns) back to which the search has looked, where it stopped for its time budget; else None."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bar of a histogram."""

    time: int
    counts: dict[str, int]
    """Level name → number of events."""


@dataclass(frozen=True, slots=True)
class Pruned:
    runs: int
    events: int
    freed: int
    """Bytes given back to the file system."""


@dataclass(frozen=True, slots=True)
class Statistics:
    runs: int
    events: int
    open_spans: int
    size: int
    """Bytes of the database and its WAL."""
    schema: int


class Reader(RunReader, ListReader, FailureReader, Protocol):
    """The reading half of a store. Any number of processes may read while others write."""

    def runs(
        self, query: Query | None = None, *, cursor: str | None = None, limit: int = 50, budget: float = 0.3
    ) -> Page[Run]:
        """Runs that match, newest first; stops after `budget` seconds with what it has. `payload`, `output` and
        `metadata` are left out."""
        ...

    def run(self, run_id: str, *, data: bool = True) -> Run:
        """One run, whole, or without `data`: payload, output and metadata. `run_id` may be shortened at either end.
        Raises RunNotFound."""
        ...

    def events(self, run_id: str | None, *, after: int = 0, limit: int = 10_000) -> list[Event]:
        """A run's events (None: those of no run) with an id over `after`, in the order of their ids."""
        ...

    def search(
        self, query: Query | None, *, cursor: str | None = None, limit: int = 100, budget: float = 0.3
    ) -> Page[Event]:
        """Logs and ended spans that match, newest first; stops after `budget` seconds with what it has."""
        ...

    def tail(self, query: Query | None, *, after: int, limit: int = 2000) -> tuple[list[Event], int]:
        """Events that match with an id over `after`, oldest first, and the id to go on from."""
        ...

    def last_event_id(self) -> int:
        """The newest event's id: where a tail starts."""
        ...

    def arrivals(self, *, after: int | None, limit: int = 2000) -> tuple[list[Run], int]:
        """Runs with a number over `after`, in the order in which the log first heard of them, and the number to go on
        from. None: no runs, and the number from which all will be new."""
        ...

    def versions(self, run_ids: Sequence[str]) -> dict[str, int]:
        """The stored version of each of these runs that is known."""
        ...

    def keys(self, prefix: str = "", limit: int = 50) -> list[str]:
        """Known attribute keys, for completion."""
        ...

    def values(self, key: str, prefix: str = "", limit: int = 50) -> list[str]:
        """Known values of an attribute, for completion."""
        ...

    def statistics(self) -> Statistics: ...

    def close(self) -> None: ...


class Store(Reader, Protocol):
    """A store that can be written. One thread uses it; readers have instances of their own."""

    def write(self, batch: Batch) -> None:
        """Store a batch and its spool positions in one transaction. Sets `Event.id` on each event stored.

        Raises StoreError when nothing of it was stored; the caller tries again. Any other error is that of a record
        in the batch: nothing of it was stored either, and the caller tries without it.
        """
        ...

    def positions(self, spool_id: str) -> dict[int, int]:
        """How far a spool has been drained: segment number → offset."""
        ...

    def close_spool(self, spool_id: str, last_seen: int) -> list[Event]:
        """A process is gone and its spool drained: end its open spans as unfinished at `last_seen` (ns), forget its
        positions, and return the spans so ended."""
        ...

    def prune(self, *, older_than: int | None = None, max_size: int | None = None) -> Pruned:
        """Delete the oldest ended runs: those that ended before a time (ns), and as many as bring the file under a
        size in bytes."""
        ...

    def prune_steps(
        self, *, older_than: int | None = None, max_size: int | None = None
    ) -> Generator[None, None, Pruned]:
        """`prune` in steps of some milliseconds; what is deleted between two of them is committed. The store may be
        written to meanwhile, and the steps be given up; not after the store was closed."""
        ...

    def maintain(self) -> None:
        """Checkpoint and the like; called when there is nothing to write."""
        ...
