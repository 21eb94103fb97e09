"""Ends of attempts and of runs, and what goes with them: children, keys, secrets, the place in the queue."""

# ruff: noqa: S608 - the statements are put together from this package's own constants; values are bound

from __future__ import annotations

from typing import Any

from runlog.engines.base import Outcome
from runlog.engines.local import admission, keys
from runlog.engines.local.admission import TAKEN, Lane
from runlog.engines.local.queue import ACTIVE, Held, Queue
from runlog.engines.local.rows import RETURNING_STATE, changed_run, encode_data
from runlog.engines.reasons import words
from runlog.stores.base import TERMINAL_STATUSES

_FORGETS_ITS_KEY = frozenset({"FAILED", "TIMED_OUT", "CRASHED", "EXPIRED"})
_OUT = "worker = NULL, lease = NULL, place = NULL, resuming = NULL"


def mark(queue: Queue, held: Held, status: str, reason: str | None, cause: dict[str, Any] | None, now: int) -> None:
    new = held.delivery.run
    limited = queue.limit(new.queue) is not None
    place = TAKEN if limited and status == "EXECUTING" else None
    state = _update_held(
        queue,
        held,
        "status = ?, changed = ?, reason = ?, cause = ?, place = ?, resuming = NULL",
        (status, now, reason, encode_data(cause), place),
    )
    if state is not None:
        queue.effects.runs.append(changed_run(new, state))
        if limited and place is None:
            admission.left(queue, lane_of(held), now)


def lane_of(held: Held) -> Lane:
    return Lane(held.delivery.run.queue, held.delivery.run.concurrency_key or "")


def finish(queue: Queue, held: Held, outcome: Outcome, now: int) -> bool:
    """End an attempt; False if it is not held any more, and then nothing is changed."""
    ended = outcome.status in TERMINAL_STATUSES
    asked = None
    if not ended or outcome.crashed or outcome.status == "CANCELED":
        asked = queue.row("SELECT cancel, canceled_by FROM state WHERE id = ? AND cancel IS NOT NULL", (held.row,))
    if asked is not None and (not ended or outcome.crashed):  # a cancelled run is never tried again
        outcome = Outcome("CANCELED", reason=asked[0] or None, error=canceled_error(asked[0]), crashed=outcome.crashed)
        ended = True
    by = asked[1] if asked is not None else None
    state = _end_held(queue, held, outcome, by, now) if ended else _requeue(queue, held, outcome, now)
    if state is None:
        return False
    new = held.delivery.run
    if outcome.status != "COMPLETED":
        cancel_children(queue, new.run_id, now, keyed=ended)
    error = outcome.error if ended else None  # the error of an attempt that is tried again is not the run's
    queue.effects.runs.append(changed_run(new, state, output=outcome.output, error=error))
    admission.left(queue, lane_of(held), now)
    if state[1] == "QUEUED":
        admission.entered(queue, held.row, now)
    return True


def _end_held(queue: Queue, held: Held, outcome: Outcome, by: str | None, now: int) -> Any:
    cause, reason = outcome.cause, outcome.reason
    if outcome.status == "CANCELED":
        cause = canceled_cause(by) if cause is None or by is not None else cause
        reason = reason or words(cause, now)
    state = _update_held(
        queue,
        held,
        "status = ?, changed = ?2, ended = ?2, lease = NULL, place = NULL, resuming = NULL, crashes = crashes + ?, "
        "reason = ?, cause = ?, error = ?",
        (outcome.status, now, int(outcome.crashed), reason, encode_data(cause), encode_data(outcome.error)),
    )
    if state is not None:
        new = held.delivery.run
        if outcome.output is not None:
            queue.connection.execute("INSERT INTO output VALUES (?,?)", (held.row, outcome.output))
        _scrub_payload(queue, held.row, new.payload)
        if outcome.status in _FORGETS_ITS_KEY and new.idempotency is not None:
            keys.forget(queue, "idempotency", new.task, new.idempotency.key, held.row)
    return state


def _requeue(queue: Queue, held: Held, outcome: Outcome, now: int) -> Any:
    before = held.delivery
    if outcome.available is not None:
        available = outcome.available
    else:  # one that was interrupted keeps its place among the others
        available = now if outcome.uses_attempt else min(before.run.available, now)
    failed = outcome.uses_attempt and not outcome.crashed
    queue.effects.ready = True
    return _update_held(
        queue,
        held,
        f"status = ?, changed = ?, available = ?, rank = ?, attempt = attempt - ?, crashes = crashes + ?, "
        f"retry_from = ?, reason = ?, cause = ?, {_OUT}",
        (
            "DELAYED" if available > now else outcome.status, now, available, available - before.run.priority,
            int(not (outcome.uses_attempt or outcome.crashed)), int(outcome.crashed),
            now if failed else None if outcome.crashed else before.retry_from, outcome.reason,
            encode_data(outcome.cause),
        ),
    )  # fmt: skip


def _update_held(queue: Queue, held: Held, changes: str, values: tuple[Any, ...]) -> Any:
    """Change the row of an attempt if its token still counts; return STATE_COLUMNS, or None."""
    return queue.row(
        f"UPDATE state SET version = version + 1, {changes} WHERE id = ? AND token = ? AND {ACTIVE} {RETURNING_STATE}",
        (*values, held.row, held.delivery.token),
    )


