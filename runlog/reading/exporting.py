"""A whole run as JSON lines, Markdown or a plain log, each as pieces of text that are to end with a newline.

Foreign text in them is no markup; a terminal has still to make it visible.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from runlog.console.exceptions import exception_lines
from runlog.console.message import format_attributes, format_duration, render_message
from runlog.reading.loading import load_events, load_tree
from runlog.reading.notes import Note, ignore
from runlog.reading.records import decoded, event_record, run_record
from runlog.reading.sentences import error_title, failing_exception, headline
from runlog.reading.text import json_text, one_line
from runlog.stores.base import LEVEL_NAMES, Event, Reader, Run
from runlog.stores.tree import Node, walk
from runlog.system.text import visible, visible_line


def jsonl(log: Reader, run: Run) -> Iterator[str]:
    """A line of JSON for the run, then one a record, in the order in which they were stored."""
    yield json_text({"kind": "run", **run_record(run, data=True)})
    for event in load_events(log, run.run_id):
        yield json_text(event_record(event))


def log_lines(log: Reader, run: Run) -> Iterator[str]:
    """One line a record in the order of time; later lines of a message are indented."""
    events = sorted(load_events(log, run.run_id), key=lambda event: (event.time, event.sequence))
    ended = {event.span_id for event in events if event.kind == "span"}
    for event in events:
        if event.kind != "open" or event.span_id not in ended:
            yield from _event_lines(event)


def _event_lines(event: Event) -> Iterator[str]:
    level = LEVEL_NAMES.get(event.level, str(event.level)).upper()
    attributes = " ".join("".join(text for text, _ in pair) for pair in format_attributes(event.attributes))
    source = visible_line(event.name)
    if event.kind == "log":
        first, *rest = visible(render_message(str(event.message), event.attributes)).split("\n")
        source = f"[{source}]"
    else:
        took = "still open" if event.duration is None else format_duration(event.duration)
        first, rest = took if event.status in (None, "unset") else f"{took} {event.status}", []
    ids = f"{event.span_id.hex() if event.span_id else '-'} <- {event.parent_id.hex() if event.parent_id else '-'}"
    yield f"{_utc(event.time)} {level:<5} {ids} {source} {first}{'  ' + attributes if attributes else ''}"
    yield from (f"    {text}" for text in rest)
    exception = (event.extra or {}).get("exception")
    if isinstance(exception, dict):
        yield from ("".join(text for text, _ in line) for line in exception_lines(exception, 4))


def _utc(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06}Z"


def markdown(log: Reader, run: Run, note: Note = ignore) -> Iterator[str]:
    """A page, in pieces of whole lines. `note` is told where child runs are left out."""
    root = load_tree(log, run, note=note)
    sentence = "".join(text for text, _ in headline(run, root, time.time_ns()))
    yield f"# Run {_escaped(run.run_id)}\n\n{_escaped(sentence)}\n"
    for name, value in run_record(run).items():
        if value not in (None, [], "") and name not in ("error", "run_id"):
            shown = value if isinstance(value, str) else json_text(value)
            yield f"- {name}: {_code(shown)}"
    for name, value in (("Payload", decoded(run.payload)), ("Output", decoded(run.output))):
        if value is not None:
            yield f"\n## {name}\n\n{_fenced(json_text(value), 'json')}"
    exception = failing_exception(root, run)
    if exception is not None:
        text = "\n".join("".join(text for text, _ in line) for line in exception_lines(exception))
        yield f"\n## Error\n\n{_fenced(text)}"
    elif run.error:
        yield f"\n## Error\n\n{_fenced(visible(error_title(run.error)))}"
    yield "\n## What happened\n"
    for depth, node in walk(root):
        yield from _markdown_item(node, depth)


def _markdown_item(node: Node, depth: int) -> Iterator[str]:
    event, margin = node.event, "  " * depth
    if event.kind == "log":
        level = LEVEL_NAMES.get(event.level, "info")
        words = f"{level}: {_code(render_message(str(event.message), event.attributes))}"
        words = f"**{words}**" if level == "error" else words
    else:
        took = "still running" if node.running else format_duration(event.duration or 0)
        status = "" if event.status in (None, "unset", "ok") else f", **{event.status}**"
        words = f"{_code(event.name)} ({took}{status})"
    yield f"{margin}- {words}"
    if event.attributes:
        yield f"{margin}  - {_code(json_text(event.attributes))}"
    exception: Any = (event.extra or {}).get("exception")
    if isinstance(exception, dict):
        yield f"{margin}  - exception: {_code(error_title(exception))}"


def _escaped(text: str) -> str:
    """Our sentence with foreign names in it: nothing in it is markup."""
    return re.sub(r"[\\`*_{}\[\]<>#|!~$]", lambda match: f"\\{match[0]}", visible_line(text))


def _code(text: str) -> str:
    """Foreign text as a code span, whatever backticks are in it."""
    line = one_line(text)
    ticks = "`" * (_longest_run(line) + 1)
    pad = " " if "`" in line or line != line.strip() or not line else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def _fenced(text: str, language: str = "") -> str:
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    longest = current = 0
    for character in text:
        current = current + 1 if character == "`" else 0
        longest = max(longest, current)
    return longest
