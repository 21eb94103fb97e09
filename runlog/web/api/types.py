"""What the API answers and takes: one class for each shape. The OpenAPI document and the page's TypeScript types are
made from these.

Times are milliseconds since 1970 UTC as floats (exact to a quarter of a microsecond; where more is wanted there is an
ISO text beside it), durations nanoseconds, ids of traces and spans hexadecimal, ids of events the store's numbers.
Attributes are lists of (key, value) pairs and never objects: a key is data and must not become a property.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from runlog.stores.base import RunStatus

Level = Literal["debug", "info", "warn", "error"]
Pairs = list[tuple[str, Any]]
Scope = Literal["view", "operate"]


class Problem(msgspec.Struct, omit_defaults=True):
    """Why a request was refused or failed: what happened, why, and what helps."""

    code: str
    """bad-request, bad-query, unauthorized, forbidden, not-found, conflict, too-large, timeout, busy, too-many,
    internal, no-log."""
    what: str
    why: str = ""
    fix: str = ""
    position: int | None = None
    """Where in the query the error is, in UTF-16 units, as JavaScript counts."""
    count: int | None = None
    """Of a conflict over many runs: how many match now."""


class ProblemAnswer(msgspec.Struct):
    error: Problem


class Session(msgspec.Struct):
    """Who is asking, and what is served."""

    project: str
    """The name of the project's folder."""
    version: str
    """Of runlog."""
    scope: Scope
    can_operate: bool
    """Cancel and replay: the token's scope has it, and there is a queue that can be written."""
    time: float
    """The server's clock."""
    has_log: bool
    """Whether anything was recorded yet."""


# ── runs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


class ErrorTitle(msgspec.Struct):
    type: str
    message: str
    """Cut at 500 characters."""


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


# ── one run ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Piece(msgspec.Struct):
    """A part of a sentence, with the style of the console: bad, good, task, message, source, note, ..."""

    text: str
    style: str


class Cause(msgspec.Struct):
    """The deepest failing span: where it went wrong."""

    run_id: str
    """The run that the span is of: this one, or one that it waited for."""
    event_id: int
    span_id: str
    name: str
    path: list[str]
    """Span ids from the attempt of this run down to the span; the root span of a run that was waited for is among
    them."""


class RunLink(msgspec.Struct):
    run_id: str
    task: str
    status: RunStatus


class RunDetail(msgspec.Struct):
    """Everything about a run but its events."""

    run: RunRow
    headline: list[Piece]
    """What happened, in one sentence."""
    cause: Cause | None
    exception: dict[str, Any] | None
    """Of the failure: type, message, frames, cause, context, group, notes (see the docs of the road)."""
    payload: Any
    output: Any
    metadata: Any
    payload_size: int
    output_size: int
    metadata_size: int
    """Bytes of JSON as stored; 0: there is none. What is over 256 KiB is null here: /data has it."""
    options: Pairs
    facts: list[str]
    """What else to know, in words: what was asked for at the trigger, computed deadlines."""
    parent: RunLink | None
    root: RunLink | None
    previous: RunLink | None
    """The run of this task before it, by creation."""
    next: RunLink | None
    replays: list[RunLink]
    children: int
    payload_scrubbed: bool
    """Secrets were taken out: a replay needs the payload anew."""
    created_text: str
    """ISO 8601 with nanoseconds; the next two as well."""
    started_text: str | None
    ended_text: str | None
    position: str


class Worker(msgspec.Struct):
    id: str
    pid: int | None
    host: str | None
    version: str | None
    python: str | None
    alive: bool | None
    """None where it is not known."""
    attributes: Pairs


class Loss(msgspec.Struct):
    """Something that is not in the record, and why: refused, dropped, cut."""

    what: str
    count: int
    detail: str


class RunContext(msgspec.Struct):
    """Where a run ran: its attempts' workers, the plugins' states as its worker recorded them, and what is missing."""

    workers: list[Worker]
    plugins: list[Plugin]
    losses: list[Loss]
    resource: Pairs
    queue: Pairs
    versions: Pairs


