"""Logs and spans: lists of them, and one with everything."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from runlog.web.api.types.common import ErrorTitle, Pairs, RunLink


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
