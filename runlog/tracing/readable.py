"""Spans as OpenTelemetry's processors and exporters read them: `ReadableSpan`s of live spans and of stored records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from opentelemetry.sdk.trace import Event as SdkEvent
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from runlog.stores.base import Event, Run
from runlog.tracing.details import PLAIN_FLAGS, Details, shown_text
from runlog.tracing.outcome import OUTCOME_KEY
from runlog.tracing.stacktrace import stacktrace

if TYPE_CHECKING:
    from runlog.tracing.provider import TracerProvider
    from runlog.tracing.view import SpanView

_CODES = {"ok": StatusCode.OK, "error": StatusCode.ERROR}
_OUTCOMES = {"canceled": "cancelled", "unfinished": "unfinished"}
_RUN_OUTCOMES = {"COMPLETED": StatusCode.OK, "CANCELED": StatusCode.UNSET}


class RecordedSpan(ReadableSpan):
    """A `ReadableSpan` that knows how much of it was dropped."""

    _instrumentation_info = None
    _dropped: Mapping[str, int] = {}

    @property
    def dropped_attributes(self) -> int:
        return self._dropped.get("attributes", 0)

    @property
    def dropped_events(self) -> int:
        return self._dropped.get("events", 0)

    @property
    def dropped_links(self) -> int:
        return self._dropped.get("links", 0)


class _Event(SdkEvent):
    _dropped = 0

    @property
    def dropped_attributes(self) -> int:
        return self._dropped


class _Link(Link):
    _dropped = 0

    @property
    def dropped_attributes(self) -> int:
        return self._dropped


def export_attributes(values: dict[str, Any]) -> dict[str, Any]:
    """Plain data as OpenTelemetry has it: tuples of one kind of value; the rest as JSON; no None. In place."""
    for key, value in list(values.items()):
        kind = type(value)
        if kind is list:
            values[key] = _sequence(value)
        elif value is None:
            del values[key]
        elif kind is dict:
            values[key] = _json(value)
        elif kind is msgspec.msgpack.Ext:
            values[key] = shown_text(value)
    return values


def _sequence(items: list[Any]) -> Any:
    kinds = {type(item) for item in items}
    if len(kinds) <= 1 and kinds <= {str, bool, int, float}:
        return tuple(items)
    if kinds == {int, float}:
        return tuple(map(float, items))
    if kinds <= {str, msgspec.msgpack.Ext}:
        return tuple(map(shown_text, items))
    return _json(items)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=shown_text)


# Live spans


def live_events(details: Details | None) -> tuple[SdkEvent, ...]:
    if details is None:
        return ()
    return tuple(_event(event.plain(), details.exception) for event in list(details.events))


def live_links(details: Details | None) -> tuple[Link, ...]:
    if details is None:
        return ()
    return tuple(_link(link.context, dict(link.attributes), link.dropped) for link in list(details.links))


def snapshot(span: SpanView) -> ReadableSpan:
    """Return a live span as it is now."""
    readable = RecordedSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=dict(span.attributes),
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
    readable._dropped = {
        "attributes": span.dropped_attributes,
        "events": span.dropped_events,
        "links": span.dropped_links,
    }
    return readable


# Stored records


def flags_of(event: Event) -> int:
    """Return the trace flags of a span's record."""
    flags = (event.extra or {}).get("flags", PLAIN_FLAGS)
    return flags if isinstance(flags, int) else PLAIN_FLAGS


def read_event(event: Event, provider: TracerProvider) -> ReadableSpan:
    """Return a stored span."""
    extra = event.extra or {}
    assert event.trace_id is not None
    assert event.span_id is not None
    trace_id, flags, state = event.trace_id, flags_of(event), _state(extra.get("trace_state"))
    remote = bool(extra.get("remote_parent"))
    attributes = export_attributes(dict(event.attributes))
    outcome = _OUTCOMES.get(event.status or "")
    if outcome is not None:
        attributes.setdefault(OUTCOME_KEY, outcome)
    exception = extra.get("exception")
    readable = RecordedSpan(
        name=event.name,
        context=_context(trace_id, event.span_id, flags, state),
        parent=None if event.parent_id is None else _context(trace_id, event.parent_id, flags, state, remote=remote),
        resource=provider.resource,
        attributes=attributes,
        events=[_event(item, exception) for item in extra.get("events", ())],
        links=[_stored_link(item) for item in extra.get("links", ())],
        kind=_kind(extra.get("kind")),
        status=_status(_CODES.get(event.status or "", StatusCode.UNSET), extra.get("status_message")),
        start_time=event.time,
        end_time=event.time + (event.duration or 0),
        instrumentation_scope=_scope(extra, provider),
    )
    readable._dropped = extra.get("dropped") or {}
    return readable


