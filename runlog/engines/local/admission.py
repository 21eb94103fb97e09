"""Who may execute: the places of queues with a limit.

A lane is a queue and a concurrency key; the queue's limit is that of each of its lanes. Its runs stand in the column
`place`: those that are QUEUED are ADMITTED, which a claim sees, or HELD, which it does not, so that it never looks
through a backlog that it cannot serve; those that execute have TAKEN a place; those that have waited and want to go
on are RESUMING, before all that are queued. All other runs, and those of queues without a limit, have no place.

How many places are taken is counted, in the rows, at every decision: there is no counter to go wrong. That a run is
ADMITTED is only a proposal, so one too many does no harm, and the claim counts again. Who leaves a place admits the
next ones in the same transaction. Runs are admitted by task and version: a run that no worker takes is in nobody's way.
"""

# ruff: noqa: S608 - the statements are put together from this package's own constants; values are bound

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runlog.engines.local.queue import ACTIVE, NO_SETTING, Queue, next_values

HELD, ADMITTED, TAKEN, RESUMING = 1, 2, 3, 4

_LANE = "queue = ? AND concurrency_key = ?"
_PART = f"{_LANE} AND place = ? AND task = ? AND pin = ?"
_NEXT_PART = next_values(("task", "pin"), "queue = ?1 AND concurrency_key = ?2 AND place = ?3", 3)
_NEXT_LANE = next_values(("queue", "concurrency_key"), "place IS NOT NULL")
_LANES_AT_ONCE = 50
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Lane:
    queue: str
    key: str
    """Empty where there is none."""


def executing(queue: Queue, lane: Lane, now: int) -> int:
    """How many runs of the lane execute, under leases that count."""
    return _count(queue, lane, TAKEN) - _expired(queue, lane, TAKEN, now)


def room(queue: Queue, lane: Lane, limit: int, now: int) -> int:
    """How many of the lane's queued runs may execute now."""
    free = limit - _count(queue, lane, TAKEN) - _count(queue, lane, RESUMING)
    if free <= 0:  # only then does it matter whether all of them are alive
        free += _expired(queue, lane, TAKEN, now) + _expired(queue, lane, RESUMING, now)
    return free


def _count(queue: Queue, lane: Lane, place: int) -> int:
    query = f"SELECT count(*) FROM state WHERE {_LANE} AND place = ?"
    return int(queue.value(query, (lane.queue, lane.key, place)))


def _expired(queue: Queue, lane: Lane, place: int, now: int) -> int:
    query = f"SELECT count(*) FROM state WHERE {_LANE} AND place = ? AND lease <= ?"
    return int(queue.value(query, (lane.queue, lane.key, place, now)))


def may_resume(queue: Queue, lane: Lane, row_id: int, since: int, now: int) -> bool:
    """Whether there is room for a run that wants to go on since that time: those who asked earlier come first."""
    limit = queue.limit(lane.queue)
    if limit is None:
        return True
    query = f"SELECT count(*) FROM state WHERE {_LANE} AND place = ? AND (resuming, id) < (?, ?) AND lease > ?"
    before = queue.value(query, (lane.queue, lane.key, RESUMING, since, row_id, now))
    return executing(queue, lane, now) + int(before) < limit


def entered(queue: Queue, row_id: int, now: int) -> None:
    """The row is QUEUED now: admit it where there is room, or where one that comes after it was admitted."""
    name = queue.value("SELECT queue FROM state WHERE id = ?", (row_id,))
    if queue.limit(name) is not None:
        task, key, pin, rank = queue.row("SELECT task, concurrency_key, pin, rank FROM state WHERE id = ?", (row_id,))
        enter(queue, row_id, Lane(name, key), (task, pin), rank, now)


def enter(queue: Queue, row_id: int, lane: Lane, part: tuple[str, str], rank: int, now: int) -> None:
    """`entered` for a run whose task and version are at hand; the queue has a limit."""
    limit = queue.limit(lane.queue)
    assert limit is not None
    values = (lane.queue, lane.key, ADMITTED, *part)
    admitted = queue.value(f"SELECT count(*) FROM state WHERE {_PART}", values)
    place = ADMITTED
    if room(queue, lane, limit, now) <= admitted:
        last = queue.row(f"SELECT rank, id FROM state WHERE {_PART} ORDER BY rank DESC, id DESC LIMIT 1", values)
        if last is not None and (rank, row_id) < last:
            hold(queue, last[1])
        else:
            place = HELD
    queue.connection.execute("UPDATE state SET place = ? WHERE id = ?", (place, row_id))


