"""What a span holds beside its name, times and attributes, and how that is written in a record's `extra`."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags, TraceState, format_span_id, format_trace_id

from runlog.recording.clean import cut_mark, escape_text, read_cut
from runlog.stores.base import ERROR, INFO, WARN

NAME_LENGTH = 1024
"""Characters of a span's or event's name; longer ones are cut at a space."""

PLAIN_FLAGS = int(TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID)
"""Trace flags that a record leaves out: sampled, random id."""

RECORD_ONLY = 0x100
"""In a span's flags beside OpenTelemetry's: not sampled, and yet for processors (a sampler's RECORD_ONLY)."""

HAS_STATE = 0x200
"""In a span's flags beside OpenTelemetry's: its context has a trace state."""


class EventRecord(NamedTuple):
    """An event of a span. `exception` is its description, or True where that is the span's `exception`."""

    name: str
    time: int
    attributes: dict[str, Any]
    dropped: int
    exception: dict[str, Any] | bool | None = None
    escaped: bool = False

    def plain(self) -> dict[str, Any]:
        item: dict[str, Any] = {"name": self.name, "time": self.time}
        if self.attributes:
            item["attributes"] = self.attributes
        if self.dropped:
            item["dropped"] = self.dropped
        if self.exception is not None:
            item["exception"] = self.exception
            item["escaped"] = self.escaped
        return item


class LinkRecord(NamedTuple):
    """A link to another span."""

    context: SpanContext
    attributes: dict[str, Any]
    dropped: int

    def plain(self) -> dict[str, Any]:
        context = self.context
        item: dict[str, Any] = {
            "trace_id": format_trace_id(context.trace_id),
            "span_id": format_span_id(context.span_id),
            "flags": int(context.trace_flags),
        }
        if context.trace_state:
            item["trace_state"] = context.trace_state.to_header()
        if context.is_remote:
            item["remote"] = True
        if self.attributes:
            item["attributes"] = self.attributes
        if self.dropped:
            item["dropped"] = self.dropped
        return item


class Details:
    """The seldom used half of a span."""

    __slots__ = (
        "code",
        "description",
        "dropped_attributes",
        "dropped_events",
        "dropped_links",
        "events",
        "exception",
        "extra",
        "has_result",
        "icon",
        "links",
        "outcome",
        "passed_on",
        "reason",
        "result",
    )

    def __init__(self) -> None:
        self.code = StatusCode.UNSET
        self.description: Any = None
        self.outcome: str | None = None
        """`canceled` or `unfinished`: what OpenTelemetry's status cannot say."""
        self.passed_on = False
        """Its error arose in a span below, where it is recorded: a search for errors finds it there, once."""
        self.reason: Any = None
        self.events: list[EventRecord] = []
        self.links: list[LinkRecord] = []
        self.dropped_attributes = self.dropped_events = self.dropped_links = 0
        self.exception: dict[str, Any] | None = None
        self.icon: str | None = None
        self.has_result = False
        self.result: Any = None
        self.extra: dict[str, Any] | None = None
        """What was known at the start: flags and the like."""

    def set_origin(self, flags: int, trace_state: TraceState | None, parent: SpanContext | None) -> None:
        """Note what else belongs to the span's context: flags that are not the usual ones, state, a remote parent."""
        extra: dict[str, Any] = {}
        if flags & 0xFF != PLAIN_FLAGS:
            extra["flags"] = flags & 0xFF
        if flags & RECORD_ONLY:
            extra["record_only"] = True
        if trace_state:
            extra["trace_state"] = trace_state.to_header()
        if parent is not None and parent.is_remote:
            extra["remote_parent"] = True
        self.extra = extra or None

    def add_event(self, event: EventRecord, limit: int) -> None:
        self.events.append(event)
        while len(self.events) > limit:
            self.events.pop(0)
            self.dropped_events += 1

    def add_link(self, link: LinkRecord, limit: int) -> None:
        self.links.append(link)
        while len(self.links) > limit:
            self.links.pop(0)
            self.dropped_links += 1

    def add_exception(self, event: EventRecord, description: dict[str, Any], limit: int) -> None:
        """Make `description` the span's exception; the one before goes into its own event."""
        for index, earlier in enumerate(self.events):
            if earlier.exception is True:
                self.events[index] = earlier._replace(exception=self.exception)
        self.exception = description
        self.add_event(event._replace(exception=True), limit)

    def description_text(self) -> str | None:
        """The status's description as text, for who reads the span live."""
        return None if self.description is None else shown_text(self.description)

    def status_and_level(self) -> tuple[str, int]:
        """The status and level of the span's record."""
        if self.code is StatusCode.ERROR:
            return "error", INFO if self.passed_on else ERROR
        if self.outcome == "unfinished":
            return "unfinished", WARN
        if self.code is StatusCode.OK:
            return "ok", INFO
        return self.outcome or "unset", INFO

    def to_extra(self, base: dict[str, Any] | None) -> dict[str, Any] | None:
        """The record's `extra`, on top of what every span of its tracer and kind has."""
        extra: dict[str, Any] = {**(base or {}), **(self.extra or {})}
        message = self.description if self.description is not None else self.reason
        if message is not None:
            extra["status_message"] = message
        if self.exception is not None:
            extra["exception"] = self.exception
        if self.events:
            extra["events"] = [event.plain() for event in self.events]
        if self.links:
            extra["links"] = [link.plain() for link in self.links]
        if self.icon is not None:
            extra["icon"] = self.icon
        if self.has_result:
            extra["result"] = self.result
        if self.dropped_attributes or self.dropped_events or self.dropped_links:
            counts = {
                "attributes": self.dropped_attributes,
                "events": self.dropped_events,
                "links": self.dropped_links,
            }
            extra["dropped"] = {what: count for what, count in counts.items() if count}
        return extra or None


def is_link(context: object, attributes: object) -> bool:
    """Say whether a link says anything: it names a span, or carries something."""
    return isinstance(context, SpanContext) and bool(context.is_valid or attributes or context.trace_state)


def clean_name(name: object) -> str:
    """Return a name that can be recorded: text of bounded length. Never raises an Exception."""
    if type(name) is not str:
        try:
            name = str.__str__(str(name))
        except Exception:  # noqa: BLE001
            name = f"<{type(name).__name__}>"
    if len(name) > NAME_LENGTH:
        # Cut at a space, so that no secret is cut in two and escapes the rules that would know it whole.
        head, space, _ = name[:NAME_LENGTH].rpartition(" ")
        name = f"{head} {cut_mark(len(name) - len(head))}" if space else cut_mark(len(name))
    return escape_text(name)


def shown_text(value: Any) -> str:
    """Text for who reads a span live: a cut one shows its head, and how much is gone."""
    if isinstance(value, msgspec.msgpack.Ext):
        head, _, size = read_cut(value)
        return head + cut_mark(size - len(head))
    return str(value)
