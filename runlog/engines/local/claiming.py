"""Handing out: which runs are ready, and who takes them. Nothing here costs more where more runs wait."""

# ruff: noqa: S608 - the statements are put together from this package's own constants; values are bound

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from runlog.engines.base import Delivery, Work
from runlog.engines.local import admission
from runlog.engines.local.admission import TAKEN, Lane
from runlog.engines.local.ending import end
from runlog.engines.local.queue import NO_SETTING, Held, Queue, next_values
from runlog.engines.local.rows import RUN_COLUMNS, changed_run, decode_data, new_run
from runlog.engines.reasons import words

READY = "status = 'QUEUED' AND place IS NOT 1"
_WAITS_TO_START = "expires IS NOT NULL AND started IS NULL AND status IN ('QUEUED', 'DELAYED', 'PENDING_VERSION')"
_MAX_GROUPS = 400  # SQLite's limit is 500 terms of a compound SELECT
_AT_ONCE = 500

Group = tuple[str, str, str]
"""Task, queue and version asked for: runs that the same workers take."""


_NEXT_GROUP = next_values(("task", "queue", "pin"), READY)


def groups(queue: Queue) -> list[Group]:
    """The groups of which runs are ready; one look into the index for each."""
    found: list[Group] = []
    group: Any = ("", "", "")
    while (group := queue.row(_NEXT_GROUP, group)) is not None:
        found.append(group)
    return found


def ready_groups(queue: Queue, work: Work) -> list[Group]:
    """The groups of which there is something to take."""
    return [
        group for group in groups(queue) if takes(work, group) and not queue.settings.get(group[1], NO_SETTING).paused
    ]


def takes(work: Work, group: Group) -> bool:
    """Whether runs of the group are for this worker."""
    task, name, pin = group
    return task in work.tasks and (work.queues is None or name in work.queues) and (not pin or pin == work.version)


_DUE = f"""
    SELECT (SELECT min(available) FROM state WHERE status = 'DELAYED'),
        (SELECT min(expires) FROM state WHERE {_WAITS_TO_START})"""


def next_due(queue: Queue) -> int | None:
    """When there is next something to be done because of the time alone."""
    return min((time for time in queue.row(_DUE) if time is not None), default=None)


def set_due(queue: Queue, now: int) -> list[int]:
    """Runs whose delay is over are queued; return their rows, of which nothing is told yet."""
    due = queue.rows(
        "SELECT id FROM state WHERE status = 'DELAYED' AND available <= ? ORDER BY available, id LIMIT ?",
        (now, _AT_ONCE),
    )
    for (row_id,) in due:
        queue.connection.execute(
            "UPDATE state SET status = 'QUEUED', version = version + 1, changed = ?, reason = NULL, cause = NULL "
            "WHERE id = ?",
            (now, row_id),
        )
        admission.entered(queue, row_id, now)
    queue.effects.again |= len(due) == _AT_ONCE
    queue.effects.ready |= bool(due)
    return [row_id for (row_id,) in due]


def expire(queue: Queue, now: int) -> None:
    """End the runs that were not started in time."""
    query = (
        "SELECT s.id, s.expires - r.created, r.options FROM state s JOIN run r ON r.id = s.id "
        f"WHERE {_WAITS_TO_START} AND expires <= ? ORDER BY expires LIMIT ?"
    )
    rows = queue.rows(query, (now, _AT_ONCE))
    for row_id, after, options in rows:
        cause = {"code": "expired", "ttl": (decode_data(options) or {}).get("ttl") or after / 1e9}
        reason = words(cause, now)
        end(queue, row_id, "EXPIRED", now, reason=reason, cause=cause, error={"type": "Expired", "message": reason})
    queue.effects.again |= len(rows) == _AT_ONCE


def claim(queue: Queue, work: Work, limit: int, now: int, known: list[Group] | None = None) -> list[Held]:
    """Take up to `limit` ready runs, the first by rank, of no lane more than there is room for. `known` are the groups
    of which there is something to take, where that has just been looked up."""
    ready = _some(known if known is not None else ready_groups(queue, work))
    if not any(queue.limit(name) is not None for _, name, _ in ready):
        return _take(queue, work, _whole_rows(queue, ready, limit), now) if ready else []
    return _Admitting(queue, work, limit, now).claim(ready)


_turns = iter(range(2**62))


def _some(ready: list[Group]) -> list[Group]:
    """As many groups as one query can ask for: if there are more, others each time."""
    if len(ready) <= _MAX_GROUPS:
        return ready
    start = next(_turns) * _MAX_GROUPS % len(ready)
    return (ready + ready)[start : start + _MAX_GROUPS]


