"""Taking runs in, and putting them off."""

from __future__ import annotations

from collections.abc import Sequence
from random import getrandbits
from typing import Any, Literal

import msgspec

from runlog.engines.base import NewRun, Submitted
from runlog.engines.local import admission, declaring, keys
from runlog.engines.local.admission import Lane
from runlog.engines.local.queue import Queue
from runlog.engines.local.rows import decode_tags, encode_data, encode_tags, run_values
from runlog.engines.reasons import words
from runlog.stores.base import TERMINAL_STATUSES, Run
from runlog.tasks.metadata import apply, check_metadata_size
from runlog.tasks.states import MetadataChange

_SEEN = 10_000_000_000
"""A worker that was seen so long ago (ns) lives, as far as a trigger has to know: it is seen every 4 s."""


def submit(queue: Queue, runs: Sequence[NewRun], now: int) -> list[Submitted]:
    """Queue runs, or say which earlier ones stand for them."""
    return [_standing(queue, new, now) or _insert(queue, new, now) for new in runs]


def _insert(queue: Queue, new: NewRun, now: int) -> Submitted:
    if new.queue_is_guess and (known := declaring.declaration(queue, new.task)) is not None:
        new = msgspec.structs.replace(new, queue=known.queue, queue_is_guess=False)
    execute = queue.connection.execute
    execute(
        "INSERT INTO run(run_id, task, queue, created, trace_id, span_id, parent_run_id, root_run_id, parent_span_id, "
        "waited, links, priority, idempotency_key, idempotency_expires, debounce_key, options, payload) "
        "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        run_values(new),
    )
    row_id, rank = queue.connection.last_insert_rowid(), new.available - new.priority
    status, cause = (
        ("DELAYED", {"code": "delayed", "until": new.available}) if new.available > now else ("QUEUED", None)
    )
    if cause is None and not _has_worker(queue, now):
        cause = _no_worker(queue)
    reason = None if cause is None else words(cause, now)
    execute(
        "INSERT INTO state(id, task, queue, queue_is_guess, concurrency_key, pin, status, version, changed, available, "
        "rank, expires, token, reason, cause, tags) VALUES (?,?,?,?,?,?,?,1,?,?,?,?,?,?,?,?)",
        (
            row_id, new.task, new.queue, int(new.queue_is_guess), new.concurrency_key or "", new.version or "", status,
            now, new.available, rank, new.expires, getrandbits(48), reason, encode_data(cause), encode_tags(new.tags),
        ),
    )  # fmt: skip
    if new.metadata is not None:
        execute("INSERT INTO metadata VALUES (?,?)", (row_id, new.metadata))
    if new.idempotency is not None:
        keys.keep(queue, "idempotency", new.task, new.idempotency.key, row_id, new.idempotency.expires)
    if new.debounce is not None:
        keys.keep(queue, "debounce", new.task, new.debounce.key, row_id)
    if status == "QUEUED":
        if queue.limit(new.queue) is not None:
            lane = Lane(new.queue, new.concurrency_key or "")
            admission.enter(queue, row_id, lane, (new.task, new.version or ""), rank, now)
        queue.effects.ready = True
    queue.effects.runs.append(_told(new, status, now, reason, cause))
    return Submitted(new.run_id, new.trace_id, new.span_id)


def _told(new: NewRun, status: str, now: int, reason: str | None, cause: dict[str, Any] | None) -> Run:
    return Run(
        new.run_id, 1, new.task, status, new.queue, new.created, now, 0, new.trace_id, new.span_id, new.parent_run_id,
        new.root_run_id, None, new.available, None, None, new.tags, reason, new.payload, None, None,
        new.parent_span_id, cause=cause, options=new.options, metadata=new.metadata,
    )  # fmt: skip


def _has_worker(queue: Queue, now: int) -> bool:
    if queue.has_worker is None:
        query = "SELECT 1 FROM worker WHERE seen > ? LIMIT 1"
        queue.has_worker = queue.row(query, (now - _SEEN,)) is not None
    return queue.has_worker


def _no_worker(queue: Queue) -> dict[str, Any]:
    seen = last_seen(queue)
    return {"code": "no_worker"} if seen is None else {"code": "no_worker", "seen": seen}


def last_seen(queue: Queue) -> int | None:
    """When a worker was last seen."""
    query = "SELECT max(t) FROM (SELECT max(seen) t FROM worker UNION ALL SELECT value FROM fact WHERE name = 'seen')"
    seen = queue.value(query)
    return None if seen is None else int(seen)


def _standing(queue: Queue, new: NewRun, now: int) -> Submitted | None:
    """The earlier run that stands for this one, if there is one."""
    if new.idempotency is not None:
        row_id = keys.holder(queue, "idempotency", new.task, new.idempotency.key, now)
        if row_id is not None:
            return _known(queue, row_id, "idempotency")
    if new.debounce is not None:
        row_id = keys.holder(queue, "debounce", new.task, new.debounce.key, now)
        if row_id is not None and _put_off(queue, row_id, new, now):
            return _known(queue, row_id, "debounce")
    return None


