"""The span: OpenTelemetry's, live and readable, recorded at its start and at its end."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from time import perf_counter_ns, time_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState
from opentelemetry.trace import Span as ApiSpan

from runlog.recording import RANK_ALWAYS, RANK_SPAN, get_recorder
from runlog.recording.batches import SPAN_START_TAG
from runlog.recording.clean import clean_attributes, clean_text, clean_value, copy_plain
from runlog.stores.base import INFO
from runlog.tracing import outcome
from runlog.tracing.attributes import first_attributes, merge_attributes
from runlog.tracing.details import (
    HAS_STATE,
    PLAIN_FLAGS,
    RECORD_ONLY,
    Details,
    EventRecord,
    LinkRecord,
    clean_name,
    is_link,
)
from runlog.tracing.view import SpanView

if TYPE_CHECKING:
    from runlog.recording import Recorder
    from runlog.tracing.limits import TracingLimits
    from runlog.tracing.scope import RunScope
    from runlog.tracing.tracer import Tracer

_logger = logging.getLogger("runlog.tracing")
_EVENT_TAG = 1  # of `stores.base.Event`: a record is a tuple in its layout, which is cheaper to make than the class
_INTERNAL = SpanKind.INTERNAL
_FREE_CHANGES = 8
_CHANGE_EVERY = 100_000_000  # ns
_PROCESSED = TraceFlags.SAMPLED | RECORD_ONLY


class Span(ApiSpan, SpanView):
    """A span of the run log, behind OpenTelemetry's API. `Tracer.start_span` and `trace()` make them.

    Its start is recorded when it is made, all of it when it ends. No method raises because of a value given to it,
    waits for a lock, or does anything after the end but warn once. Any thread may call any method.
    """

    __slots__ = (
        "_clock",
        "_ended",
        "_open",
        "duration_ns",
        "flags",
        "has_changed",
        "own_attributes",
        "own_details",
        "own_kind",
        "own_name",
        "parent_bytes",
        "scope",
        "span_bytes",
        "start_time_ns",
        "trace_bytes",
        "tracer",
    )
    # Seldom set: a span without them does not pay for them.
    _record_exception: bool = True
    _set_status_on_exception: bool = True
    _warned: bool = False
    _end_wanted: int | None = None
    _changes: int = 0
    _changed_at: int = 0

    def __init__(
        self,
        tracer: Tracer,
        scope: RunScope | None,
        trace_id: bytes,
        span_id: bytes,
        parent_id: bytes | None,
        name: str,
        kind: SpanKind,
        flags: int,
        start_time: int | None,
    ) -> None:
        self.tracer = tracer
        self.scope = scope
        self.trace_bytes = trace_id
        self.span_bytes = span_id
        self.parent_bytes = parent_id
        self.own_name = name
        self.own_kind = kind
        self.flags = flags
        self.own_details: Details | None = None
        self.has_changed = False  # something was set since its last record
        self.duration_ns: int | None = None
        self._ended = False
        self._open = True  # deleted by who records its end or a change: of two threads only one can
        if type(start_time) is int:
            self.start_time_ns = start_time
            self._clock: int | None = None  # someone else's clock, so its end is read from the wall's
        else:
            self.start_time_ns = time_ns()
            self._clock = perf_counter_ns()

    def set_origin(self, trace_state: TraceState | None, parent: SpanContext | None) -> None:
        """Note what a plain child of a local span does not have. Before `begin`."""
        if trace_state is not None:
            self.trace_state = trace_state
            self.flags |= HAS_STATE
        if parent is not None:
            self._parent_context = parent
        if parent is not None or self.flags != PLAIN_FLAGS:
            self.details.set_origin(self.flags, trace_state, parent)

    def set_exception_policy(self, *, record: bool, set_status: bool) -> None:
        """What `with span:` does about an exception."""
        self._record_exception, self._set_status_on_exception = record, set_status

    def begin(
        self,
        context: Context | None,
        attributes: Mapping[str, Any] | None,
        links: Iterable[Link] | None,
        icon: str | None,
    ) -> Span:
        """Record the start. Once, by who makes the span."""
        provider = self.tracer.provider
        recorder = provider.recorder or get_recorder()
        if attributes is None:
            self.own_attributes = {}
        else:
            limits = recorder.limits if provider.given_limits is None else provider.limits.span
            own = copy_plain(attributes, limits)
            if own is None:
                own, dropped = first_attributes(attributes, limits)
                if dropped:
                    self.details.dropped_attributes = dropped
            elif "" in own:
                del own[""]
            self.own_attributes = own
        if links is not None:
            self._add_links(links)
        if icon is not None:
            self.details.icon = clean_name(icon)
        if provider.hooks.starting and self.flags & _PROCESSED:
            provider.hooks.on_start(self, context)
            if self._ended:  # by a processor
                return self
        closed = (scope := self.scope) is not None and scope.closed
        self._record(recorder, "open", None, INFO, None)
        if scope is not None:
            scope.open_spans[self.span_bytes] = self  # not before: its end must come after its start
            if scope.closed is not closed:  # its attempt has ended meanwhile
                self.end_unfinished()
        return self

    def _finish(self, duration: int) -> None:
        """Record all of it. Once, by who deleted `_open`."""
        provider = self.tracer.provider
        self.duration_ns = duration
        if provider.hooks.ending and self.flags & _PROCESSED:
            provider.hooks.on_ending(self)  # still mutable
        self._ended = True
        scope = self.scope
        if scope is not None:
            scope.open_spans.pop(self.span_bytes, None)
        details = self.own_details
        status, level = ("unset", INFO) if details is None else details.status_and_level()
        self._record(provider.recorder or get_recorder(), "span", max(duration, 0), level, status)

    def record_change(self) -> None:
        """Record what was set since the start, before a record under this span: a kill must not lose it then.

        A span that changes all the time does so now and then only: each such record holds all its attributes.
        """
        now = perf_counter_ns()
        if self._changes >= _FREE_CHANGES and now - self._changed_at < _CHANGE_EVERY:
            return
        if not self._claim():  # it has ended, or another thread is at it
            return
        try:
            self._changes += 1
            self._changed_at = now
            self.has_changed = False
            self._record(self.tracer.provider.recorder or get_recorder(), "open", None, INFO, None)
        finally:
            self._open = True
            if self._end_wanted is not None and self._claim():
                self._finish(self._end_wanted)

    def _claim(self) -> bool:
        try:
            del self._open
        except AttributeError:
            return False
        return True

    def _record(self, recorder: Recorder, kind: str, duration: int | None, level: int, status: str | None) -> None:
        tracer, scope, details = self.tracer, self.scope, self.own_details
        run_id = None if scope is None else scope.run_id
        extra = tracer.extra if self.own_kind is _INTERNAL else tracer.extra_by_kind[self.own_kind]
        if details is not None:
            extra = details.to_extra(extra)
        sequence, time = recorder.next_sequence(), self.start_time_ns
        record: tuple[Any, ...]
        if kind == "open":
            record = (SPAN_START_TAG, self.span_bytes, sequence, run_id, self.trace_bytes, self.parent_bytes, time,
                      self.own_name, self.own_attributes, extra)  # fmt: skip
        else:
            record = (_EVENT_TAG, sequence, kind, run_id, self.trace_bytes, self.span_bytes, self.parent_bytes, time,
                      duration, level, status, self.own_name, "", self.own_attributes, extra)  # fmt: skip
        recorder.emit(record, RANK_ALWAYS if status == "error" else RANK_SPAN, run_id)

    # What instrumentors call

    def get_span_context(self) -> SpanContext:
        return self.context

    def is_recording(self) -> bool:
        return not self._ended

    def set_attribute(self, key: str, value: Any) -> None:
        if self._ended:
            self._warn("set_attribute")
            return
        self._merge({key: value})

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        if self._ended:
            self._warn("set_attributes")
            return
        self._merge(attributes)

    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None) -> None:
        if self._ended:
            self._warn("add_event")
            return
        limits = self.limits
        cleaned, dropped = clean_attributes(attributes, limits.event) if attributes is not None else ({}, 0)
        time = timestamp if type(timestamp) is int else time_ns()
        event = EventRecord(clean_name(name), time, cleaned, dropped)
        self.details.add_event(event, limits.events)

    def add_link(self, context: SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        if self._ended:
            self._warn("add_link")
            return
        if not is_link(context, attributes):
            return
        limits = self.limits
        cleaned, dropped = clean_attributes(attributes, limits.link) if attributes is not None else ({}, 0)
        self.details.add_link(LinkRecord(context, cleaned, dropped), limits.links)

    def update_name(self, name: str) -> None:
        if self._ended:
            self._warn("update_name")
            return
        self.own_name = clean_name(name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        if self._ended:
            self._warn("set_status")
            return
        code = status.status_code if isinstance(status, Status) else status
        text = status.description if isinstance(status, Status) else description
        if code is StatusCode.UNSET or not isinstance(code, StatusCode):
            return
        details = self.details
        if details.code is not StatusCode.OK:  # which is final
            details.code = code
            failed = code is StatusCode.ERROR and text is not None
            details.description = clean_text(text, self.limits.span) if failed else None

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Record an exception as an event, unless this span or one below it has recorded it already."""
        if self._ended:
            self._warn("record_exception")
        elif isinstance(exception, BaseException):
            outcome.record_exception(self, exception, attributes, timestamp, escaped=escaped)

    def end(self, end_time: int | None = None) -> None:
        try:
            del self._open
        except AttributeError:
            self._end_again(end_time)
            return
        clock = self._clock
        plain = end_time is None and clock is not None
        self._finish(perf_counter_ns() - clock if plain else self._elapsed(end_time))  # type: ignore[operator]

    def end_unfinished(self) -> bool:
        """End it as "unfinished": whoever should have ended it did not. False if it had ended already."""
        if self._ended:
            return False
        self._warned = True  # its owner may still end it, and did nothing wrong
        self.details.outcome = "unfinished"
        if self._claim():
            self._finish(self._elapsed())
        else:
            self._end_elsewhere(self._elapsed())
        return True

    def _end_again(self, end_time: int | None) -> None:
        if self._ended:
            self._warn("end")
        else:
            self._end_elsewhere(self._elapsed(end_time))

    def _end_elsewhere(self, duration: int) -> None:
        """Another thread holds the claim: if it records a change, it ends the span after that, or we do."""
        self._end_wanted = duration
        if self._claim():
            self._finish(duration)

    def _elapsed(self, end_time: int | None = None) -> int:
        clock = self._clock
        if type(end_time) is int:
            return end_time - self.start_time_ns
        return time_ns() - self.start_time_ns if clock is None else perf_counter_ns() - clock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        if exc_val is not None and not self._ended:
            outcome.leave(
                self,
                exc_val,
                record=self._record_exception,
                set_status=self._set_status_on_exception,
                is_error=True,
            )
        self.end()

    # What runlog adds

    @property
    def limits(self) -> TracingLimits:
        """How much of it is kept."""
        return self.tracer.limits

    @property
    def details(self) -> Details:
        """Events, links, status and the like; made when the first of them is set."""
        details = self.own_details
        if details is None:
            details = self.own_details = Details()
        return details

    def record_result(self, value: object) -> None:
        """Keep a value, cleaned, as what the span's work returned."""
        if not self._ended:
            details = self.details
            details.result, details.has_result = clean_value(value, self.limits.span), True

    def _add_links(self, links: Iterable[Link]) -> None:
        try:
            for link in links:
                if link is not None:
                    self.add_link(link.context, link.attributes)
        except Exception:  # noqa: BLE001 - what is no link must not fail the work
            self.details.dropped_links += 1

    def _merge(self, attributes: Mapping[str, Any]) -> None:
        self.has_changed = True
        dropped = merge_attributes(self.own_attributes, attributes, self.limits.span)
        if dropped:
            self.details.dropped_attributes += dropped

    def _warn(self, method: str) -> None:
        # Once a span, and marked before it is said: a log handler may call the span that it is told about.
        if not self._warned:
            self._warned = True
            _logger.warning("Calling %s() on an ended span: %s", method, self.own_name)

    def __repr__(self) -> str:
        return f'Span(name="{self.own_name}", trace_id={self.trace_bytes.hex()}, span_id={self.span_bytes.hex()})'
