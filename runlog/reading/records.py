"""Runs and events as JSON: times in ISO 8601 UTC to the nanosecond, durations in seconds, ids in hexadecimal."""

from __future__ import annotations

from typing import Any

import msgspec

from runlog.stores.base import LEVEL_NAMES, Event, Run
from runlog.stores.query import format_time


def run_record(run: Run, *, data: bool = False) -> dict[str, Any]:
    """A run as plain data; with `data` also its payload, output and metadata."""
    ran = None if run.started is None or run.ended is None else run.ended - run.started
    record: dict[str, Any] = {
        "run_id": run.run_id,
        "task": run.task,
        "status": run.status,
        "queue": run.queue,
        "attempt": run.attempt,
        "created": time_text(run.created),
        "started": time_text(run.started),
        "ended": time_text(run.ended),
        "changed": time_text(run.changed),
        "available": time_text(run.available),
        "duration": seconds(ran),
        "reason": run.reason,
        "cause": run.cause,
        "error": run.error,
        "tags": list(run.tags),
        "errors": run.errors,
        "warnings": run.warnings,
        "spans": run.spans,
        "logs": run.logs,
        "worker": run.worker,
        "parent_run_id": run.parent_run_id,
        "root_run_id": run.root_run_id,
        "trace_id": hex_text(run.trace_id),
        "span_id": hex_text(run.span_id),
        "parent_span_id": hex_text(run.parent_span_id),
        "version": run.version,
        "code_version": run.code_version,
        "options": run.options or {},
    }
    if data:
        record |= {name: decoded(getattr(run, name)) for name in ("payload", "output", "metadata")}
    return record


def event_record(event: Event, task: str | None = None) -> dict[str, Any]:
    """A log or a span as plain data. A span that has not ended has the kind `open`."""
    return {
        "id": event.id,
        "kind": event.kind,
        "time": time_text(event.time),
        "duration": seconds(event.duration),
        "level": LEVEL_NAMES.get(event.level, str(event.level)),
        "status": event.status,
        "run_id": event.run_id,
        **({"task": task} if task is not None else {}),
        "name": event.name,
        "message": event.message,
        "attributes": event.attributes,
        "extra": event.extra,
        "trace_id": hex_text(event.trace_id),
        "span_id": hex_text(event.span_id),
        "parent_id": hex_text(event.parent_id),
    }


def time_text(nanoseconds: int | None) -> str | None:
    return None if nanoseconds is None else format_time(nanoseconds)


def seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9


def hex_text(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def decoded(value: Any) -> Any:
    """A payload or output, which the engine keeps as JSON in bytes and the log as plain data."""
    if not isinstance(value, bytes):
        return value
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value.decode("utf-8", "replace")
