"""One span or log, whole."""

from __future__ import annotations

from typing import Any

import msgspec

from runlog.console.message import render_message
from runlog.reading.frames import with_homes
from runlog.reading.terms import attribute_term
from runlog.reading.text import json_text
from runlog.stores.base import Event, Reader
from runlog.stores.one_run import RunName
from runlog.stores.query import format_time
from runlog.web.api.comparison import comparison
from runlog.web.api.run import link_to
from runlog.web.api.types import Comparison, EventDetail, Pairs, SpanEvent, SpanLink
from runlog.web.endpoint import Call, Endpoint, bad_request

CHILD_RUN = "runlog.child.run_id"
TRIGGERED = 100
"""Links to runs in one answer."""
CHARACTERS = 256 * 1024
"""Of one attribute."""
BYTES = 2 * 1024 * 1024
"""Of all attributes, about."""
LARGE = 3 * 1024 * 1024
"""Bytes of an event over which its attributes are only begun."""
_LEAST = 200


def event_detail(reader: Reader, number: int) -> EventDetail:
    """Everything of an event; what is too much for one answer is cut, and says so."""
    event = reader.event(number)
    found = _detail(reader, event, BYTES)
    return found if len(msgspec.json.encode(found, enc_hook=str)) <= LARGE else _detail(reader, event, _LEAST)


def _detail(reader: Reader, event: Event, room: int) -> EventDetail:
    extra, message = event.extra or {}, str(event.message)
    triggered = _triggered(reader, event)
    attributes, cut = _bounded(event, room)
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
        attributes=attributes,
        terms=[attribute_term(key, value) for key, value in event.attributes.items()],
        truncated=[*_counts(extra.get("truncated")), *cut],
        dropped=_counts(extra.get("dropped")),
        exception=with_homes(_table(extra.get("exception"))) or None,
        events=[_span_event(item) for item in _tables(extra.get("events"))],
        links=_links(reader, event),
        icon=_text(extra.get("icon")),
        otel_kind=_text(extra.get("kind")),
        scope=_text(extra.get("scope")),
        result=extra.get("result"),
        trace_id=event.trace_id.hex() if event.trace_id else None,
        span_id=event.span_id.hex() if event.span_id else None,
        parent_id=event.parent_id.hex() if event.parent_id else None,
        triggered=[link_to(name) for name in triggered[:TRIGGERED]],
        triggered_total=len(triggered),
    )


def _bounded(event: Event, room: int) -> tuple[Pairs, list[tuple[str, int]]]:
    """The attributes, and which of them are cut here, for they are too much for one answer."""
    pairs, cut = list[tuple[str, Any]](), list[tuple[str, int]]()
    for key, value in event.attributes.items():
        text = value if isinstance(value, str) else json_text(value)
        if len(text) > min(room, CHARACTERS):
            kept = min(max(room, _LEAST), CHARACTERS)
            cut.append((key, len(text)))
            value = text[:kept] + "…"  # noqa: PLW2901
        room -= min(len(text), CHARACTERS)
        pairs.append((key, value))
    return pairs, cut


def _triggered(reader: Reader, event: Event) -> list[RunName]:
    """The runs that were triggered in a span, in their order: a producer names them, or is where they are."""
    if event.span_id is None or event.run_id is None or (event.extra or {}).get("kind") != "PRODUCER":
        return []
    named = event.attributes.get(CHILD_RUN)
    wanted = dict.fromkeys(str(item) for item in (named if isinstance(named, list) else [named] if named else []))
    inside = [child for child in reader.children_inside(event.run_id) if child.parent_span_id == event.span_id]
    wanted |= dict.fromkeys(child.run_id for child in sorted(inside, key=lambda child: child.created))
    found = reader.names(list(wanted))
    return [found[run_id] for run_id in wanted if run_id in found]


def _task(reader: Reader, event: Event) -> str | None:
    name = reader.names([event.run_id]).get(event.run_id) if event.run_id is not None else None
    return None if name is None else name.task


def _span_event(item: dict[str, Any]) -> SpanEvent:
    time = item.get("time")
    time = time if isinstance(time, int) else 0
    attributes = list(_table(item.get("attributes")).items())
    return SpanEvent(str(item.get("name") or ""), time / 1e6, format_time(time), attributes)


def _links(reader: Reader, event: Event) -> list[SpanLink]:
    links = _tables((event.extra or {}).get("links"))
    places = [(_bytes(item.get("trace_id")), _bytes(item.get("span_id"))) for item in links]
    runs = reader.runs_of_spans([place for place in places if all(place)]) if places else {}
    return [_link(item, runs.get(place)) for item, place in zip(links, places, strict=True)]


def _link(item: dict[str, Any], run: RunName | None) -> SpanLink:
    attributes = list(_table(item.get("attributes")).items())
    trace_id, span_id = str(item.get("trace_id") or ""), str(item.get("span_id") or "")
    return SpanLink(trace_id, span_id, run and run.run_id, run and run.task, attributes)


def _bytes(text: Any) -> bytes:
    try:
        return bytes.fromhex(str(text))
    except ValueError:
        return b""


def _counts(value: Any) -> list[tuple[str, int]]:
    return [(key, count) for key, count in _table(value).items() if isinstance(count, int)]


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tables(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


async def event(call: Call) -> EventDetail:
    number = int(call.path["event_id"])
    return await call.read(lambda reader: event_detail(reader, number))


async def compared(call: Call) -> Comparison:
    number = int(call.path["event_id"])
    found = await call.read(lambda reader: comparison(reader, number))
    if found is None:
        raise bad_request(f"event {number} is a log", "only spans take time")
    return found


ENDPOINTS = (
    Endpoint("GET", "/api/events/{event_id}", event, "view", "Everything of one span or log.", EventDetail),
    Endpoint(
        "GET",
        "/api/events/{event_id}/comparison",
        compared,
        "view",
        "How long a span took beside the last ones of its kind.",
        Comparison,
    ),
)
