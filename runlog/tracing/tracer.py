"""The tracer: makes spans, and hands their records to the recorder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind
from opentelemetry.trace import Span as ApiSpan
from opentelemetry.trace import Tracer as ApiTracer
from opentelemetry.trace.propagation import get_current_span

from runlog.tracing.attach import SPAN_KEY, SUPPRESS_KEY, SUPPRESS_KEY_PLAIN, get_context, is_suppressed
from runlog.tracing.details import NAME_LENGTH, PLAIN_FLAGS, clean_name
from runlog.tracing.manager import SpanManager
from runlog.tracing.outcome import leave
from runlog.tracing.sampling import new_span_id, new_trace_id, random_bits
from runlog.tracing.scope import RUN_KEY
from runlog.tracing.span import Span

if TYPE_CHECKING:
    from runlog.tracing.limits import TracingLimits
    from runlog.tracing.provider import TracerProvider
    from runlog.tracing.scope import RunScope

_INTERNAL = SpanKind.INTERNAL
_SAMPLED = 1


class Tracer(ApiTracer):
    """Makes spans for one instrumentation scope. `TracerProvider.get_tracer` gives it."""

    def __init__(self, provider: TracerProvider, scope: InstrumentationScope) -> None:
        self.provider = provider
        self.instrumentation_scope = scope
        self._sampling = provider.sampling
        own: dict[str, Any] = {}
        if scope.name != "runlog":
            own["scope"] = scope.name
            if scope.version:
                own["scope_version"] = scope.version
        self.extra = own or None
        """What the records of all its spans have in their `extra`, by kind: for all to read, for none to change."""
        self.extra_by_kind = {kind: {**own, "kind": kind.name} for kind in SpanKind if kind is not _INTERNAL}

    @property
    def limits(self) -> TracingLimits:
        return self.provider.limits

    @property
    def resource(self) -> Resource:
        return self.provider.resource

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> ApiSpan:
        span = self.start(name, context, kind, attributes, links, start_time)
        if not (record_exception and set_status_on_exception) and isinstance(span, Span):
            span.set_exception_policy(record=record_exception, set_status=set_status_on_exception)
        return span

    def start_as_current_span(  # type: ignore[override] # OpenTelemetry's return type is a private class
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> CurrentSpan:
        arguments = (name, context, kind, attributes, links, start_time)
        return CurrentSpan(
            self, arguments, record=record_exception, set_status=set_status_on_exception, end=end_on_exit
        )

    def start(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        icon: str | None = None,
    ) -> ApiSpan:
        """Make a span, record its start and return it.

        Where it is suppressed or, outside every run, not sampled: a span that records nothing.
        """
        ambient = get_context()
        base = ambient if context is None else context
        if (SUPPRESS_KEY in base or SUPPRESS_KEY_PLAIN in base) and is_suppressed(base):
            return NonRecordingSpan(get_current_span(base).get_span_context())
        if type(name) is not str or len(name) > NAME_LENGTH or not name.isascii():
            name = clean_name(name)
        if kind is not _INTERNAL and type(kind) is not SpanKind:
            kind = _INTERNAL
        parent = base.get(SPAN_KEY)
        scope: Any = ambient.get(RUN_KEY)
        if scope is None and context is not None:
            scope = context.get(RUN_KEY)
        sampling = self._sampling
        if type(parent) is Span:
            scope = scope or parent.scope
            flags = parent.flags
            if parent.has_changed:
                parent.record_change()
            if sampling.inherits and (scope is not None or flags & _SAMPLED):
                span_id = (random_bits(64) or 1).to_bytes(8) if sampling.random_ids else sampling.span_id()
                span = Span(self, scope, parent.trace_bytes, span_id, parent.span_bytes, name, kind, flags, start_time)
                if flags != PLAIN_FLAGS:
                    span.set_origin(parent.trace_state, None)
                return span.begin(context, attributes, links, icon)
        elif parent is None and sampling.samples_roots and sampling.random_ids:
            span = Span(self, scope, new_trace_id(), new_span_id(), None, name, kind, PLAIN_FLAGS, start_time)
            return span.begin(context, attributes, links, icon)
        choice = sampling.choose(context, base, name, kind, attributes, links)
        if scope is None and not choice.record:
            return NonRecordingSpan(choice.span_context())
        parent_id = None if choice.parent is None else choice.parent.span_id.to_bytes(8)
        span = Span(self, scope, choice.trace_id, choice.span_id, parent_id, name, kind, choice.flags, start_time)
        span.set_origin(choice.trace_state, choice.parent)
        return span.begin(context, choice.attributes, links, icon)

    def start_attempt(
        self,
        name: str,
        context: Context,
        scope: RunScope,
        root: SpanContext,
        attributes: Mapping[str, Any],
        links: Sequence[Link],
    ) -> ApiSpan:
        """Make the span of an attempt and record its start. `context` has the scope and the run's root span, which no
        tracer makes."""
        sampling = self._sampling
        if root.trace_flags != PLAIN_FLAGS or not (sampling.inherits and sampling.random_ids):
            return self.start(name, context, SpanKind.CONSUMER, attributes, links)
        trace_id, root_id = root.trace_id.to_bytes(16), root.span_id.to_bytes(8)
        span = Span(self, scope, trace_id, new_span_id(), root_id, name, SpanKind.CONSUMER, PLAIN_FLAGS, None)
        return span.begin(context, attributes, links or None, None)


class CurrentSpan(SpanManager):
    """What `start_as_current_span` gives: a context manager and a decorator, with a new span each time."""

    __slots__ = ("_arguments", "_end", "_record", "_set_status", "_tracer")

    def __init__(
        self, tracer: Tracer, arguments: tuple[Any, ...], *, record: bool, set_status: bool, end: bool
    ) -> None:
        self._entries = {}
        self._tracer = tracer
        self._arguments = arguments
        self._record = record
        self._set_status = set_status
        self._end = end

    def start(self) -> ApiSpan:
        return self._tracer.start(*self._arguments)

    def finish(self, span: ApiSpan, exception: BaseException | None) -> None:
        if exception is not None and type(span) is Span and span.is_recording():
            leave(span, exception, record=self._record, set_status=self._set_status, is_error=False)
        if self._end:
            span.end()
