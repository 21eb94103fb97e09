"""Schedules in the queue: which planned times are done with. What writes runs inside a transaction of its caller."""

# ruff: noqa: S608 - the statements are put together from this module's own constants; values are bound

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from runlog.engines.base import NewRun
from runlog.engines.local.queue import Queue
from runlog.engines.local.submitting import submit
from runlog.errors import ScheduleNotFound
from runlog.tasks.states import ScheduleState

_COLUMNS = "schedule_id, task, cron, timezone, planned, seen, run_id, last, paused"

# `declared` is the `planned` of the newest declaration: one of an older version of the code never comes after it.
_KEEP = """
    INSERT INTO schedule(schedule_id, task, cron, timezone, planned, declared, seen) VALUES (?1,?2,?3,?4,?5,?5,?6)
    ON CONFLICT(schedule_id) DO UPDATE SET
        task = iif(?5 > declared, ?2, task),
        cron = iif(?5 > declared, ?3, cron),
        timezone = iif(?5 > declared, ?4, timezone),
        planned = iif(?5 > declared AND (task, cron, timezone) IS NOT (?2, ?3, ?4), max(planned, ?5), planned),
        declared = max(declared, ?5),
        seen = max(seen, ?6)
"""


def keep(queue: Queue, schedules: Sequence[ScheduleState]) -> list[ScheduleState]:
    """Declare schedules; return them as they are known, in this order."""
    for one in schedules:
        values = (one.schedule_id, one.task, one.cron, one.timezone, one.planned, one.seen)
        queue.connection.execute(_KEEP, values)
    ids = [one.schedule_id for one in schedules]
    query = f"SELECT {_COLUMNS} FROM json_each(?) wanted JOIN schedule ON schedule_id = wanted.value"
    found = {row[0]: _schedule(row) for row in queue.connection.execute(query, (json.dumps(ids),)).fetchall()}
    return [found[schedule_id] for schedule_id in ids]


def every(queue: Queue) -> list[ScheduleState]:
    """All schedules, by id."""
    rows = queue.connection.execute(f"SELECT {_COLUMNS} FROM schedule ORDER BY schedule_id").fetchall()
    return [_schedule(row) for row in rows]


def pause(queue: Queue, schedule_id: str, now: int, *, paused: bool) -> None:
    """Pause a schedule; or let it go on, with what was planned meanwhile left out. Raises ScheduleNotFound."""
    done = queue.connection.execute(
        "UPDATE schedule SET planned = iif(paused AND NOT ?2, max(planned, ?3), planned), paused = ?2 "
        "WHERE schedule_id = ?1 RETURNING 1",
        (schedule_id, int(paused), now),
    ).fetchall()
    if not done:
        raise ScheduleNotFound(
            f"there is no schedule {schedule_id!r}", "a worker has to know it", "runlog schedules   # lists them"
        )


def fire(queue: Queue, schedule_id: str, planned: int, run: NewRun | None, now: int) -> bool:
    """Queue the run of a planned time, once over all workers; without a run only note that the time is done with."""
    run_id = run.run_id if run is not None else None
    done = queue.connection.execute(
        "UPDATE schedule SET planned = ?2, run_id = coalesce(?3, run_id), last = iif(?3 IS NULL, last, ?2) "
        "WHERE schedule_id = ?1 AND planned < ?2 AND NOT paused RETURNING 1",
        (schedule_id, planned, run_id),
    ).fetchall()
    if done and run is not None:
        submit(queue, [run], now)
    return bool(done)


def prune(queue: Queue, seen_before: int) -> None:
    """Forget schedules that no worker has declared since a time."""
    queue.connection.execute("DELETE FROM schedule WHERE seen < ? AND NOT paused", (seen_before,))


def _schedule(row: tuple[Any, ...]) -> ScheduleState:
    schedule_id, task, cron, timezone, planned, seen, run_id, last, paused = row
    return ScheduleState(schedule_id, task, cron, timezone, planned, seen, run_id, last, bool(paused))
