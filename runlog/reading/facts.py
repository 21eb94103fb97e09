"""What is known of a run besides what happened in it, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from runlog.console.message import format_duration
from runlog.console.pieces import Line
from runlog.reading.clock import clock
from runlog.reading.records import decoded
from runlog.reading.text import data_text, one_line
from runlog.stores.base import Run
from runlog.stores.tree import Node

_MINUTE = 60
_KEYS = 50
"""Of metadata, shown each on a line of its own."""


def run_facts(run: Run, now: int, root: Node | None = None) -> Iterator[Line]:
    """When and where it ran, what was asked for at the trigger, payload, output and metadata; with its tree, until when
    it may run."""
    for facts in (_course(run) + deadline(run, root), asked_for(run, now)):
        if facts:
            yield [(one_line(" · ".join(facts)), "note")]
    for name, value in (("payload", decoded(run.payload)), ("output", decoded(run.output))):
        if value is not None:
            yield [(f"{name} ", "key"), (data_text(value), "value")]
    yield from _metadata(decoded(run.metadata))


def _course(run: Run) -> list[str]:
    facts = [f"created {clock(run.created)}"]
    if run.started is not None:
        facts.append(f"queued {format_duration(max(0, run.started - run.created))}")
    if run.started is not None and run.ended is not None:
        facts.append(f"ran {format_duration(max(0, run.ended - run.started))}")
    if run.status == "WAITING":
        facts.append(f"waiting since {clock(run.changed)}")
    key = (run.options or {}).get("concurrency_key")
    facts.append(f"queue {run.queue}" + (f", key {key}" if key else ""))
    facts += [f"{name} {value}" for name, value in (("worker", run.worker), ("parent", run.parent_run_id)) if value]
    if run.tags:
        facts.append("tags " + ", ".join(run.tags))
    return facts


def deadline(run: Run, root: Node | None) -> list[str]:
    """When max_duration ends the attempt that executes; while a run waits its time stands still."""
    ends = ends_at(run, root)
    return [] if ends is None else [f"ends at {clock(ends)} at the latest"]


def ends_at(run: Run, root: Node | None) -> int | None:
    """When max_duration ends the attempt that executes, in ns; None where nothing does."""
    if run.status != "EXECUTING" or root is None:
        return None
    told = [node.event.attributes.get("deadline") for node in root.children if node.running and not node.is_log]
    try:
        return int(datetime.fromisoformat(str(told[-1] if told else None)).timestamp() * 1e9)
    except (ValueError, OverflowError):  # it has none
        return None


def asked_for(run: Run, now: int) -> list[str]:
    """What was asked for at the trigger beyond the defaults."""
    options: dict[str, Any] = run.options or {}
    scope = options.get("idempotency_scope")
    told = (
        ("priority", _seconds(options.get("priority"))),
        ("ttl", _ttl(run, options.get("ttl"), now)),
        ("max_attempts", options.get("max_attempts")),
        ("max_duration", _seconds(options.get("max_duration"))),
        ("idempotency key", _named(options.get("idempotency_key"), scope)),
        ("debounce key", options.get("debounce_key")),
        ("batch", options.get("batch_id")),
        ("schedule", options.get("schedule_id")),
        ("replay of", options.get("replay_of")),
        ("version", _version(run, options.get("version"))),
    )
    return [f"{name} {value}" for name, value in told if value]


def _seconds(value: object) -> str:
    if not isinstance(value, int | float) or not value:
        return ""
    return (
        f"{value:g} s"
        if abs(value) < _MINUTE
        else f"{'-' if value < 0 else ''}{format_duration(int(abs(value) * 1e9))}"
    )


def _ttl(run: Run, value: object, now: int) -> str:
    """The time to live, and when it ends while no attempt has begun."""
    text, ends = _seconds(value), expires_at(run)
    if text and ends is not None:
        text += f" (expires at {clock(ends)})" if ends > now else " (over)"
    return text


def expires_at(run: Run) -> int | None:
    """When the time to live ends of a run whose first attempt has not begun, in ns."""
    value = (run.options or {}).get("ttl")
    if not value or not isinstance(value, int | float) or run.started is not None or run.is_terminal:
        return None
    return max(run.created, run.available or 0) + int(value * 1e9)


def _named(value: object, scope: object) -> str:
    return f"{value} ({scope})" if value and scope else str(value or "")


def _version(run: Run, asked: object) -> str:
    if run.code_version is None:
        return f"{asked} asked for" if asked else ""
    return run.code_version


def _metadata(value: Any) -> Iterator[Line]:
    if not isinstance(value, dict):
        return
    for key, item in list(value.items())[:_KEYS]:
        yield [("metadata ", "key"), (one_line(key), "key"), (" = ", "punctuation"), (data_text(item), "value")]
    if len(value) > _KEYS:
        yield [(f"({len(value) - _KEYS:,} more keys of metadata; --json shows all)", "note")]
