"""Why a run does not execute."""

# ruff: noqa: S608 - the statements are put together from this package's own constants; values are bound

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runlog.engines.base import Work
from runlog.engines.local import admission
from runlog.engines.local.admission import ADMITTED, HELD, Lane
from runlog.engines.local.claiming import READY, groups, takes
from runlog.engines.local.queue import NO_SETTING, Queue
from runlog.engines.local.reading import get
from runlog.engines.local.rows import decode_data, encode_data
from runlog.engines.local.submitting import last_seen
from runlog.engines.reasons import words
from runlog.stores.base import Run

_COUNTED = 10_000
_BLOCKED_FOR = 1_000_000_000
_TOLD_AT_ONCE = 200
_GROUPS = 100


@dataclass(frozen=True, slots=True)
class _Queued:
    """A run that is queued."""

    row: int
    task: str
    lane: Lane
    pin: str
    rank: int


_COLUMNS = "id, task, queue, concurrency_key, pin, rank"


def _queued(row: Sequence[Any]) -> _Queued:
    row_id, task, name, key, pin, rank = row
    return _Queued(row_id, task, Lane(name, key), pin, rank)


def explain(queue: Queue, run_id: str, works: Sequence[Work], now: int) -> Run:
    """A run, with the reason as it is now; `works` is what the live workers take."""
    run = get(queue, run_id)
    due = run.status == "DELAYED" and run.available is not None and run.available <= now
    if run.status == "QUEUED" or due:
        row = queue.row(f"SELECT {_COLUMNS} FROM state WHERE id = ?", (queue.find(run_id),))
        run.cause = _Causes(queue, works, now).full(_queued(row))
    elif run.cause is None:
        return run
    elif run.status == "DELAYED" and run.cause.get("code") != "delayed" and run.reason:
        return run  # the words of a retry say what failed
    if run.status in ("QUEUED", "DELAYED", "PENDING_VERSION"):
        run.reason = words(run.cause, now)
    return run


class _Causes:
    """Why queued runs do not execute, as of one moment."""

    def __init__(self, queue: Queue, works: Sequence[Work], now: int) -> None:
        self._queue, self._works, self._now = queue, works, now
        self._rooms: dict[Lane, int] = {}

    def full(self, run: _Queued) -> dict[str, Any]:
        """The cause, with how many runs are ahead."""
        cause = self.cause(run)
        if cause["code"] == "queue_limit":
            cause["ahead"] = self._ahead_in_lane(run)
        elif cause["code"] == "workers_busy":
            cause["ahead"] = self._ahead_of_workers(run)
        return cause

    def cause(self, run: _Queued) -> dict[str, Any]:
        name = run.lane.queue
        setting = self._queue.settings.get(name, NO_SETTING)
        if setting.paused:
            return {"code": "queue_paused", "queue": name}
        if (cause := self._lacks_worker(run)) is not None:
            return cause
        if setting.concurrency is None or self._room(run.lane, setting.concurrency) > 0:
            return {"code": "workers_busy"}
        cause = {"code": "queue_limit", "queue": name, "limit": setting.concurrency}
        return {**cause, "key": run.lane.key} if run.lane.key else cause

    def _lacks_worker(self, run: _Queued) -> dict[str, Any] | None:
        if not self._works:
            seen = last_seen(self._queue)
            return {"code": "no_worker"} if seen is None else {"code": "no_worker", "seen": seen}
        knowing = [work for work in self._works if run.task in work.tasks]
        if not knowing:
            return {"code": "unknown_task", "task": run.task}
        if run.pin and not any(work.version == run.pin for work in knowing):
            return {"code": "version", "version": run.pin}
        if not any(takes(work, (run.task, run.lane.queue, run.pin)) for work in knowing):
            return {"code": "no_worker_for_queue", "queue": run.lane.queue}
        return None

    def _room(self, lane: Lane, limit: int) -> int:
        if lane not in self._rooms:
            self._rooms[lane] = admission.room(self._queue, lane, limit, self._now)
        return self._rooms[lane]

    def _ahead_in_lane(self, run: _Queued) -> int:
        """How many runs of the lane come before it; it is not counted beyond some thousands."""
        part = "queue = ? AND concurrency_key = ? AND place = ? AND task = ? AND pin = ?"
        query = f"SELECT count(*) FROM (SELECT 1 FROM state WHERE {part} AND (rank, id) < (?, ?) LIMIT {_COUNTED})"
        lane = run.lane
        return sum(
            self._queue.value(query, (lane.queue, lane.key, place, *part, run.rank, run.row))
            for place in (ADMITTED, HELD)
            for part in admission.parts(self._queue, lane, place)
        )

    def _ahead_of_workers(self, run: _Queued) -> int:
        query = (
            f"SELECT count(*) FROM (SELECT 1 FROM state WHERE task = ? AND queue = ? AND pin = ? AND {READY} "
            f"AND (rank, id) < (?, ?) LIMIT {_COUNTED})"
        )
        taking = [work for work in self._works if takes(work, (run.task, run.lane.queue, run.pin))]
        return sum(
            self._queue.value(query, (*group, run.rank, run.row))
            for group in groups(self._queue)[:_GROUPS]
            if any(takes(work, group) for work in taking)
        )


def blocked(queue: Queue, works: Sequence[Work], now: int) -> list[tuple[int, dict[str, Any]]]:
    """(row, cause) of runs that have been due for a second and do not execute, of which that was not said yet: the
    first ones of each group and lane."""
    causes = _Causes(queue, works, now)
    found: list[tuple[int, dict[str, Any]]] = []
    for row in _first_queued(queue, now - _BLOCKED_FOR):
        run = _queued(row[:-1])
        if (decode_data(row[-1]) or {}).get("code") != causes.cause(run)["code"]:
            found.append((run.row, causes.full(run)))
    return found


def _first_queued(queue: Queue, until: int) -> list[Any]:
    columns = f"{_COLUMNS}, cause"
    late = "changed <= ? AND available <= ?"
    rows: list[Any] = []
    query = (
        f"SELECT {columns} FROM (SELECT * FROM state WHERE task = ? AND queue = ? AND pin = ? AND {READY} "
        f"ORDER BY rank, id LIMIT {_TOLD_AT_ONCE}) WHERE {late}"
    )
    for group in groups(queue)[:_GROUPS]:
        rows += queue.rows(query, (*group, until, until))
        if len(rows) >= _TOLD_AT_ONCE:
            return rows[:_TOLD_AT_ONCE]
    query = (
        f"SELECT {columns} FROM (SELECT * FROM state WHERE queue = ? AND concurrency_key = ? AND place = {HELD} "
        f"AND task = ? AND pin = ? ORDER BY rank, id LIMIT {_TOLD_AT_ONCE}) WHERE {late}"
    )
    for lane in admission.lanes(queue, Lane("", "")):
        for part in admission.parts(queue, lane, HELD):
            rows += queue.rows(query, (lane.queue, lane.key, *part, until, until))
            if len(rows) >= _TOLD_AT_ONCE:
                return rows[:_TOLD_AT_ONCE]
    return rows


def tell_blocked(queue: Queue, found: Sequence[tuple[int, dict[str, Any]]], now: int) -> None:
    """Write down why these runs do not execute, if they still do not."""
    for row_id, cause in found:
        told = queue.rows(
            "UPDATE state SET version = version + 1, changed = ?, reason = ?, cause = ? "
            "WHERE id = ? AND status = 'QUEUED' RETURNING 1",
            (now, words(cause, now), encode_data(cause), row_id),
        )
        if told:
            queue.tell(row_id)
