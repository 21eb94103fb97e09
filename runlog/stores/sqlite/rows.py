# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""Records as rows, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, cast

import apsw
import msgspec

from runlog.stores.base import Event, Run
from runlog.stores.sqlite.schema import KIND_NAMES, KINDS, LOG

Row = tuple[Any, ...]

EVENT_COLUMNS = (
    "id, run, kind, trace_id, span_id, parent_id, sequence, time, duration, level, status, name, message,"
    " attributes, extra"
)
INSERT_EVENT = f"INSERT INTO event ({EVENT_COLUMNS}) VALUES ({', '.join('?' * 15)})"
EVENTS_AT_ONCE = 20
INSERT_EVENTS = INSERT_EVENT + f", ({', '.join('?' * 15)})" * (EVENTS_AT_ONCE - 1)
"""As many events in one statement: a third faster."""
SELECT_EVENT = "e." + EVENT_COLUMNS.replace(", ", ", e.")
"""The columns that `event_of` reads, of `event AS e`."""

_RUN_FIELDS = (
    "run_id, version, task, status, queue, created, changed, attempt, trace_id, span_id, parent_run_id, root_run_id,"
    " worker, available, started, ended, tags, reason, parent_span_id, cause, error, options, code_version"
)
_DATA_FIELDS = ("payload", "output", "metadata")
UNCHANGED_IF_NONE = ("error", "options", "code_version", *_DATA_FIELDS)
"""The fields of which a record may say nothing."""
_KEPT = [name for name in UNCHANGED_IF_NONE if name not in _DATA_FIELDS]
_STABLE = ("task", "queue", "created", "parent_run_id", "root_run_id", "tags")
_CHANGING = [name for name in _RUN_FIELDS.split(", ") if name not in ("run_id", *_KEPT)]
UPSERT_RUN = (
    f"INSERT INTO run ({_RUN_FIELDS}, change) VALUES ({', '.join('?' * 24)}) ON CONFLICT (run_id) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in (*_CHANGING, "change"))
    + "".join(f", {column} = coalesce(excluded.{column}, {column})" for column in _KEPT)
    + " WHERE excluded.version > run.version"
)


def _update(*says: bool) -> str:
    names = [*_RUN_FIELDS.split(", "), "change"]
    left = {"run_id", *_STABLE, *(name for name, said in zip(_KEPT, says, strict=True) if not said)}
    changed = ", ".join(f"{name} = ?{number}" for number, name in enumerate(names, 1) if name not in left)
    return f"UPDATE run SET {changed} WHERE run_id = ?1 AND version < ?2"


_UPDATES = {says: _update(*says) for says in product((False, True), repeat=len(_KEPT))}
SELECT_STABLE = ", ".join((*_STABLE, "code_version"))


def store_run(row: Row, stable: Row | None) -> str:
    """The statement that stores a row of `run_row`.

    Where nothing that seldom changes differs from the run's row of SELECT_STABLE, the indexes of that are spared, which
    SQLite writes anew even with the same values.
    """
    if stable is None or stable[:-1] != (row[2], row[4], row[5], row[10], row[11], row[16]):
        return UPSERT_RUN
    return _UPDATES[row[20] is not None, row[21] is not None, row[22] is not None and row[22] != stable[-1]]


UPSERT_RUN_DATA = """
    INSERT INTO run_data (run, payload, output, metadata) SELECT id, ?, ?, ? FROM run WHERE run_id = ?
    ON CONFLICT (run) DO UPDATE SET payload = coalesce(excluded.payload, payload),
    output = coalesce(excluded.output, output), metadata = coalesce(excluded.metadata, metadata)
"""
SELECT_RUN = "r." + (_RUN_FIELDS + ", errors, warnings, spans, logs, id").replace(", ", ", r.")
"""The columns that `run_of` reads, of `run AS r`."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def json_text(value: Any) -> str:
    """Encode plain data. Raises what msgspec raises where it is none."""
    return _encode(value).decode()


def fetch(connection: apsw.Connection, sql: str, bindings: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
    """Run a statement and return all its rows."""
    return connection.execute(sql, bindings).fetchall()


def bindable(text: str) -> str:
    """Return text that SQLite takes: what it refuses (lone surrogates) is nowhere in it: an escape finds nothing."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def event_row(event: Event, number: int, run: int | None) -> Row:
    """Return the values of INSERT_EVENT."""
    return (
        number,
        run,
        KINDS[event.kind],
        event.trace_id,
        event.span_id,
        event.parent_id,
        event.sequence,
        event.time,
        event.duration,
        event.level,
        event.status,
        event.name,
        event.message,
        _encode(event.attributes).decode() if event.attributes else "{}",
        _encode(event.extra).decode() if event.extra else None,
    )


def event_of(row: Row, run_id: str | None) -> Event:
    """Build the event of a row of SELECT_EVENT."""
    return Event(
        sequence=row[6],
        kind=KIND_NAMES[row[2]],
        run_id=run_id,
        trace_id=row[3],
        span_id=row[4],
        parent_id=row[5],
        time=row[7],
        duration=row[8],
        level=row[9],
        status=row[10],
        name=row[11],
        message=row[12],
        attributes=_decode(row[13]),
        extra=_decode(row[14]) if row[14] else None,
        id=row[0],
    )


def searchable(kind: int, name: str, message: str) -> str:
    """The text whose words are indexed: a log's message, a span's name."""
    return message if kind == LOG else name


def run_row(run: Run, change: int) -> Row:
    """Return the values of UPSERT_RUN."""
    return (
        run.run_id,
        run.version,
        run.task or "?",  # a run without is one whose record has not come
        run.status,
        run.queue,
        run.created,
        run.changed,
        run.attempt,
        run.trace_id,
        run.span_id,
        run.parent_run_id,
        run.root_run_id,
        run.worker,
        run.available,
        run.started,
        run.ended,
        json_text(list(run.tags)),
        run.reason,
        run.parent_span_id,
        _optional(run.cause),
        _optional(run.error),
        _optional(run.options),
        run.code_version,
        change,
    )


def run_data_row(run: Run) -> Row | None:
    """Return the values of UPSERT_RUN_DATA, or None if there is nothing to store."""
    if run.payload is None and run.output is None and run.metadata is None:
        return None
    return _optional(run.payload), _optional(run.output), _optional(run.metadata), run.run_id


def _optional(value: Any) -> str | None:
    return None if value is None else json_text(value)


def run_of(row: Row, data: Row | None = None) -> Run:
    """Build the run of a row of SELECT_RUN, with its payload and output where they were read."""
    payload, output, metadata = data or (None, None, None)
    return Run(
        run_id=row[0],
        version=row[1],
        task=row[2],
        status=row[3],
        queue=row[4],
        created=row[5],
        changed=row[6],
        attempt=row[7],
        trace_id=row[8],
        span_id=row[9],
        parent_run_id=row[10],
        root_run_id=row[11],
        worker=row[12],
        available=row[13],
        started=row[14],
        ended=row[15],
        tags=tuple(cast("list[str]", _decode(row[16]))),
        reason=row[17],
        parent_span_id=row[18],
        cause=_decode(row[19]) if row[19] else None,
        error=_decode(row[20]) if row[20] else None,
        options=_decode(row[21]) if row[21] else None,
        code_version=row[22],
        payload=_decode(payload) if payload else None,
        output=_decode(output) if output else None,
        metadata=_decode(metadata) if metadata else None,
        errors=row[23],
        warnings=row[24],
        spans=row[25],
        logs=row[26],
        id=row[27],
    )
