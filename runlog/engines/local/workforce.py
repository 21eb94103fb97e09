"""Who works: workers register what they take, renew their leases, and what dead ones had is taken back."""

# ruff: noqa: S608 - the statements are put together from this package's own constants; values are bound

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runlog.engines.base import CRASH_BUDGET, Work, WorkerState
from runlog.engines.local import admission, declaring
from runlog.engines.local.claiming import READY, Group, groups
from runlog.engines.local.ending import cancel_children, canceled_cause, canceled_error, end, set_ready
from runlog.engines.local.queue import ACTIVE, Queue, next_values
from runlog.engines.local.rows import encode_data
from runlog.engines.local.workers import WorkerFiles
from runlog.engines.reasons import words
from runlog.stores.base import TERMINAL_STATUSES

_NEXT_PENDING = next_values(("task", "pin", "queue"), "status = 'PENDING_VERSION'")
_AT_ONCE = 500
_SILENT = 30_000_000_000
"""A worker that was not seen for so long (ns) is none, whatever its lock file says: it is seen every 4 s."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A worker as it registered itself."""

    name: str
    started: int
    seen: int
    work: Work


def register(queue: Queue, work: Work, now: int) -> bool:
    """Say that this worker lives and what it takes; runs that waited for that are queued. False if that was too much
    for one transaction: it has to be called again before any run is claimed."""
    queue.connection.execute(
        "INSERT INTO worker(name, started, seen, work) VALUES (?1,?2,?2,?3) "
        "ON CONFLICT(name) DO UPDATE SET seen = ?2, work = ?3",
        (queue.worker, now, _encode(work)),
    )
    admission.declare(queue, work.limits, now)
    declaring.declare(queue, work.declared)
    if not declaring.place_guessed(queue, work.declared, now):
        return False
    take_up(queue, [work], now)
    return True


def _encode(work: Work) -> str:
    limits = dict(work.limits)
    return json.dumps({"tasks": work.tasks, "queues": work.queues, "limits": limits, "version": work.version})


def _decode(text: str) -> Work:
    data: Mapping[str, object] = json.loads(text)
    queues = data["queues"]
    return Work(
        tuple(data["tasks"]),  # type: ignore[arg-type]
        None if queues is None else tuple(queues),  # type: ignore[arg-type]
        data["limits"],  # type: ignore[arg-type]
        data["version"],  # type: ignore[arg-type]
    )


def unregister(queue: Queue, worker: str) -> None:
    """The worker has ended. When a worker was last seen is remembered."""
    queue.connection.execute(
        "INSERT INTO fact(name, value) SELECT 'seen', seen FROM worker WHERE name = ? "
        "ON CONFLICT(name) DO UPDATE SET value = max(value, excluded.value)",
        (worker,),
    )
    queue.connection.execute("DELETE FROM worker WHERE name = ?", (worker,))


def registered(queue: Queue) -> list[Registered]:
    rows = queue.rows("SELECT name, started, seen, work FROM worker ORDER BY started, name")
    return [Registered(name, started, seen, _decode(work)) for name, started, seen, work in rows]


def workers(queue: Queue, files: WorkerFiles) -> list[WorkerState]:
    """The registered workers."""
    running = dict(queue.rows(f"SELECT worker, count(*) FROM state WHERE {ACTIVE} GROUP BY worker"))
    return [
        WorkerState(one.name, one.started, one.seen, not files.is_dead(one.name), one.work, running.get(one.name, 0))
        for one in registered(queue)
    ]


def live_work(queue: Queue, files: WorkerFiles, now: int) -> list[Work]:
    """What the workers take that live, and were seen of late."""
    return [one.work for one in registered(queue) if one.seen > now - _SILENT and not files.is_dead(one.name)]


def renew(queue: Queue, now: int) -> None:
    """Put off the end of this worker's leases, and be seen."""
    queue.connection.execute(
        f"UPDATE state SET lease = ? WHERE worker = ? AND {ACTIVE}", (now + queue.lease, queue.worker)
    )
    queue.connection.execute("UPDATE worker SET seen = ? WHERE name = ?", (now, queue.worker))


def reclaim(queue: Queue, worker: str, why: str, now: int, *, only_expired: bool = False) -> None:
    """Take back what a worker has: it died, or let its leases run out. Each run's crash budget pays."""
    expired = f"AND lease < {now}" if only_expired else ""
    query = (
        "SELECT s.id, r.run_id, crashes + 1, cancel, canceled_by FROM state s JOIN run r ON r.id = s.id "
        f"WHERE worker = ? AND {ACTIVE} {expired}"
    )
    for row_id, run_id, crashes, asked, by in queue.rows(query, (worker,)):
        lost = {"worker": worker, "crashes": crashes}
        ended = asked is not None or crashes >= CRASH_BUDGET
        if asked is not None:
            cause, error = canceled_cause(by), canceled_error(asked)
            end(
                queue,
                row_id,
                "CANCELED",
                now,
                reason=asked or words(cause, now),
                cause=cause,
                error=error,
                crashed=True,
            )
        elif ended:
            text = f"{why}; {crashes} workers were lost while they ran it"
            error = {"type": "WorkerLost", "message": text}
            end(
                queue, row_id, "CRASHED", now, reason=text, cause={"code": "crashes", **lost}, error=error, crashed=True
            )
        else:
            queue.connection.execute("UPDATE state SET crashes = crashes + 1 WHERE id = ?", (row_id,))
            reason = f"{why}; runs again (crash {crashes} of {CRASH_BUDGET})"
            set_ready(queue, row_id, reason, {"code": "worker_lost", **lost}, now)
        cancel_children(queue, run_id, now, keyed=ended)


