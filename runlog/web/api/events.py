"""One span or log, whole."""

from __future__ import annotations

from typing import Any

from runlog.console.message import render_message
from runlog.errors import RunNotFound
from runlog.reading.frames import with_homes
from runlog.stores.base import Event, Reader
from runlog.stores.query import format_time
from runlog.web.api.types import EventDetail, SpanEvent, SpanLink
from runlog.web.endpoint import Call, Endpoint, bad_request


def event_detail(reader: Reader, number: int) -> EventDetail:
    event = reader.event(number)
    extra, message = event.extra or {}, str(event.message)
    rendered = render_message(message, event.attributes) if event.kind == "log" else message
    return EventDetail(
        id=event.id,
        kind=event.kind,  # type: ignore[arg-type]
        run_id=event.run_id,
        task=_task(reader, event),
        time=event.time / 1e6,
        time_text=format_time(event.time),
        end_text=None if event.duration is None else format_time(event.time + event.duration),
        duration=event.duration,
        level=event.level,
        status=event.status,
        status_message=str(extra.get("status_message") or ""),
        name=event.name,
        message=rendered,
        template=message if rendered != message else None,
        attributes=list(event.attributes.items()),
        terms=[None for _ in event.attributes],
        truncated=_counts(extra.get("truncated")),
        dropped=_counts(extra.get("dropped")),
        exception=with_homes(_table(extra.get("exception"))) or None,
        events=[_span_event(item) for item in _tables(extra.get("events"))],
        links=[_link(item) for item in _tables(extra.get("links"))],
        icon=_text(extra.get("icon")),
        otel_kind=_text(extra.get("kind")),
        scope=_text(extra.get("scope")),
        result=extra.get("result"),
        trace_id=event.trace_id.hex() if event.trace_id else None,
        span_id=event.span_id.hex() if event.span_id else None,
        parent_id=event.parent_id.hex() if event.parent_id else None,
        triggered=[],
    )


def _task(reader: Reader, event: Event) -> str | None:
    if event.run_id is None:
        return None
    try:
        return reader.run(event.run_id).task
    except RunNotFound:
        return None


def _span_event(item: dict[str, Any]) -> SpanEvent:
    time = item.get("time")
    time = time if isinstance(time, int) else 0
    attributes = list(_table(item.get("attributes")).items())
    return SpanEvent(str(item.get("name") or ""), time / 1e6, format_time(time), attributes)


def _link(item: dict[str, Any]) -> SpanLink:
    attributes = list(_table(item.get("attributes")).items())
    return SpanLink(str(item.get("trace_id") or ""), str(item.get("span_id") or ""), None, None, attributes)


def _counts(value: Any) -> list[tuple[str, int]]:
    return [(key, count) for key, count in _table(value).items() if isinstance(count, int)]


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tables(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


async def event(call: Call) -> EventDetail:
    text = call.path["event_id"]
    if not (text.isdecimal() and text.isascii() and len(text) < 20):
        raise bad_request(f"{text[:40]!r} is not the number of an event")
    return await call.read(lambda reader: event_detail(reader, int(text)))


ENDPOINTS = (Endpoint("GET", "/api/events/{event_id}", event, "view", "Everything of one span or log.", EventDetail),)
