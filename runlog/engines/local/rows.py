"""Rows of the queue as the port's objects."""

from __future__ import annotations

from typing import Any

import msgspec

from runlog.engines.base import NewRun
from runlog.stores.base import Run

Row = tuple[Any, ...]

RUN_COLUMNS = (
    "r.run_id, r.task, r.queue, r.payload, r.created, r.trace_id, r.span_id, r.parent_run_id, r.root_run_id, "
    "r.parent_span_id, r.waited, r.links, r.tags"
)
STATE_COLUMNS = "s.version, s.status, s.changed, s.attempt, s.worker, s.available, s.started, s.ended, s.reason"
SELECT_RUN = f"SELECT {STATE_COLUMNS}, s.output, s.error, {RUN_COLUMNS} FROM state s JOIN run r ON r.id = s.id"  # noqa: S608
_STATE_WIDTH = 9


def run_values(new: NewRun) -> Row:
    """A new run's row, in the order of the table."""
    return (
        new.run_id, new.task, new.queue, new.created, new.trace_id, new.span_id, new.parent_run_id, new.root_run_id,
        new.parent_span_id, int(new.waited), msgspec.msgpack.encode(new.links) if new.links else None,
        "\n".join(new.tags) if new.tags else None, new.payload,
    )  # fmt: skip


def new_run(row: Row, available: int) -> NewRun:
    """What was submitted, from RUN_COLUMNS."""
    run_id, task, queue, payload, created, trace_id, span_id, parent, root, parent_span_id, waited, links, tags = row
    return NewRun(
        run_id, task, queue, payload, available, created, trace_id, span_id, parent, root, parent_span_id, bool(waited),
        msgspec.msgpack.decode(links, type=tuple[tuple[bytes, bytes], ...]) if links else (), _tags(tags),
    )  # fmt: skip


def changed_run(new: NewRun, state: Row, *, output: bytes | None = None, error: Any = None) -> Run:
    """A change of a run that is at hand, from STATE_COLUMNS."""
    version, status, changed, attempt, worker, available, started, ended, reason = state
    return Run(
        new.run_id, version, new.task, status, new.queue, new.created, changed, attempt, new.trace_id, new.span_id,
        new.parent_run_id, new.root_run_id, worker, available, started, ended, new.tags, reason, None, output, error,
        new.parent_span_id,
    )  # fmt: skip


def whole_run(row: Row) -> Run:
    """A run with payload, output and error, from SELECT_RUN."""
    output, error = row[_STATE_WIDTH : _STATE_WIDTH + 2]
    new = new_run(row[_STATE_WIDTH + 2 :], 0)
    run = changed_run(new, row[:_STATE_WIDTH], output=output, error=decode_error(error))
    run.payload = new.payload
    return run


def encode_error(error: dict[str, Any] | None) -> bytes | None:
    return None if error is None else msgspec.msgpack.encode(error)


def decode_error(error: bytes | None) -> dict[str, Any] | None:
    return None if error is None else msgspec.msgpack.decode(error, type=dict[str, Any])


def _tags(text: str | None) -> tuple[str, ...]:
    return tuple(text.split("\n")) if text else ()
