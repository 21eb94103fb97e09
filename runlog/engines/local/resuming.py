"""Attempts that have waited and go on when their queue has room."""

# ruff: noqa: S608 - the statements are put together from this package's own constants; values are bound

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runlog.engines.local import admission
from runlog.engines.local.admission import RESUMING
from runlog.engines.local.ending import lane_of, mark
from runlog.engines.local.queue import ACTIVE, Held, Queue
from runlog.engines.local.replies import Reply
from runlog.engines.local.rows import RETURNING_STATE, changed_run, decode_data, encode_data
from runlog.engines.reasons import words


@dataclass(slots=True, eq=False)
class Resume:
    """Somebody wants to go on."""

    held: Held
    since: int
    reply: Reply[None]
    waited_for: tuple[str | None, dict[str, Any] | None] = (None, None)
    """The reason and cause that the run had before."""


def may_resume(queue: Queue, resume: Resume, now: int) -> bool:
    """Whether there is something to do for it: there is room, or it does not hold the run any more."""
    row = _row(queue, resume)
    return row is None or row[0] != "WAITING" or row[1] is None or _has_room(queue, resume, now)


def _has_room(queue: Queue, resume: Resume, now: int) -> bool:
    return admission.may_resume(queue, lane_of(resume.held), resume.held.row, resume.since, now)


def try_resume(queue: Queue, resume: Resume, now: int) -> bool:
    """Go on if there is room, or if there is no sense in waiting for it; else stand in line."""
    row = _row(queue, resume)
    if row is None or row[0] != "WAITING":
        return True
    if row[1] is None:
        resume.waited_for = (row[2], decode_data(row[3]))
    if _has_room(queue, resume, now):
        mark(queue, resume.held, "EXECUTING", None, None, now)
        return True
    if row[1] is None:
        cause = {"code": "resuming", "queue": resume.held.delivery.run.queue}
        state = queue.row(
            "UPDATE state SET version = version + 1, changed = ?, place = ?, resuming = ?, reason = ?, cause = ? "
            f"WHERE id = ? {RETURNING_STATE}",
            (now, RESUMING, resume.since, words(cause, now), encode_data(cause), resume.held.row),
        )
        queue.effects.runs.append(changed_run(resume.held.delivery.run, state))
    return False


def go_on_waiting(queue: Queue, resume: Resume, now: int) -> None:
    """Nobody wants to go on any more: the run waits, for what it waited for before."""
    row = _row(queue, resume)
    if row is not None and (row[0] == "EXECUTING" or row[1] is not None):
        mark(queue, resume.held, "WAITING", *resume.waited_for, now)


def _row(queue: Queue, resume: Resume) -> Any:
    held = resume.held
    query = f"SELECT status, resuming, reason, cause FROM state WHERE id = ? AND token = ? AND {ACTIVE}"
    return queue.row(query, (held.row, held.delivery.token))
