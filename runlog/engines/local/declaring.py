"""What workers say of their tasks, kept for those who trigger a task without its code."""

# ruff: noqa: S608 - the statements are put together from this module's own constants; values are bound

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from runlog.engines.local import admission
from runlog.engines.local.admission import Lane
from runlog.engines.local.queue import Queue
from runlog.tasks.states import TaskDeclaration

_AT_ONCE = 500
_GUESSED = "queue_is_guess = 1 AND started IS NULL AND status IN ('QUEUED', 'DELAYED', 'PENDING_VERSION')"

_decode = msgspec.json.Decoder(TaskDeclaration).decode


def declaration(queue: Queue, task: str) -> TaskDeclaration | None:
    """What was declared of a task last."""
    data = queue.value("SELECT declared FROM task WHERE task = ?", (task,))
    return None if data is None else _decode(data)


def declare(queue: Queue, declared: Mapping[str, TaskDeclaration]) -> None:
    """Keep what is new in these declarations."""
    known = dict(queue.rows("SELECT task, declared FROM task")) if declared else {}
    encoded = {task: msgspec.json.encode(one) for task, one in declared.items()}
    queue.connection.executemany(
        "INSERT OR REPLACE INTO task(task, declared) VALUES (?,?)",
        [(task, data) for task, data in encoded.items() if known.get(task) != data],
    )


def place_guessed(queue: Queue, declared: Mapping[str, TaskDeclaration], now: int) -> bool:
    """Runs whose queue was guessed, and that have not started, go to the queue of their task; False if there may be
    more of them than fit this transaction."""
    left = _AT_ONCE
    for task, one in declared.items():
        if one.queue == task:  # that was the guess
            continue
        rows = queue.rows(
            f"SELECT id, queue, concurrency_key, status FROM state WHERE task = ? AND {_GUESSED} ORDER BY rank, id "
            "LIMIT ?",
            (task, left),
        )
        for row_id, name, key, status in rows:
            _move(queue, row_id, Lane(name, key), status, one.queue, now)
        left -= len(rows)
        if not left:
            return False
    return True


def _move(queue: Queue, row_id: int, lane: Lane, status: str, name: str, now: int) -> None:
    queue.connection.execute("UPDATE run SET queue = ? WHERE id = ?", (name, row_id))
    queue.connection.execute(
        "UPDATE state SET version = version + 1, changed = ?, queue = ?, queue_is_guess = 0, place = NULL, "
        "reason = iif(status = 'QUEUED', NULL, reason), cause = iif(status = 'QUEUED', NULL, cause) WHERE id = ?",
        (now, name, row_id),
    )
    admission.left(queue, lane, now)
    if status == "QUEUED":
        admission.entered(queue, row_id, now)
        queue.effects.ready = True
    queue.tell(row_id)
