"""What can be done to the queue. Everything that writes runs inside a transaction of its caller."""

# ruff: noqa: S608 - the statements are put together from this package's own constants; values are bound

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import getrandbits
from typing import Any

import apsw

from runlog.engines.base import CRASH_BUDGET, Change, Delivery, NewRun, Outcome, Submitted, Work
from runlog.engines.local.rows import (
    RUN_COLUMNS,
    SELECT_RUN,
    changed_run,
    encode_error,
    new_run,
    run_values,
    whole_run,
)
from runlog.errors import RunNotFound
from runlog.stores.base import TERMINAL_STATUSES, Run
from runlog.tasks.states import Token

ACTIVE = "status IN ('EXECUTING', 'WAITING')"
READY = "status IN ('QUEUED', 'DELAYED')"
_MAX_SUBQUERIES = 400  # SQLite's limit is 500 terms of a compound SELECT
_RETURNING = "RETURNING version, status, changed, attempt, worker, available, started, ended, reason"

Scrub = Callable[[bytes], bytes]
"""Returns a payload without secrets. Must not raise."""


@dataclass(slots=True)
class Held:
    """An attempt that this process has, with its row."""

    delivery: Delivery
    row: int


@dataclass(slots=True)
class Effects:
    """What a transaction has changed, to be told after its commit."""

    runs: list[Run] = field(default_factory=list)
    canceled: list[tuple[str, str]] = field(default_factory=list)
    """(run id, reason) of running attempts whose cancel was asked for."""
    tokens: list[Token] = field(default_factory=list)
    """Those that have ended."""
    ready: bool = False
    """There may be more to claim."""
    erased: bool = False
    """Something was removed for good, which the WAL still has."""


