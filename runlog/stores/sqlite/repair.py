"""Records that SQLite or JSON cannot take, made into ones that they can.

Records are cleaned long before they come here; this is what keeps one that is broken all the same from holding up the
others of its batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import apsw

from runlog.stores.base import WARN, Batch, Event, Run
from runlog.stores.sqlite.rows import INSERT_EVENT, UPSERT_RUN, UPSERT_RUN_DATA, event_row, run_data_row, run_row
from runlog.stores.sqlite.schema import KINDS, create_newest
from runlog.stores.sqlite.tokens import token_text

_LARGEST = 2**63 - 1
_DEEPEST = 64
_LONGEST_TEXT = 10_000_000


def repair_batch(batch: Batch) -> int:
    """Replace, in place, each record that cannot be stored; return how many those were."""
    trial = apsw.Connection(":memory:")
    try:
        create_newest(trial)
        repaired = 0
        for event in batch.events:
            reason = _refused(_try_event, trial, event)
            if reason is not None:
                _repair_event(event, reason)
                repaired += 1
        for run in batch.runs:
            reason = _refused(_try_run, trial, run)
            if reason is not None:
                _repair_run(run, reason)
                repaired += 1
        return repaired
    finally:
        trial.close()


def _refused(
    attempt: Callable[[apsw.Connection, Any], None], trial: apsw.Connection, record: Event | Run
) -> str | None:
    try:
        attempt(trial, record)
    except Exception as error:  # noqa: BLE001 - whatever the value does, it becomes the reason
        return f"{type(error).__name__}: {error}"[:500].encode("utf-8", "backslashreplace").decode()
    return None


def _try_event(trial: apsw.Connection, event: Event) -> None:
    if max(len(event.name), len(event.message)) > _LONGEST_TEXT:
        raise ValueError("a text is too long")
    trial.execute("DELETE FROM event")
    trial.execute(INSERT_EVENT, event_row(event, 1, 1))
    trial.execute("SELECT ?, ?", (event.run_id, token_text(event.attributes))).fetchall()


def _try_run(trial: apsw.Connection, run: Run) -> None:
    trial.execute(UPSERT_RUN, run_row(run, 0))
    trial.execute(UPSERT_RUN_DATA, run_data_row(run) or (None, None, None, run.run_id))


def _repair_event(event: Event, reason: str) -> None:
    event.kind = event.kind if event.kind in KINDS else "log"
    event.run_id = None if event.run_id is None else _text(event.run_id)
    event.trace_id, event.span_id, event.parent_id = map(_blob, (event.trace_id, event.span_id, event.parent_id))
    event.sequence, event.time = _number(event.sequence), _number(event.time)
    event.duration = None if event.duration is None else _number(event.duration)
    event.level = _number(event.level) or WARN
    event.status = None if event.status is None else _text(event.status)
    event.name, event.message = _text(event.name), _text(event.message)
    attributes, extra = plain(event.attributes), plain(event.extra)
    event.attributes = attributes if isinstance(attributes, dict) else {"value": attributes}
    event.extra = {**extra, "repaired": reason} if isinstance(extra, dict) else {"repaired": reason}


def _repair_run(run: Run, reason: str) -> None:
    for name in ("run_id", "task", "status", "queue"):
        setattr(run, name, _text(getattr(run, name)))
    for name in ("version", "created", "changed", "attempt"):
        setattr(run, name, _number(getattr(run, name)))
    for name in ("available", "started", "ended"):
        value = getattr(run, name)
        setattr(run, name, None if value is None else _number(value))
    for name in ("parent_run_id", "root_run_id", "worker", "code_version"):
        value = getattr(run, name)
        setattr(run, name, None if value is None else _text(value))
    run.trace_id, run.span_id = _blob(run.trace_id), _blob(run.span_id)
    tags: Any = run.tags
    run.tags = tuple(map(_text, tags if isinstance(tags, list | tuple) else (tags,)))
    run.payload, run.output, run.metadata = plain(run.payload), plain(run.output), plain(run.metadata)
    options, cause = plain(run.options), plain(run.cause)
    run.options = options if isinstance(options, dict) else None
    run.cause = cause if isinstance(cause, dict) else None
    error = plain(run.error)
    run.error = error if error is None or isinstance(error, dict) else {"type": "error", "message": _text(error)}
    run.reason = f"{_text(run.reason)}; " * (run.reason is not None) + f"stored with changes: {reason}"


def plain(value: Any, depth: int = 0) -> Any:
    """Turn any value into what JSON and SQLite take; what neither does becomes text that says what it was."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if -_LARGEST - 1 <= value <= _LARGEST else _text(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, str):
        return _text(value)
    if depth >= _DEEPEST:
        return "<nested too deep>"
    if isinstance(value, dict):
        return {_text(key): plain(item, depth + 1) for key, item in list(value.items())}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    return f"<{type(value).__name__}>"


def _text(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value.bit_length() < 10_000 else hex(value)[:1000]
    if not isinstance(value, str):
        return "" if value is None else f"<{type(value).__name__}>"
    text = str.__str__(value)
    if len(text) > _LONGEST_TEXT:
        text = text[:_LONGEST_TEXT] + f"…[{len(text) - _LONGEST_TEXT} characters cut]…"
    return text.encode("utf-8", "backslashreplace").decode()


def _number(value: Any) -> int:
    if isinstance(value, float):
        value = int(value) if math.isfinite(value) else 0
    return max(-_LARGEST - 1, min(int(value), _LARGEST)) if isinstance(value, int) else 0


def _blob(value: Any) -> bytes | None:
    return bytes(value) if isinstance(value, bytes | bytearray) else None