def other_workers(queue: Queue, now: int) -> tuple[set[str], set[str]]:
    """The names of other workers that are registered or have runs, and of those with a lease that has run out."""
    query = (
        f"SELECT worker, min(lease) FROM state WHERE {ACTIVE} GROUP BY worker UNION ALL SELECT name, NULL FROM worker"
    )
    rows = [row for row in queue.rows(query) if row[0] != queue.worker]
    return {name for name, _ in rows}, {name for name, lease in rows if lease is not None and lease < now}


def unknown_groups(queue: Queue, known: Sequence[Work]) -> list[Group]:
    """The groups of which runs are ready that no worker with this code can execute."""
    return [group for group in groups(queue) if not any(_knows(work, group) for work in known)]


def _knows(work: Work, group: Group) -> bool:
    task, _, pin = group
    return task in work.tasks and (not pin or pin == work.version)


def set_aside(queue: Queue, unknown: Sequence[Group], known: Sequence[Work], now: int) -> None:
    """Mark runs of these groups as waiting for a worker with the right code."""
    for task, name, pin in unknown:
        has_task = any(task in work.tasks for work in known)
        cause = {"code": "version", "version": pin} if has_task else {"code": "unknown_task", "task": task}
        rows = queue.rows(
            f"SELECT id, concurrency_key FROM state WHERE task = ? AND queue = ? AND pin = ? AND {READY} "
            "ORDER BY rank, id LIMIT ?",
            (task, name, pin, _AT_ONCE),
        )
        for row_id, key in rows:
            queue.connection.execute(
                "UPDATE state SET version = version + 1, status = 'PENDING_VERSION', changed = ?, place = NULL, "
                "reason = ?, cause = ? WHERE id = ?",
                (now, words(cause, now), encode_data(cause), row_id),
            )
            admission.left(queue, admission.Lane(name, key), now)
            queue.tell(row_id)


def pending_groups(queue: Queue) -> list[Group]:
    """The groups that wait for a worker with the right code."""
    found: list[Group] = []
    after: Any = ("", "", "")
    while (after := queue.row(_NEXT_PENDING, after)) is not None:
        found.append((after[0], after[2], after[1]))
    return found


def take_up(queue: Queue, known: Sequence[Work], now: int) -> None:
    """Queue what waited for one of these workers."""
    for group in pending_groups(queue):
        if any(_knows(work, group) for work in known):
            query = (
                "SELECT id FROM state WHERE status = 'PENDING_VERSION' AND task = ? AND queue = ? AND pin = ? LIMIT ?"
            )
            for (row_id,) in queue.rows(query, (*group, _AT_ONCE)):
                set_ready(queue, row_id, None, None, now)


def prune(queue: Queue, ended_before: int, after: tuple[int, int], limit: int, now: int) -> tuple[int, tuple[int, int]]:
    """Delete runs that ended before a time, but not those that still stand for other triggers by an idempotency key.
    Looks at up to `limit` runs after (time, row); returns how many were deleted, and where to go on."""
    places = ",".join(f"'{status}'" for status in sorted(TERMINAL_STATUSES))
    rows = queue.rows(
        "SELECT s.changed, s.id, r.debounce_key, r.idempotency_key, r.task, EXISTS (SELECT 1 FROM run_key k "
        "WHERE kind = 'idempotency' AND k.task = r.task AND key = r.idempotency_key AND k.id = r.id AND expires > ?) "
        f"FROM state s JOIN run r ON r.id = s.id WHERE (s.changed, s.id) > (?, ?) AND s.changed < ? "
        f"AND status IN ({places}) ORDER BY s.changed, s.id LIMIT ?",
        (now, *after, ended_before, limit),
    )
    if not rows:
        return 0, after
    gone = [(row[1],) for row in rows if not row[5]]
    for table in ("state", "run", "output", "metadata"):
        queue.connection.executemany(f"DELETE FROM {table} WHERE id = ?", gone)
    keyed = [
        (kind, row[4], key, row[1])
        for row in rows
        if not row[5]
        for kind, key in (("debounce", row[2]), ("idempotency", row[3]))
        if key is not None
    ]
    queue.connection.executemany("DELETE FROM run_key WHERE kind = ? AND task = ? AND key = ? AND id = ?", keyed)
    queue.effects.erased |= bool(gone)
    return len(gone), (rows[-1][0], rows[-1][1])
