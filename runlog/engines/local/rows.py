"""Rows of the queue as the port's objects."""

# ruff: noqa: S608 - the statements are put together from this module's own constants; values are bound

from __future__ import annotations

from typing import Any

import msgspec

from runlog.engines.base import Idempotency, NewRun
from runlog.stores.base import Run

Row = tuple[Any, ...]

STATE_COLUMNS = (
    "s.version, s.status, s.changed, s.attempt, s.worker, s.available, s.started, s.ended, s.reason, s.cause, "
    "s.code_version, s.tags"
)
RETURNING_STATE = "RETURNING " + STATE_COLUMNS.replace("s.", "")
RUN_COLUMNS = (
    "r.run_id, r.task, r.queue, r.payload, r.created, r.trace_id, r.span_id, r.parent_run_id, r.root_run_id, "
    "r.parent_span_id, r.waited, r.links, s.tags, s.concurrency_key, r.priority, s.expires, r.idempotency_key, "
    "r.idempotency_expires, s.pin, m.data, r.options"
)
SELECT_RUN = (
    f"SELECT {STATE_COLUMNS}, s.error, o.data, r.scrubbed, {RUN_COLUMNS} FROM state s JOIN run r ON r.id = s.id "
    "LEFT JOIN output o ON o.id = s.id LEFT JOIN metadata m ON m.id = s.id"
)
_STATE_WIDTH = 12

_decode_links = msgspec.msgpack.Decoder(tuple[tuple[bytes, bytes], ...]).decode
_decode_data = msgspec.msgpack.Decoder(dict[str, Any]).decode
encode = msgspec.msgpack.encode


def run_values(new: NewRun) -> Row:
    """A new run's row, in the order of the table's columns that a new run has."""
    once = new.idempotency
    return (
        new.run_id, new.task, new.queue, new.created, new.trace_id, new.span_id, new.parent_run_id, new.root_run_id,
        new.parent_span_id, int(new.waited), encode(new.links) if new.links else None, new.priority,
        once.key if once else None, once.expires if once else None, new.debounce.key if new.debounce else None,
        encode(new.options) if new.options else None, new.payload,
    )  # fmt: skip


def new_run(row: Row, available: int) -> NewRun:
    """What was submitted, from RUN_COLUMNS."""
    (
        run_id, task, queue, payload, created, trace_id, span_id, parent, root, parent_span_id, waited, links, tags,
        concurrency_key, priority, expires, key, key_expires, pin, metadata, options,
    ) = row  # fmt: skip
    return NewRun(
        run_id, task, queue, payload, available, created, trace_id, span_id, parent, root, parent_span_id, bool(waited),
        _decode_links(links) if links else (), decode_tags(tags), concurrency_key or None, priority, expires,
        Idempotency(key, key_expires) if key is not None else None, None, pin or None, metadata,
        decode_data(options),
    )  # fmt: skip


def changed_run(new: NewRun, state: Row, *, output: bytes | None = None, error: dict[str, Any] | None = None) -> Run:
    """A change of a run that is at hand, from STATE_COLUMNS."""
    version, status, changed, attempt, worker, available, started, ended, reason, cause, code_version, tags = state
    return Run(
        new.run_id, version, new.task, status, new.queue, new.created, changed, attempt, new.trace_id, new.span_id,
        new.parent_run_id, new.root_run_id, worker, available, started, ended, decode_tags(tags), reason, None, output,
        error, new.parent_span_id, cause=decode_data(cause), code_version=code_version,
    )  # fmt: skip


def whole_run(row: Row) -> Run:
    """A run with everything, from SELECT_RUN."""
    error, output, scrubbed = row[_STATE_WIDTH : _STATE_WIDTH + 3]
    new = new_run(row[_STATE_WIDTH + 3 :], 0)
    run = changed_run(new, row[:_STATE_WIDTH], output=output, error=decode_data(error))
    run.payload, run.metadata, run.options = new.payload, new.metadata, new.options
    if scrubbed:
        run.options = {**(new.options or {}), "payload_scrubbed": True}
    return run


def encode_data(data: dict[str, Any] | None) -> bytes | None:
    return None if data is None else encode(data)


def decode_data(data: bytes | None) -> dict[str, Any] | None:
    return None if data is None else _decode_data(data)


def encode_tags(tags: tuple[str, ...]) -> str | None:
    return "\n".join(tags) if tags else None


def decode_tags(text: str | None) -> tuple[str, ...]:
    return tuple(text.split("\n")) if text else ()
