"""Runs as rows of lists."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from runlog.engines.reasons import moments
from runlog.reading.text import json_text
from runlog.stores.base import Reader, Run
from runlog.web.api.types import ErrorTitle, Pairs, RunRow

_MESSAGE = 500


def row_of(run: Run, columns: Sequence[str] = (), reader: Reader | None = None) -> RunRow:
    """A run as lists show it, with the columns that were asked for and that it has."""
    return rows_of([run], columns, reader)[0]


def rows_of(runs: Sequence[Run], columns: Sequence[str] = (), reader: Reader | None = None) -> list[RunRow]:
    """Runs as lists show them; the columns of all of them are read at once."""
    found = reader.cells([run.id for run in runs], columns) if reader is not None and columns else {}
    return [_row(run, list(found.get(run.id, {}).items())) for run in runs]


def _row(run: Run, columns: Pairs) -> RunRow:
    options = run.options or {}
    return RunRow(
        run_id=run.run_id,
        version=run.version,
        task=run.task,
        status=run.status,  # type: ignore[arg-type]
        queue=run.queue,
        created=run.created / 1e6,
        changed=run.changed / 1e6,
        available=milliseconds(run.available),
        started=milliseconds(run.started),
        ended=milliseconds(run.ended),
        queue_time=_queue_time(run),
        duration=None if run.started is None or run.ended is None else max(0, run.ended - run.started),
        attempt=run.attempt,
        code_version=run.code_version,
        tags=list(run.tags),
        errors=run.errors,
        warnings=run.warnings,
        spans=run.spans,
        logs=run.logs,
        reason=run.reason,
        cause=_text((run.cause or {}).get("code")),
        times=[(text, moment / 1e6) for text, moment in moments(run.cause or {})],
        error=error_title(run.error),
        worker=run.worker,
        parent_run_id=run.parent_run_id,
        root_run_id=run.root_run_id,
        trace_id=_hex(run.trace_id),
        span_id=_hex(run.span_id),
        parent_span_id=_hex(run.parent_span_id),
        concurrency_key=_text(options.get("concurrency_key")),
        replay_of=_text(options.get("replay_of")),
        schedule_id=_text(options.get("schedule_id")),
        batch_id=_text(options.get("batch_id")),
        columns=[(name, short(value, _MESSAGE)) for name, value in columns],
    )


def milliseconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e6


def error_title(error: dict[str, Any] | None) -> ErrorTitle | None:
    if not error:
        return None
    return ErrorTitle(str(error.get("type") or "Exception"), str(error.get("message") or "")[:_MESSAGE])


def short(value: Any, most: int) -> Any:
    """What a row has room for: what is longer is cut, and then text."""
    text = value if isinstance(value, str) else json_text(value)
    return value if len(text) <= most else text[:most] + "…"


def _queue_time(run: Run) -> int | None:
    """A delay counts only until it is over; `available` of a run that has started is of its next attempt."""
    since = run.created
    if run.available is not None and (run.started is None or run.available <= run.started):
        since = max(since, run.available)
    until = run.started if run.started is not None else run.ended if run.ended is not None else time.time_ns()
    return max(0, until - since)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()