def hold(queue: Queue, row_id: int) -> None:
    queue.connection.execute("UPDATE state SET place = ? WHERE id = ?", (HELD, row_id))


def left(queue: Queue, lane: Lane, now: int) -> None:
    """A place of the lane may be free: admit as many as there is room for, after those who want to go on."""
    limit = queue.limit(lane.queue)
    if limit is not None:
        queue.effects.ready = True
        admit(queue, lane, limit, now)


def admit(queue: Queue, lane: Lane, limit: int | None, now: int) -> None:
    """Admit held runs of the lane, the first ones, as many as there is room for (without a limit: a thousand)."""
    free = None
    for task, pin in parts(queue, lane, HELD):
        part = (lane.queue, lane.key, HELD, task, pin)
        if free is None:
            free = _AT_ONCE if limit is None else room(queue, lane, limit, now)
        admitted = queue.value(f"SELECT count(*) FROM state WHERE {_PART}", (*part[:2], ADMITTED, task, pin))
        more = free if limit is None else free - admitted
        if more > 0:
            first = f"SELECT id FROM state WHERE {_PART} ORDER BY rank, id LIMIT ?"
            place = ADMITTED if limit is not None else None
            queue.connection.execute(
                f"UPDATE state SET place = ? WHERE id IN ({first})", (place, *part, min(more, _AT_ONCE))
            )
            queue.effects.ready = True


def parts(queue: Queue, lane: Lane, place: int) -> Iterator[tuple[str, str]]:
    """The (task, version) of which runs have this place in the lane; one look into the index for each."""
    part = ("", "")
    while (part := queue.row(_NEXT_PART, (lane.queue, lane.key, place, *part))) is not None:
        yield part


def lanes(queue: Queue, after: Lane, limit: int = _LANES_AT_ONCE) -> list[Lane]:
    """The next lanes in which any run has a place or is held; one look into the index for each."""
    found: list[Lane] = []
    while len(found) < limit and (row := queue.row(_NEXT_LANE, (after.queue, after.key))) is not None:
        after = Lane(*row)
        found.append(after)
    return found


def is_stuck(queue: Queue, lane: Lane, now: int) -> bool:
    """Whether runs are held though there is room: a lease ran out, the limit was raised."""
    limit = queue.limit(lane.queue)
    for task, pin in parts(queue, lane, HELD):
        query = f"SELECT count(*) FROM state WHERE {_PART}"
        admitted = queue.value(query, (lane.queue, lane.key, ADMITTED, task, pin))
        if limit is None or room(queue, lane, limit, now) > admitted:
            return True
    return False


def declare(queue: Queue, limits: Mapping[str, int | None], now: int) -> None:
    """Set the limits of queues."""
    known = queue.settings
    for name, limit in limits.items():
        before = known.get(name)
        if before is not None and before.concurrency == limit:
            continue
        queue.connection.execute(
            "INSERT INTO queue(name, concurrency) VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET concurrency = ?2",
            (name, limit),
        )
        queue.forget_settings()
        if limit is not None and (before or NO_SETTING).concurrency is None:
            queue.connection.execute(
                f"UPDATE state INDEXED BY state_active SET place = {TAKEN} "
                f"WHERE {ACTIVE} AND status = 'EXECUTING' AND queue = ?",
                (name,),
            )
        for lane in (Lane(name, ""), *lanes(queue, Lane(name, ""))):
            if lane.queue == name:
                admit(queue, lane, limit, now)


def pause(queue: Queue, name: str, *, paused: bool) -> None:
    """Pause a queue, or let it go on."""
    queue.connection.execute(
        "INSERT INTO queue(name, paused) VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET paused = ?2",
        (name, int(paused)),
    )
    queue.forget_settings()
    queue.effects.ready |= not paused