class Queue:
    """The operations on one connection, in the name of one worker. `now` is nanoseconds since 1970 UTC."""

    def __init__(self, connection: apsw.Connection, worker: str, lease: int, scrub: Scrub | None = None) -> None:
        self.connection, self.worker, self.lease, self._scrub = connection, worker, lease, scrub
        self.effects = Effects()

    def submit(self, runs: Sequence[NewRun], now: int) -> list[Submitted]:
        execute = self.connection.execute
        for new in runs:
            execute(
                "INSERT INTO run(run_id, task, queue, created, trace_id, span_id, parent_run_id, root_run_id, "
                "parent_span_id, waited, links, tags, payload) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                run_values(new),
            )
            status = "DELAYED" if new.available > now else "QUEUED"
            execute(
                "INSERT INTO state(id, task, status, version, changed, available, token) VALUES (?,?,?,1,?,?,?)",
                (self.connection.last_insert_rowid(), new.task, status, now, new.available, getrandbits(48)),
            )
            run = changed_run(new, (1, status, now, 0, None, new.available, None, None, None))
            run.payload = new.payload
            self.effects.runs.append(run)
        self.effects.ready = True
        return [Submitted(new.run_id, new.trace_id, new.span_id) for new in runs]

    def claim(self, work: Work, limit: int, now: int) -> list[Held]:
        """Take up to `limit` ready runs of these tasks, the longest due first."""
        held: list[Held] = []
        lease = now + self.lease
        for row in self._ready_rows(work.tasks, limit, now):
            row_id, version, attempt, crashes, token, started, retry_from, available = row[:8]
            new = new_run(row[8:], available)
            delivery = Delivery(new, attempt + 1, crashes, token + 1, started or now, retry_from)
            held.append(Held(delivery, row_id))
            state = (version + 1, "EXECUTING", now, attempt + 1, self.worker, None, started or now, None, None)
            self.effects.runs.append(changed_run(new, state))
        self.connection.executemany(
            "UPDATE state SET status = 'EXECUTING', version = version + 1, changed = ?1, attempt = attempt + 1, "
            "token = token + 1, started = coalesce(started, ?1), worker = ?2, lease = ?3, retry_from = NULL, "
            "reason = NULL WHERE id = ?4",
            [(now, self.worker, lease, item.row) for item in held],
        )
        return held

    def _ready_rows(self, tasks: Sequence[str], limit: int, now: int) -> list[Any]:
        rows: list[Any] = []
        for start in range(0, len(tasks), _MAX_SUBQUERIES):
            some = tasks[start : start + _MAX_SUBQUERIES]
            rows += self._rows(_ready_query(len(some)), (now, limit, *some))
        if len(tasks) > _MAX_SUBQUERIES:
            rows = sorted(rows, key=lambda row: (row[7], row[0]))[:limit]
        return rows

    def next_available(self, tasks: Sequence[str]) -> int | None:
        """When the next run of these tasks is due, or None if there is none."""
        query = f"SELECT min(available) FROM state WHERE task = ? AND {READY}"
        times = [self._rows(query, (task,))[0][0] for task in tasks]
        return min((time for time in times if time is not None), default=None)

    def mark(self, held: Held, status: str, reason: str | None, now: int) -> None:
        state = self._update_held(held, "status = ?, changed = ?, reason = ?", (status, now, reason))
        if state is not None:
            self.effects.runs.append(changed_run(held.delivery.run, state))

    def finish(self, held: Held, outcome: Outcome, now: int) -> bool:
        if outcome.status in TERMINAL_STATUSES:
            state = self._update_held(
                held,
                "status = ?, changed = ?, ended = ?, lease = NULL, reason = ?, output = ?, error = ?",
                (outcome.status, now, now, outcome.reason, outcome.output, encode_error(outcome.error)),
            )
        else:
            state = self._requeue(held, outcome, now)
        if state is None:
            return False
        ended = state[1] in TERMINAL_STATUSES
        error = outcome.error if ended else None  # the error of an attempt that is tried again is not the run's
        if ended and outcome.status not in TERMINAL_STATUSES:
            error = canceled_error(state[-1])
        if ended:
            self._scrub_payload(held.row, held.delivery.run.payload)
        if outcome.status != "COMPLETED":
            self._cancel_children(held.delivery.run.run_id, now)
        self.effects.runs.append(changed_run(held.delivery.run, state, output=outcome.output, error=error))
        return True

    def _requeue(self, held: Held, outcome: Outcome, now: int) -> Any:
        asked = self.connection.execute("SELECT cancel FROM state WHERE id = ?", (held.row,)).get
        if asked is not None:  # a cancelled run is never tried again
            return self._update_held(
                held,
                "status = 'CANCELED', changed = ?, ended = ?, lease = NULL, reason = ?, error = ?",
                (now, now, asked or None, encode_error(canceled_error(asked))),
            )
        self.effects.ready = True
        return self._update_held(
            held,
            "status = ?, changed = ?, available = ?, attempt = attempt - ?, retry_from = ?, worker = NULL, "
            "lease = NULL, reason = ?",
            (
                outcome.status, now, outcome.available or now, 0 if outcome.uses_attempt else 1,
                now if outcome.uses_attempt else held.delivery.retry_from, outcome.reason,
            ),
        )  # fmt: skip

    def _update_held(self, held: Held, changes: str, values: tuple[Any, ...]) -> Any:
        """Change the row of an attempt if its token still counts; return STATE_COLUMNS, or None."""
        cursor = self.connection.execute(
            f"UPDATE state SET version = version + 1, {changes} WHERE id = ? AND token = ? AND {ACTIVE} {_RETURNING}",
            (*values, held.row, held.delivery.token),
        )
        return next(iter(cursor.fetchall()), None)

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        return self.connection.execute(query, values).fetchall()

    def cancel(self, run_id: str, reason: str | None, now: int) -> bool:
        """Cancel a run and the children it waits for; those of the children too."""
        row = self.connection.execute(
            "SELECT s.id, s.status FROM run r JOIN state s ON s.id = r.id WHERE r.run_id = ?", (run_id,)
        ).fetchone()
        if row is None:
            raise not_found(run_id)
        row_id, status = row
        if status in TERMINAL_STATUSES:
            return False
        because = reason or ""
        if self._scrub is not None and because:
            because = self._scrub(because.encode("utf-8", "backslashreplace")).decode()
        self._cancel_one(run_id, row_id, status, because, now)
        self._cancel_children(run_id, now, f"its parent {run_id} was canceled")
        return True

    def _cancel_one(self, run_id: str, row_id: int, status: str, because: str, now: int) -> None:
        if status in ("EXECUTING", "WAITING"):
            self.connection.execute("UPDATE state SET cancel = ? WHERE id = ?", (because, row_id))
            self.effects.canceled.append((run_id, because))
        else:
            self._end(row_id, "CANCELED", because or None, canceled_error(because), now)

    def _cancel_children(self, run_id: str, now: int, because: str | None = None) -> None:
        """Cancel the runs that a run waits for, and those that they wait for: nobody would take their results."""
        because = because or f"its parent {run_id} waits for it no more"
        parents = [run_id]
        for parent in parents:  # grows while it is read
            children = self._rows(
                "SELECT r.run_id, s.id, s.status FROM run r JOIN state s ON s.id = r.id "
                "WHERE r.parent_run_id = ? AND r.waited = 1",
                (parent,),
            )
            for child, row_id, status in children:
                if status not in TERMINAL_STATUSES:
                    self._cancel_one(child, row_id, status, because, now)
                    parents.append(child)

    def _end(self, row_id: int, status: str, reason: str | None, error: dict[str, Any], now: int) -> None:
        self.connection.execute(
            "UPDATE state SET version = version + 1, status = ?, changed = ?2, ended = ?2, lease = NULL, reason = ?3, "
            "error = ?4 WHERE id = ?5",
            (status, now, reason, encode_error(error), row_id),
        )
        if self._scrub is not None:
            self._scrub_payload(row_id, self._rows("SELECT payload FROM run WHERE id = ?", (row_id,))[0][0])
        self._tell(row_id)

    def _scrub_payload(self, row_id: int, payload: bytes | None) -> None:
        """The run has ended: its payload was needed as it is to execute it, and no longer is."""
        if self._scrub is None or payload is None:
            return
        scrubbed = self._scrub(payload)
        if scrubbed != payload:
            self.connection.execute("UPDATE run SET payload = ? WHERE id = ?", (scrubbed, row_id))
            self.effects.erased = True

    def _tell(self, row_id: int) -> None:
        run = whole_run(self._rows(f"{SELECT_RUN} WHERE s.id = ?", (row_id,))[0])
        run.payload = None
        self.effects.runs.append(run)

    def reclaim(self, worker: str, why: str, now: int, *, only_expired: bool = False) -> None:
        """Take back what a worker has: it died, or let its leases run out. Each run's crash budget pays."""
        expired = f"AND lease < {now}" if only_expired else ""
        query = (
            "SELECT s.id, r.run_id, crashes, cancel FROM state s JOIN run r ON r.id = s.id "
            f"WHERE worker = ? AND {ACTIVE} {expired}"
        )
        for row_id, run_id, crashes, asked in self._rows(query, (worker,)):
            crashes += 1  # noqa: PLW2901
            self.connection.execute("UPDATE state SET crashes = ? WHERE id = ?", (crashes, row_id))
            if asked is not None:
                self._end(row_id, "CANCELED", asked or None, canceled_error(asked), now)
            elif crashes >= CRASH_BUDGET:
                text = f"{why}; {crashes} workers were lost while they ran it"
                self._end(row_id, "CRASHED", text, {"type": "WorkerLost", "message": text}, now)
            else:
                self._set_ready(row_id, f"{why}; runs again (crash {crashes} of {CRASH_BUDGET})", now)
            self._cancel_children(run_id, now)

    def _set_ready(self, row_id: int, reason: str | None, now: int) -> None:
        self.connection.execute(
            "UPDATE state SET version = version + 1, status = 'QUEUED', changed = ?1, available = min(available, ?1), "
            "worker = NULL, lease = NULL, reason = ?2 WHERE id = ?3",
            (now, reason, row_id),
        )
        self._tell(row_id)
        self.effects.ready = True

    def renew(self, now: int) -> None:
        """Put off the end of this worker's leases."""
        self.connection.execute(
            f"UPDATE state SET lease = ? WHERE worker = ? AND {ACTIVE}", (now + self.lease, self.worker)
        )

    def register(self, tasks: Sequence[str], now: int) -> None:
        """Say that this worker lives and what it knows; runs that waited for that are queued."""
        self.connection.execute(
            "INSERT INTO worker(name, started, tasks) VALUES (?1,?2,?3) ON CONFLICT(name) DO UPDATE SET tasks = ?3",
            (self.worker, now, json.dumps(list(tasks))),
        )
        for task in tasks:
            query = "SELECT id FROM state WHERE task = ? AND status = 'PENDING_VERSION'"
            for (row_id,) in self._rows(query, (task,)):
                self._set_ready(row_id, None, now)

    def unregister(self, worker: str) -> None:
        self.connection.execute("DELETE FROM worker WHERE name = ?", (worker,))

    def set_aside(self, tasks: Iterable[str], now: int) -> None:
        """Mark due runs of these tasks as waiting for a worker that knows them."""
        for task in tasks:
            rows = self._rows(f"SELECT id FROM state WHERE task = ? AND {READY} AND available <= ?", (task, now))
            for (row_id,) in rows:
                self.connection.execute(
                    "UPDATE state SET version = version + 1, status = 'PENDING_VERSION', changed = ?, reason = ? "
                    "WHERE id = ?",
                    (now, f"no running worker knows the task {task!r}", row_id),
                )
                self._tell(row_id)

    def set_due(self, now: int) -> None:
        """Delays that are over: what has not been claimed at once is queued."""
        for (row_id,) in self.delays_over(now):
            self.connection.execute(
                "UPDATE state SET version = version + 1, status = 'QUEUED', changed = ? WHERE id = ?", (now, row_id)
            )
            self._tell(row_id)

    def delays_over(self, now: int) -> list[Any]:
        query = f"SELECT id FROM state WHERE {READY} AND status = 'DELAYED' AND task = ? AND available <= ?"
        return [row for task in self.ready_tasks() for row in self._rows(query, (task, now))]

    def ready_tasks(self) -> list[str]:
        """The tasks of which runs are queued or delayed; one look into the index for each."""
        query = f"""
            WITH RECURSIVE known(task) AS (
                SELECT min(task) FROM state WHERE {READY}
                UNION ALL
                SELECT (SELECT min(task) FROM state WHERE {READY} AND task > known.task) FROM known
                WHERE known.task IS NOT NULL)
            SELECT task FROM known WHERE task IS NOT NULL"""
        return [task for (task,) in self._rows(query)]

    def prune(self, ended_before: int, limit: int) -> int:
        """Delete up to `limit` runs that ended before a time; return how many."""
        places = ",".join(f"'{status}'" for status in sorted(TERMINAL_STATUSES))
        rows = self._rows(
            f"SELECT id FROM state WHERE changed < ? AND status IN ({places}) LIMIT ?", (ended_before, limit)
        )
        for table in ("state", "run"):
            self.connection.executemany(f"DELETE FROM {table} WHERE id = ?", rows)
        self.effects.erased |= bool(rows)
        return len(rows)

    # What only reads.

    def get(self, run_id: str) -> Run:
        row = self.connection.execute(f"{SELECT_RUN} WHERE r.run_id = ?", (run_id,)).fetchone()
        if row is None:
            raise not_found(run_id)
        return whole_run(row)

    def statuses(self, run_ids: Sequence[str]) -> dict[str, str]:
        """The statuses of those of these runs that exist."""
        query = (
            "SELECT r.run_id, s.status FROM json_each(?) wanted JOIN run r ON r.run_id = wanted.value "
            "JOIN state s ON s.id = r.id"
        )
        return dict(self._rows(query, (json.dumps(run_ids),)))

    def changes(self, after: tuple[int, int], limit: int) -> list[Change]:
        query = (
            "SELECT r.run_id, s.version, s.changed, s.id FROM state s JOIN run r ON r.id = s.id "
            "WHERE (s.changed, s.id) > (?, ?) ORDER BY s.changed, s.id LIMIT ?"
        )
        rows = self._rows(query, (*after, limit))
        return [Change(run_id, version, (changed, row_id)) for run_id, version, changed, row_id in rows]

    def data_version(self) -> int:
        """A number that changes when another connection has committed."""
        return int(self.connection.pragma("data_version"))

    def own_attempts(self) -> list[tuple[int, int, str | None]]:
        """(row, token, cancel) of what this worker has, as the queue knows it."""
        query = f"SELECT id, token, cancel FROM state WHERE worker = ? AND {ACTIVE}"
        return self._rows(query, (self.worker,))

    def other_workers(self, now: int) -> tuple[set[str], set[str]]:
        """The names of other workers that are registered or have runs, and of those with a lease that has run out."""
        query = (
            f"SELECT worker, min(lease) FROM state WHERE {ACTIVE} GROUP BY worker "
            "UNION ALL SELECT name, NULL FROM worker"
        )
        rows = [row for row in self._rows(query) if row[0] != self.worker]
        return {name for name, _ in rows}, {name for name, lease in rows if lease is not None and lease < now}

    def known_tasks(self) -> list[tuple[str, list[str]]]:
        """The registered workers, with the tasks that each knows."""
        return [(name, json.loads(tasks)) for name, tasks in self._rows("SELECT name, tasks FROM worker")]


@lru_cache(maxsize=64)
def _ready_query(tasks: int) -> str:
    """The rows to claim, by a look into the index for each task: the cost does not grow with the backlog."""
    subqueries = [
        f"SELECT * FROM (SELECT id FROM state WHERE task = ?{number} AND {READY} AND available <= ?1 "
        "ORDER BY available, id LIMIT ?2)"
        for number in range(3, tasks + 3)
    ]
    return (
        "SELECT s.id, s.version, s.attempt, s.crashes, s.token, s.started, s.retry_from, s.available, "
        f"{RUN_COLUMNS} FROM ({' UNION ALL '.join(subqueries)}) ready JOIN state s ON s.id = ready.id "
        "JOIN run r ON r.id = s.id ORDER BY s.available, s.id LIMIT ?2"
    )


def canceled_error(reason: str | None) -> dict[str, Any]:
    return {"type": "Canceled", "message": reason or "canceled"}


def not_found(run_id: str) -> RunNotFound:
    return RunNotFound(f"there is no run {run_id!r} in the queue", fix="runlog runs   # lists them")