def _known(queue: Queue, row_id: int, cached: Literal["idempotency", "debounce"]) -> Submitted:
    run_id, trace_id, span_id = queue.row("SELECT run_id, trace_id, span_id FROM run WHERE id = ?", (row_id,))
    return Submitted(run_id, trace_id, span_id, cached)


def _put_off(queue: Queue, row_id: int, new: NewRun, now: int) -> bool:
    """Let a run that is delayed take this trigger in; False if it is not any more."""
    debounce = new.debounce
    assert debounce is not None
    row = queue.row(
        "SELECT r.created, s.status, s.started FROM state s JOIN run r ON r.id = s.id WHERE s.id = ?", (row_id,)
    )
    if row is None or row[1] != "DELAYED" or row[2] is not None:
        return False
    available = new.available if debounce.until is None else min(new.available, row[0] + debounce.until)
    expires = None if new.expires is None else new.expires - new.available + available
    queue.connection.execute("UPDATE state SET expires = ? WHERE id = ?", (expires, row_id))
    if debounce.trailing:
        queue.connection.execute("UPDATE run SET payload = ? WHERE id = ?", (new.payload, row_id))
        queue.connection.execute("UPDATE state SET tags = ? WHERE id = ?", (encode_tags(new.tags), row_id))
        if new.metadata is not None:
            queue.connection.execute("INSERT OR REPLACE INTO metadata VALUES (?,?)", (row_id, new.metadata))
        queue.effects.erased = True
    if new.idempotency is not None:
        _add_key(queue, row_id, new)
    _start_at(queue, row_id, available, now, all_told=debounce.trailing)
    return True


def _add_key(queue: Queue, row_id: int, new: NewRun) -> None:
    """The run that takes a trigger in stands for its idempotency key too, unless it has one."""
    once = new.idempotency
    assert once is not None
    changed = queue.rows(
        "UPDATE run SET idempotency_key = ?, idempotency_expires = ? WHERE id = ? AND idempotency_key IS NULL "
        "RETURNING 1",
        (once.key, once.expires, row_id),
    )
    if changed:
        keys.keep(queue, "idempotency", new.task, once.key, row_id, once.expires)


def reschedule(queue: Queue, run_id: str, available: int, now: int) -> bool:
    """Have a run start at another time; False if an attempt has begun, or it has ended. Its ttl begins then."""
    row_id = queue.find(run_id)
    status, attempt = queue.row("SELECT status, attempt FROM state WHERE id = ?", (row_id,))
    if attempt or status not in ("QUEUED", "DELAYED", "PENDING_VERSION"):
        return False
    queue.connection.execute(
        "UPDATE state SET expires = max(?1, ?2) + expires - max(available, created) FROM run "
        "WHERE state.id = ?3 AND run.id = ?3",
        (available, now, row_id),
    )
    _start_at(queue, row_id, available, now)
    return True


def _start_at(queue: Queue, row_id: int, available: int, now: int, *, all_told: bool = False) -> None:
    cause = {"code": "delayed", "until": available} if available > now else None
    name, key = queue.row("SELECT queue, concurrency_key FROM state WHERE id = ?", (row_id,))
    queue.connection.execute(
        "UPDATE state SET version = version + 1, status = ?, changed = ?, rank = rank - available + ?3, "
        "available = ?3, place = NULL, reason = ?, cause = ? WHERE id = ?",
        (
            "DELAYED" if cause else "QUEUED", now, available, words(cause, now) if cause else None,
            encode_data(cause), row_id,
        ),
    )  # fmt: skip
    admission.left(queue, Lane(name, key), now)
    if cause is None:
        admission.entered(queue, row_id, now)
    queue.effects.ready = True
    queue.tell(row_id, payload=all_told, metadata=all_told)


def change_metadata(
    queue: Queue, run_id: str, changes: Sequence[MetadataChange], tags: Sequence[str], now: int
) -> None:
    """Change a run's metadata and tags, unless it has ended. Raises PayloadError over the limit."""
    row_id = queue.find(run_id)
    status, there, known = queue.row(
        "SELECT status, data, tags FROM state LEFT JOIN metadata USING (id) WHERE id = ?", (row_id,)
    )
    if status in TERMINAL_STATUSES:
        return
    data: dict[str, Any] = msgspec.json.decode(there) if there else {}
    for change in changes:
        apply(data, change)
    encoded = msgspec.json.encode(data)
    check_metadata_size(len(encoded))
    if changes:
        queue.connection.execute("INSERT OR REPLACE INTO metadata VALUES (?,?)", (row_id, encoded))
    queue.connection.execute(
        "UPDATE state SET version = version + 1, changed = ?, tags = ? WHERE id = ?",
        (now, encode_tags(tuple(dict.fromkeys((*decode_tags(known), *tags)))), row_id),
    )
    queue.tell(row_id, metadata=bool(changes))


def ask_for_stacks(queue: Queue, run_id: str) -> bool:
    """Have the worker of a run write down where it is; False if no worker has it."""
    row_id = queue.find(run_id)
    asked = queue.rows(
        "UPDATE state SET asked = asked + 1 WHERE id = ? AND status IN ('EXECUTING', 'WAITING') RETURNING 1", (row_id,)
    )
    if asked:
        queue.effects.asked.append(run_id)
    return bool(asked)
