"""Everything that a span or a log holds, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runlog.console.exceptions import exception_lines
from runlog.console.message import format_duration, render_message
from runlog.console.pieces import Line, safe_lines
from runlog.console.stacks import stack_lines
from runlog.reading.clock import clock
from runlog.reading.text import json_text
from runlog.stores.base import Event
from runlog.stores.tree import Node
from runlog.system.text import visible_line

_SHOWN_APART = {"exception", "events", "links", "truncated", "dropped", "status_message", "result", "stacks", "json"}

STACKTRACE = "code.stacktrace"
"""The attribute that is a text of many lines."""


def node_details(node: Node) -> Iterator[Line]:
    """The attributes of a span or log and what else is known of it, whole."""
    event = node.event
    if event.kind == "log":
        _, *rest = safe_lines(render_message(str(event.message), event.attributes))
        yield from ([("│ " + text, "message")] for text in rest)
    elif node.run is None:
        yield _pair("span", event.span_id.hex() if event.span_id else "?")
    yield from _attributes(event.attributes, _truncated(event))
    yield from extra_lines(event)


def _truncated(event: Event) -> Mapping[str, Any]:
    found = (event.extra or {}).get("truncated")
    return found if isinstance(found, dict) else {}


def _attributes(attributes: Mapping[str, Any], truncated: Mapping[str, Any]) -> Iterator[Line]:
    for key, value in attributes.items():
        if key == STACKTRACE and isinstance(value, str):
            yield [(key, "key")]
            yield from ([("│ " + text, "code")] for text in safe_lines(value))
            continue
        line = _pair(str(key), value if isinstance(value, str) else json_text(value))
        if key in truncated:
            line.append((f"  (cut; it had {visible_line(str(truncated[key]))} characters)", "note"))
        yield line


def _pair(key: str, value: str) -> Line:
    return [(visible_line(key), "key"), (" = ", "punctuation"), (visible_line(value), "value")]


def extra_lines(event: Event) -> Iterator[Line]:
    """What is stored with an event beside its attributes."""
    extra = event.extra or {}
    if extra.get("status_message"):
        yield _pair("status", f"{event.status}: {extra['status_message']}")
    if "result" in extra:
        yield _pair("result", json_text(extra["result"]))
    for key, value in extra.items():
        if key not in _SHOWN_APART:
            yield _pair(f"({key})", value if isinstance(value, str) else json_text(value))
    for item in _dicts(extra.get("links")):
        yield _pair("(link)", f"trace {item.get('trace_id')} span {item.get('span_id')}")
    for item in _dicts(extra.get("events")):
        if item.get("exception") is not True:
            yield from _span_event(item, event.time)
    for what, number in (extra.get("dropped") or {}).items():
        yield [(f"({visible_line(str(number))} {visible_line(str(what))} dropped: over the limit)", "note")]
    if isinstance(error := extra.get("exception"), dict):
        yield from exception_lines(error)
    if isinstance(stacks := extra.get("stacks"), dict):
        yield from stack_lines(stacks)


def _span_event(item: dict[str, Any], start: int) -> Iterator[Line]:
    time = item.get("time")
    after = f"after {format_duration(max(0, time - start))}" if isinstance(time, int) else ""
    yield [("(event) ", "key"), (visible_line(str(item.get("name"))), "message"), (f"  {after}", "note")]
    attributes = item.get("attributes")
    if isinstance(attributes, dict):
        for line in _attributes(attributes, {}):
            yield [("  ", ""), *line]
    if isinstance(item.get("exception"), dict):
        yield from exception_lines(item["exception"], 2)


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def span_heading(event: Event) -> list[Line]:
    """The first lines about one span or log: what, when, how long."""
    took = f", took {format_duration(event.duration)}" if event.duration is not None else ", still open"
    words = f"{event.kind if event.kind == 'log' else 'span'} {event.status or ''}".strip()
    return [
        [(visible_line(event.name), "task"), (f"  {words}", "source")],
        [(f"started {clock(event.time)}{took}" if event.kind != "log" else f"at {clock(event.time)}", "")],
    ]