def cancel(queue: Queue, run_id: str, reason: str | None, now: int) -> bool:
    """Cancel a run and the children it waits for; those of the children too."""
    row_id = queue.find(run_id)
    status = queue.value("SELECT status FROM state WHERE id = ?", (row_id,))
    if status in TERMINAL_STATUSES:
        return False
    because = reason or ""
    if queue.scrub is not None and because:
        because = queue.scrub(because.encode("utf-8", "backslashreplace")).decode()
    _cancel_one(queue, run_id, row_id, status, because, now)
    cancel_children(queue, run_id, now, f"its parent {run_id} was canceled")
    return True


def _cancel_one(
    queue: Queue, run_id: str, row_id: int, status: str, because: str, now: int, by: str | None = None
) -> None:
    if status in ("EXECUTING", "WAITING"):
        queue.connection.execute(
            "UPDATE state SET cancel = coalesce(cancel, ?), canceled_by = coalesce(canceled_by, ?) WHERE id = ?",
            (because, by, row_id),
        )
        queue.effects.canceled.append((run_id, because))
    else:
        cause = canceled_cause(by)
        reason = because or words(cause, now)
        end(queue, row_id, "CANCELED", now, reason=reason, cause=cause, error=canceled_error(because))


def cancel_children(queue: Queue, run_id: str, now: int, because: str | None = None, *, keyed: bool = True) -> None:
    """Cancel the runs that a run waits for, and those that they wait for: nobody would take their results. Without
    `keyed` those with an idempotency key live on: the next attempt asks for them."""
    because = because or f"its parent {run_id} waits for it no more"
    parents = [run_id]
    for parent in parents:  # grows while it is read
        children = queue.rows(
            "SELECT r.run_id, s.id, s.status, s.task, r.idempotency_key FROM run r JOIN state s ON s.id = r.id "
            "WHERE r.parent_run_id = ? AND r.waited = 1",
            (parent,),
        )
        for child, row_id, status, task, key in children:
            if status not in TERMINAL_STATUSES and (keyed or key is None or parent != run_id):
                keys.forget(queue, "idempotency", task, key, row_id)
                _cancel_one(queue, child, row_id, status, because, now, by=parent)
                parents.append(child)


def end(
    queue: Queue,
    row_id: int,
    status: str,
    now: int,
    *,
    reason: str | None,
    cause: dict[str, Any] | None,
    error: dict[str, Any],
    crashed: bool = False,
) -> None:
    """End a run of which no attempt is held here."""
    queue.connection.execute(
        "UPDATE state SET version = version + 1, status = ?, changed = ?2, ended = ?2, lease = NULL, place = NULL, "
        "resuming = NULL, crashes = crashes + ?, reason = ?, cause = ?, error = ? WHERE id = ?",
        (status, now, int(crashed), reason, encode_data(cause), encode_data(error), row_id),
    )
    task, name, lane, key = queue.row(
        "SELECT s.task, s.queue, s.concurrency_key, r.idempotency_key FROM state s JOIN run r ON r.id = s.id "
        "WHERE s.id = ?",
        (row_id,),
    )
    if status in _FORGETS_ITS_KEY:
        keys.forget(queue, "idempotency", task, key, row_id)
    if queue.scrub is not None:
        _scrub_payload(queue, row_id, queue.value("SELECT payload FROM run WHERE id = ?", (row_id,)))
    queue.tell(row_id)
    admission.left(queue, Lane(name, lane), now)


def _scrub_payload(queue: Queue, row_id: int, payload: bytes | None) -> None:
    """The run has ended: its payload was needed as it is to execute it, and no longer is."""
    if queue.scrub is None or payload is None:
        return
    scrubbed = queue.scrub(payload)
    if scrubbed != payload:
        queue.connection.execute("UPDATE run SET payload = ?, scrubbed = 1 WHERE id = ?", (scrubbed, row_id))
        queue.effects.erased = True


def set_ready(queue: Queue, row_id: int, reason: str | None, cause: dict[str, Any] | None, now: int) -> None:
    """Queue a run again that is due; it keeps its place among the others."""
    name, key = queue.row("SELECT queue, concurrency_key FROM state WHERE id = ?", (row_id,))
    queue.connection.execute(
        "UPDATE state SET version = version + 1, status = 'QUEUED', changed = ?1, "
        "rank = rank - available + min(available, ?1), available = min(available, ?1), reason = ?2, cause = ?3, "
        f"{_OUT} WHERE id = ?4",
        (now, reason, encode_data(cause), row_id),
    )
    admission.left(queue, Lane(name, key), now)
    admission.entered(queue, row_id, now)
    queue.tell(row_id)
    queue.effects.ready = True


def canceled_error(reason: str | None) -> dict[str, Any]:
    return {"type": "Canceled", "message": reason or "canceled"}


def canceled_cause(by: str | None) -> dict[str, Any]:
    return {"code": "canceled"} if by is None else {"code": "canceled", "by": by}