class TracePage(msgspec.Struct):
    """Rows of a run's trace as columns, in the order of their ids. Numbers are little-endian arrays in base64.

    An `open` row says that a span has begun; the `span` row of the same span id, in this page or a later one, replaces
    it.
    A page leaves the open rows out whose spans end in the same page; of a span that ends in a later one the open row
    is there, so that what is inside it has its place from the first page on.
    """

    run_id: str
    origin: float
    """The moment that `start` counts from: when the run was created."""
    count: int
    id: str
    """float64: event ids, for /api/events/{id}."""
    kind: str
    """uint8: 0 log, 1 open, 2 span."""
    level: str
    """uint8: 5 debug, 9 info, 13 warn, 17 error, or what OpenTelemetry has between."""
    status: str
    """uint8: 0 unset, 1 ok, 2 error, 3 canceled, 4 unfinished; 0 for logs."""
    flags: str
    """uint8: 1 has an exception, 2 something of it was cut or dropped, 4 the message here is cut, 8 has links."""
    name: str
    """uint32: index into `names`: a span's name, a log's source."""
    start: str
    """float64: nanoseconds after the origin."""
    duration: str
    """float64: nanoseconds; -1 for open spans and logs."""
    span: str
    """8 bytes each: a span's own id; zeros for a log."""
    parent: str
    """8 bytes each: the id of the span it is in; zeros at the top."""
    names: list[str]
    messages: list[str]
    """For each log in order: its message, rendered, cut at 500 characters."""
    accessories: list[tuple[int, str]]
    """(row, text): what a span shows beside its name: its error's title, its HTTP status, its own icon's text."""
    children: list[RunRow]
    """Runs triggered by this run, on the first page, at most 1,000; /children has all. A live stream tells of them by
    `runs`."""
    children_total: int
    """0 on later pages."""
    cursor: int
    """Pass as `after` for the next page."""
    more: bool
    remaining: int
    """Rows still to come, about."""


class Matches(msgspec.Struct):
    """Events of a run that a query finds, the newest first."""

    ids: str
    """float64, little-endian, in base64: event ids. A span's is that of its end."""
    cursor: str | None
    """For those before; None when there are no more."""


class Log(msgspec.Struct):
    """A log line (or an ended span, where the query asks for spans) across runs."""

    id: int
    kind: Literal["log", "span", "open"]
    time: float
    time_text: str
    level: int
    name: str
    message: str
    """Rendered, cut at 2,000 characters."""
    cut: bool
    attributes: Pairs
    """The first 8, values longer than 200 characters cut."""
    more_attributes: int
    exception: ErrorTitle | None
    run_id: str | None
    task: str | None
    span_id: str | None
    parent_id: str | None
    duration: int | None
    status: str | None


class LogsPage(msgspec.Struct):
    items: list[Log]
    """Newest first, except around a line: oldest first."""
    cursor: str | None
    searched_to: float | None
    position: str


class LevelBucket(msgspec.Struct):
    time: float
    counts: dict[str, int]


class LevelHistogram(msgspec.Struct):
    start: float
    end: float
    width: float
    buckets: list[LevelBucket]
    total: int
    searched_to: float | None
    own: int
    """Lines of runlog's own that were left out."""


class SpanEvent(msgspec.Struct):
    name: str
    time: float
    time_text: str
    attributes: Pairs


class SpanLink(msgspec.Struct):
    trace_id: str
    span_id: str
    run_id: str | None
    """The run it leads into, where it is in this log."""
    task: str | None
    attributes: Pairs


class EventDetail(msgspec.Struct):
    """Everything of one span or log."""

    id: int
    kind: Literal["log", "open", "span"]
    run_id: str | None
    task: str | None
    time: float
    time_text: str
    end_text: str | None
    duration: int | None
    level: int
    status: str | None
    status_message: str
    name: str
    message: str
    """Whole, rendered."""
    template: str | None
    """As it was written, where it was rendered from attributes."""
    attributes: Pairs
    terms: list[str | None]
    """For each attribute the query term that finds its value; None where no query can."""
    truncated: list[tuple[str, int]]
    """(attribute, original size): when it was recorded, or here, where it is too much for one answer."""
    dropped: list[tuple[str, int]]
    exception: dict[str, Any] | None
    events: list[SpanEvent]
    links: list[SpanLink]
    icon: str | None
    otel_kind: str | None
    scope: str | None
    result: Any
    trace_id: str | None
    span_id: str | None
    parent_id: str | None
    triggered: list[RunLink]
    """Runs that were triggered in this span, the first 100."""
    triggered_total: int


