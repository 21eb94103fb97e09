"""Keys under which a run of a task stands for later triggers."""

from __future__ import annotations

from typing import Literal

from runlog.engines.local.queue import Queue

Kind = Literal["idempotency", "debounce"]


def holder(queue: Queue, kind: Kind, task: str, key: str, now: int) -> int | None:
    """The row of the run that has the key."""
    row = queue.row(
        "SELECT id FROM run_key WHERE kind = ? AND task = ? AND key = ? AND (expires IS NULL OR expires > ?)",
        (kind, task, key, now),
    )
    return None if row is None else int(row[0])


def keep(queue: Queue, kind: Kind, task: str, key: str, row_id: int, expires: int | None = None) -> None:
    """The key is this run's now."""
    queue.connection.execute(
        "INSERT OR REPLACE INTO run_key(kind, task, key, id, expires) VALUES (?,?,?,?,?)",
        (kind, task, key, row_id, expires),
    )


def forget(queue: Queue, kind: Kind, task: str, key: str | None, row_id: int) -> None:
    """The run does not stand for other triggers any more, if it did."""
    if key is not None:
        queue.connection.execute(
            "DELETE FROM run_key WHERE kind = ? AND task = ? AND key = ? AND id = ?", (kind, task, key, row_id)
        )
