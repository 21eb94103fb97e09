"""What only reads."""

# ruff: noqa: S608 - the statements are put together from this package's own constants; values are bound

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from runlog.engines.base import Change
from runlog.engines.local.queue import ACTIVE, NO_SETTING, Held, Queue
from runlog.engines.local.rows import SELECT_RUN, whole_run
from runlog.engines.local.workers import WorkerFiles
from runlog.stores.base import Run
from runlog.tasks.states import QueueState


def get(queue: Queue, run_id: str) -> Run:
    return whole_run(queue.find_row(f"{SELECT_RUN} WHERE r.run_id = ?", run_id))


def statuses(queue: Queue, run_ids: Sequence[str]) -> dict[str, str]:
    """The statuses of those of these runs that exist."""
    query = (
        "SELECT r.run_id, s.status FROM json_each(?) wanted JOIN run r ON r.run_id = wanted.value "
        "JOIN state s ON s.id = r.id"
    )
    return dict(queue.rows(query, (json.dumps(run_ids),)))


def changes(queue: Queue, after: tuple[int, int], limit: int) -> list[Change]:
    query = (
        "SELECT r.run_id, s.version, s.changed, s.id FROM state s JOIN run r ON r.id = s.id "
        "WHERE (s.changed, s.id) > (?, ?) ORDER BY s.changed, s.id LIMIT ?"
    )
    rows = queue.rows(query, (*after, limit))
    return [Change(run_id, version, (changed, row_id)) for run_id, version, changed, row_id in rows]


def own_attempts(queue: Queue) -> list[tuple[int, int, str | None, int]]:
    """(row, token, cancel, times its stacks were asked for) of what this worker has, as the queue knows it."""
    query = f"SELECT id, token, cancel, asked FROM state WHERE worker = ? AND {ACTIVE}"
    return queue.rows(query, (queue.worker,))


def is_held(queue: Queue, held: Held) -> bool:
    """Whether an attempt has its lease."""
    query = f"SELECT token FROM state WHERE id = ? AND {ACTIVE}"
    return bool(queue.value(query, (held.row,)) == held.delivery.token)


_COUNTS = """
    SELECT queue, 'queued', count(*) FROM state INDEXED BY state_ready
        WHERE status = 'QUEUED' AND place IS NOT 1 GROUP BY queue
    UNION ALL SELECT queue, 'queued', count(*) FROM state INDEXED BY state_place WHERE place = 1 GROUP BY queue
    UNION ALL SELECT queue, 'queued', count(*) FROM state INDEXED BY state_unknown
        WHERE status = 'PENDING_VERSION' GROUP BY queue
    UNION ALL SELECT queue, 'delayed', count(*) FROM state INDEXED BY state_delayed
        WHERE status = 'DELAYED' GROUP BY queue
    UNION ALL SELECT queue, lower(status), count(*) FROM state INDEXED BY state_active
        WHERE status IN ('EXECUTING', 'WAITING') GROUP BY queue, status
"""


_EXECUTED_BY = """
    SELECT queue, worker, count(*) FROM state INDEXED BY state_active
        WHERE status IN ('EXECUTING', 'WAITING') AND status = 'EXECUTING' GROUP BY worker, queue
"""
_KEYED = """
    SELECT DISTINCT queue FROM state INDEXED BY state_place WHERE place IS NOT NULL AND concurrency_key <> ''
    UNION SELECT DISTINCT queue FROM state INDEXED BY state_active
        WHERE status IN ('EXECUTING', 'WAITING') AND concurrency_key <> ''
"""


def queues(queue: Queue, files: WorkerFiles) -> list[QueueState]:
    """The queues by name, with what is in them; PENDING_VERSION counts as queued."""
    counts: Counter[tuple[str, str]] = Counter()
    executed, keyed = queue.rows(_EXECUTED_BY), {name for (name,) in queue.rows(_KEYED)}
    dead = {worker for worker in {worker for _, worker, _ in executed} if files.is_dead(worker)}
    for name, worker, count in executed:
        counts[name, "lost"] += count if worker in dead else 0
    for name, what, count in queue.rows(_COUNTS):
        counts[name, what] += count
    names = sorted({*queue.settings, *(name for name, _ in counts)})
    return [
        QueueState(
            name,
            setting.concurrency,
            setting.paused,
            executing=counts[name, "executing"],
            queued=counts[name, "queued"],
            delayed=counts[name, "delayed"],
            waiting=counts[name, "waiting"],
            lost=counts[name, "lost"],
            keyed=name in keyed,
        )
        for name in names
        for setting in (queue.settings.get(name, NO_SETTING),)
    ]