class _Admitting:
    """A claim that may come upon lanes that are full."""

    def __init__(self, queue: Queue, work: Work, limit: int, now: int) -> None:
        self._queue, self._work, self._limit, self._now = queue, work, limit, now
        self._rooms: dict[Lane, int | None] = {}
        self._taken: list[Held] = []

    def claim(self, ready: list[Group]) -> list[Held]:
        passed = 0
        while ready and len(self._taken) < self._limit:
            wanted = self._limit - len(self._taken) + passed
            rows = _first_rows(self._queue, ready, min(wanted, _AT_ONCE))
            refused = self._take_admitted(rows)
            if not refused:
                break
            passed += len(refused)
            if passed >= _AT_ONCE:  # the rest of these groups has to be passed next time
                self._queue.effects.again = True
                ready = [group for group in ready if group not in refused]
        return self._taken

    def _take_admitted(self, rows: list[Any]) -> list[Group]:
        """Take what there is room for, hold the rest; return the groups of what is held now."""
        admitted: list[Any] = []
        refused: list[Group] = []
        for row_id, name, key, task, pin in rows:
            if len(self._taken) + len(admitted) == self._limit:
                break
            if self._takes_place(Lane(name, key)):
                admitted.append(_whole_row(self._queue, row_id))
            else:
                admission.hold(self._queue, row_id)
                refused.append((task, name, pin))
        self._taken += _take(self._queue, self._work, admitted, self._now)
        return refused

    def _takes_place(self, lane: Lane) -> bool:
        if lane not in self._rooms:
            limit = self._queue.limit(lane.queue)
            self._rooms[lane] = None if limit is None else admission.room(self._queue, lane, limit, self._now)
        room = self._rooms[lane]
        if room is None:
            return True
        if room <= 0:
            return False
        self._rooms[lane] = room - 1
        return True


_CLAIMED = (
    "s.id, s.version, s.attempt, s.crashes, s.token, s.started, s.retry_from, s.available, s.code_version, "
    f"{RUN_COLUMNS}"
)
_JOINED = "JOIN run r ON r.id = s.id LEFT JOIN metadata m ON m.id = s.id"


def _whole_rows(queue: Queue, ready: Sequence[Group], limit: int) -> list[Any]:
    return queue.rows(_ready_query(_CLAIMED, _JOINED, len(ready)), (limit, *_flat(ready)))


def _first_rows(queue: Queue, ready: Sequence[Group], limit: int) -> list[Any]:
    columns = "s.id, s.queue, s.concurrency_key, s.task, s.pin"
    return queue.rows(_ready_query(columns, "", len(ready)), (limit, *_flat(ready)))


def _whole_row(queue: Queue, row_id: int) -> Any:
    return queue.row(f"SELECT {_CLAIMED} FROM state s {_JOINED} WHERE s.id = ?", (row_id,))


def _flat(ready: Sequence[Group]) -> list[str]:
    return [value for group in ready for value in group]


@lru_cache(maxsize=64)
def _ready_query(columns: str, joined: str, count: int) -> str:
    """The first ready rows by rank, by a look into the index for each group."""
    if count == 1:  # what is most common needs no sorting
        return (
            f"SELECT {columns} FROM state s {joined} WHERE s.task = ?2 AND s.queue = ?3 AND s.pin = ?4 "
            "AND s.status = 'QUEUED' AND s.place IS NOT 1 ORDER BY s.rank, s.id LIMIT ?1"
        )
    first = " UNION ALL ".join(
        f"SELECT * FROM (SELECT id FROM state WHERE task = ?{number} AND queue = ?{number + 1} AND pin = ?{number + 2} "
        f"AND {READY} ORDER BY rank, id LIMIT ?1)"
        for number in range(2, 3 * count + 2, 3)
    )
    return (
        f"SELECT {columns} FROM ({first}) ready JOIN state s ON s.id = ready.id {joined} ORDER BY s.rank, s.id LIMIT ?1"
    )


def _take(queue: Queue, work: Work, rows: list[Any], now: int) -> list[Held]:
    taken: list[Held] = []
    changes = []
    for row in rows:
        row_id, version, attempt, crashes, token, started, retry_from, available, code_version = row[:9]
        new = new_run(row[9:], available)
        began, code = started or now, code_version or work.version
        delivery = Delivery(new, attempt + 1, crashes, token + 1, began, retry_from, code, queue.worker)
        taken.append(Held(delivery, row_id))
        state = (version + 1, "EXECUTING", now, attempt + 1, queue.worker, None, began, None, None, None, code, row[21])
        queue.effects.runs.append(changed_run(new, state))
        changes.append((now, queue.worker, now + queue.lease, code, _place(queue, new.queue), row_id))
    queue.connection.executemany(
        "UPDATE state SET status = 'EXECUTING', version = version + 1, changed = ?1, attempt = attempt + 1, "
        "token = token + 1, started = coalesce(started, ?1), worker = ?2, lease = ?3, retry_from = NULL, "
        "reason = NULL, cause = NULL, asked = 0, code_version = ?4, place = ?5 WHERE id = ?6",
        changes,
    )
    return taken


def _place(queue: Queue, name: str) -> int | None:
    return None if queue.limit(name) is None else TAKEN