class Comparison(msgspec.Struct):
    """How a span's duration compares with the last ones of its kind (same name, same task)."""

    count: int
    """How many it was compared with, 1,000 at most."""
    slower_than: float | None
    """The share of them that took less time, 0 to 1; None where there are too few (under 5)."""
    p50: int | None
    p95: int | None
    fastest: int | None
    slowest: int | None
    searched_to: float | None


# ── errors, plugins ───────────────────────────────────────────────────────────────────────────────────────────────────


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


class Plugin(msgspec.Struct):
    """One instrumentation as the last worker recorded it."""

    name: str
    state: str
    """active, missing, incompatible, bad-options, failed, ..."""
    version: str | None
    library: str | None
    """The first of `targets`."""
    library_version: str | None
    reason: str | None
    fix: str | None
    options: Pairs
    spans: int | None
    """Spans produced since the worker started, as it last said; None where it is not known."""
    worker: str | None
    recorded: float | None
    source: str | None
    """runlog, opentelemetry (adapted), or the import string."""
    distribution: str | None
    targets: list[str]
    """All that it traces, with versions."""
    notes: list[str]


class PluginsAnswer(msgspec.Struct):
    plugins: list[Plugin]
    """Of the worker that began last; none before the first run."""
    exporters: list[Pairs]
    """Exporters and processors of the config: name, kind, state (works, failing, unknown), and what a process last said
    of it: recorded, exported, failed, dropped, error."""


class ExportedTrace(msgspec.Struct):
    """One run of a file that shows a run without a server."""

    detail: RunDetail
    context: RunContext
    pages: list[TracePage]
    """All rows, unless `remaining` of the last page says otherwise; its children are runs of this file or are not
    here."""


class ExportedRun(msgspec.Struct):
    """What is in the file: JSON in `<script type="application/json" id="runlog-export">`, every `<` as `\\u003c`."""

    version: str
    """Of runlog."""
    project: str
    exported: float
    runs: list[ExportedTrace]
    """The run itself, then those that it triggered and theirs."""
    events: list[EventDetail]
    """For the inspector; those that failed first."""
    notes: list[str]
    """What is not in the file, in words; empty if nothing was left out."""


# ── what is changed ───────────────────────────────────────────────────────────────────────────────────────────────────


class CancelRequest(msgspec.Struct, forbid_unknown_fields=True):
    reason: str | None = None


class ReplayRequest(msgspec.Struct, forbid_unknown_fields=True):
    payload: Any = msgspec.UNSET
    """Another payload; absent: the stored one."""


class BulkRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Runs by id, or all that match a query; `expected` is the number that the user confirmed."""

    run_ids: list[str] | None = None
    query: str | None = None
    expected: int | None = None
    reason: str | None = None


class Canceled(msgspec.Struct):
    canceled: bool
    """False: it had ended."""


class Replayed(msgspec.Struct):
    run_id: str


class BulkResult(msgspec.Struct):
    matched: int
    changed: int
    run_ids: list[str]
    """The new runs of a replay, the first 1,000."""
    refused: list[tuple[str, str]]
    """(run id, why), the first 100."""
    refused_total: int


# ── live ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


class RunsDelta(msgspec.Struct):
    """Event `runs`: rows that changed and match, and the ids of those that changed and do not match."""

    rows: list[RunRow]
    gone: list[str]


class RunDelta(msgspec.Struct):
    """Event `run`: the run's row and headline as they are now."""

    run: RunRow
    headline: list[Piece]


class LogsDelta(msgspec.Struct):
    """Event `logs`: new lines that match, oldest first."""

    items: list[Log]


class Skip(msgspec.Struct):
    """Event `skip`: the stream was too far behind and jumped; so many events were left out."""

    count: int


class Tick(msgspec.Struct):
    """Event `tick`: something changed."""

    position: str
