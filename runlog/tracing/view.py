"""A live span as processors read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event as SdkEvent
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, TraceFlags, TraceState

from runlog.tracing.readable import export_attributes, live_events, live_links, snapshot

if TYPE_CHECKING:
    from runlog.tracing.details import Details
    from runlog.tracing.tracer import Tracer


class SpanView(ReadableSpan):
    """The reading half of a span: everything that a `ReadableSpan` tells, made when it is asked for."""

    if TYPE_CHECKING:
        tracer: Tracer
        trace_bytes: bytes
        span_bytes: bytes
        parent_bytes: bytes | None
        start_time_ns: int
        duration_ns: int | None
        flags: int
        own_name: str
        own_kind: SpanKind
        own_attributes: dict[str, Any]
        own_details: Details | None

    # Seldom set: a span without them does not pay for them.
    trace_state: TraceState | None = None
    _context: SpanContext | None = None
    _parent_context: SpanContext | None = None
    _instrumentation_info = None

    def make_context(self, span_id: bytes) -> SpanContext:
        """Return the context of a span of the same trace."""
        return SpanContext(
            int.from_bytes(self.trace_bytes),
            int.from_bytes(span_id),
            is_remote=False,
            trace_flags=TraceFlags(self.flags & 0xFF),
            trace_state=self.trace_state,
        )

    @property
    def context(self) -> SpanContext:
        context = self._context
        if context is None:
            context = self._context = self.make_context(self.span_bytes)
        return context

    @property
    def name(self) -> str:
        return self.own_name

    @property
    def kind(self) -> SpanKind:
        return self.own_kind

    @property
    def parent(self) -> SpanContext | None:
        if self._parent_context is not None or self.parent_bytes is None:
            return self._parent_context
        return self.make_context(self.parent_bytes)

    @property
    def start_time(self) -> int:
        return self.start_time_ns

    @property
    def end_time(self) -> int | None:
        return None if self.duration_ns is None else self.start_time_ns + self.duration_ns

    @property
    def status(self) -> Status:
        details = self.own_details
        return Status() if details is None else Status(details.code, details.description_text())

    @property
    def attributes(self) -> Mapping[str, Any]:
        return MappingProxyType(export_attributes(dict(self.own_attributes)))

    @property
    def events(self) -> Sequence[SdkEvent]:
        return live_events(self.own_details)

    @property
    def links(self) -> Sequence[Link]:
        return live_links(self.own_details)

    @property
    def resource(self) -> Resource:
        return self.tracer.resource

    @property
    def instrumentation_scope(self) -> InstrumentationScope:
        return self.tracer.instrumentation_scope

    @property
    def dropped_attributes(self) -> int:
        return 0 if self.own_details is None else self.own_details.dropped_attributes

    @property
    def dropped_events(self) -> int:
        return 0 if self.own_details is None else self.own_details.dropped_events

    @property
    def dropped_links(self) -> int:
        return 0 if self.own_details is None else self.own_details.dropped_links

    def _readable_span(self) -> ReadableSpan:
        return snapshot(self)

    def to_json(self, indent: int | None = 4) -> str:
        return str(self._readable_span().to_json(indent))