def read_run(run: Run, flags: int, provider: TracerProvider) -> ReadableSpan:
    """Return an ended run's root span."""
    assert run.trace_id is not None
    assert run.span_id is not None
    attributes: dict[str, Any] = {
        "runlog.run.id": run.run_id,
        "runlog.task": run.task,
        "runlog.queue": run.queue,
        "runlog.status": run.status,
        "runlog.attempt": run.attempt,
    }
    if run.tags:
        attributes["runlog.tags"] = tuple(run.tags)
    if run.parent_run_id:
        attributes["runlog.run.parent_id"] = run.parent_run_id
    if run.status == "CANCELED":
        attributes[OUTCOME_KEY] = "cancelled"
    error = run.error or {}
    message = f"{error.get('type')}: {shown_text(error.get('message', ''))}" if error else run.reason
    exception = error.get("exception")
    end = run.ended or run.changed
    event = {"name": "exception", "time": end, "exception": True, "escaped": True}
    return RecordedSpan(
        name=run.task,
        context=_context(run.trace_id, run.span_id, flags, None),
        parent=None if run.parent_span_id is None else _context(run.trace_id, run.parent_span_id, flags, None),
        resource=provider.resource,
        attributes=attributes,
        events=[_event(event, exception)] if exception else [],
        kind=SpanKind.CONSUMER,
        status=_status(_RUN_OUTCOMES.get(run.status, StatusCode.ERROR), message),
        start_time=run.created,
        end_time=end,
        instrumentation_scope=InstrumentationScope("runlog", ""),
    )


def _context(
    trace_id: bytes, span_id: bytes, flags: int, state: TraceState | None, *, remote: bool = False
) -> SpanContext:
    return SpanContext(
        int.from_bytes(trace_id),
        int.from_bytes(span_id),
        is_remote=remote,
        trace_flags=TraceFlags(flags),
        trace_state=state,
    )


def _state(header: Any) -> TraceState | None:
    return TraceState.from_header([header]) if isinstance(header, str) and header else None


def _scope(extra: Mapping[str, Any], provider: TracerProvider) -> InstrumentationScope:
    return provider.scope(str(extra.get("scope", "runlog")), str(extra.get("scope_version", "")))


def _kind(name: Any) -> SpanKind:
    return SpanKind.__members__.get(name, SpanKind.INTERNAL) if isinstance(name, str) else SpanKind.INTERNAL


def _status(code: StatusCode, message: Any) -> Status:
    return Status(code, shown_text(message) if message is not None and code is StatusCode.ERROR else None)


def _event(item: Mapping[str, Any], exception: Any) -> SdkEvent:
    described = item.get("exception")
    description = exception if described is True else described
    attributes: dict[str, Any] = {}
    if isinstance(description, Mapping):
        module, name = str(description.get("module") or ""), str(description.get("type", "Exception"))
        attributes = {
            "exception.type": name if module in ("", "builtins") else f"{module}.{name}",
            "exception.message": shown_text(description.get("message", "")),
            "exception.stacktrace": stacktrace(description),
            "exception.escaped": str(bool(item.get("escaped"))),
        }
    attributes.update(export_attributes(dict(item.get("attributes") or {})))
    event = _Event(str(item["name"]), attributes, int(item["time"]))
    event._dropped = int(item.get("dropped", 0))
    return event


def _stored_link(item: Mapping[str, Any]) -> Link:
    context = SpanContext(
        int(item["trace_id"], 16),
        int(item["span_id"], 16),
        is_remote=bool(item.get("remote")),
        trace_flags=TraceFlags(int(item.get("flags", PLAIN_FLAGS))),
        trace_state=_state(item.get("trace_state")),
    )
    return _link(context, dict(item.get("attributes") or {}), int(item.get("dropped", 0)))


def _link(context: SpanContext, attributes: dict[str, Any], dropped: int) -> Link:
    link = _Link(context, export_attributes(attributes))
    link._dropped = dropped
    return link
