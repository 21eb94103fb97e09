"""What an engine does now and then: keep its leases, take back from the dead, set aside what nobody knows."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from runlog.engines.local import admission, claiming, explaining
from runlog.engines.local.admission import Lane
from runlog.engines.local.operations import Operation
from runlog.engines.local.queue import Queue
from runlog.engines.local.workers import WorkerFiles
from runlog.engines.local.workforce import (
    other_workers,
    pending_groups,
    reclaim,
    registered,
    renew,
    set_aside,
    take_up,
    unknown_groups,
    unregister,
)

_EVERY = 0.5
_SUSPECTED = 5 / 12
"""For how much of a lease more it has to stay expired before it is taken. After a suspended machine, a step of the
clock or a queue that was locked for long, all leases are over at once, and their holders renew them first."""

_FIRST = Lane("", "")


class Care:
    """Looks at the queue and returns what should be done to it. Used by the engine's thread only."""

    def __init__(self, files: WorkerFiles, lease: float) -> None:
        self._files, self._renew_every, self._suspect_for = files, lease / 3, lease * _SUSPECTED
        self._renewed = self._looked = time.monotonic()
        self._suspects: dict[str, float] = {}
        self._swept = False
        self._lane = _FIRST

    def look(self, queue: Queue, *, works: bool) -> list[Operation]:
        """`works`: this process is a worker, whose leases are renewed and who is to be seen."""
        clock = time.monotonic()
        found: list[Operation] = []
        if works and clock - self._renewed >= self._renew_every:
            found.append(Operation(lambda queue: renew(queue, time.time_ns())))
            self._renewed = clock
        if clock - self._looked >= _EVERY:
            self._looked = clock
            queue.begin()
            now = time.time_ns()
            dead = self._look_for_dead(queue, now, clock, found)
            self._look_for_due(queue, now, found)
            self._look_for_waiting(queue, now, dead, found, works=works)
            self._look_for_stuck(queue, now, found)
        return found

    def _look_for_dead(self, queue: Queue, now: int, clock: float, found: list[Operation]) -> set[str]:
        names, expired = other_workers(queue, now)
        dead = {name for name in names if self._files.is_dead(name)}
        found.extend(Operation(_take_from_dead(name), after=partial(self._forget, name)) for name in dead)
        self._suspects = {name: self._suspects.get(name, clock) for name in expired - dead}
        for name, since in list(self._suspects.items()):
            if clock - since >= self._suspect_for:
                found.append(Operation(_take_expired(name)))
                del self._suspects[name]
        if not self._swept:
            self._swept = True
            self._files.sweep(names | {queue.worker})
        return dead

    def _forget(self, name: str, _: None) -> None:
        self._files.forget(name)

    def _look_for_due(self, queue: Queue, now: int, found: list[Operation]) -> None:
        """Delays that are over are seen, and runs expire, also while nobody claims."""
        if (due := claiming.next_due(queue)) is not None and due <= now:
            found.append(Operation(_see_due))

    def _look_for_waiting(self, queue: Queue, now: int, dead: set[str], found: list[Operation], *, works: bool) -> None:
        known = [one.work for one in registered(queue) if one.name not in dead]
        if not known:
            return
        if unknown := unknown_groups(queue, known):
            found.append(Operation(lambda queue: set_aside(queue, unknown, known, now)))
        if pending_groups(queue):
            found.append(Operation(lambda queue: take_up(queue, known, now)))
        if works and (blocked := explaining.blocked(queue, known, now)):
            found.append(Operation(lambda queue: explaining.tell_blocked(queue, blocked, now)))

    def _look_for_stuck(self, queue: Queue, now: int, found: list[Operation]) -> None:
        """Runs that are held in a lane that has room; some lanes at each look."""
        lanes = admission.lanes(queue, self._lane)
        self._lane = lanes[-1] if lanes else _FIRST
        found.extend(Operation(_admit(lane)) for lane in lanes if admission.is_stuck(queue, lane, now))


def _take_from_dead(name: str) -> Callable[[Queue], None]:
    def take(queue: Queue) -> None:
        reclaim(queue, name, f"the worker {name} died", time.time_ns())
        unregister(queue, name)

    return take


def _take_expired(name: str) -> Callable[[Queue], None]:
    def take(queue: Queue) -> None:
        reclaim(queue, name, f"the worker {name} let its lease run out", time.time_ns(), only_expired=True)

    return take


def _see_due(queue: Queue) -> None:
    now = time.time_ns()
    claiming.expire(queue, now)
    for row_id in claiming.set_due(queue, now):
        queue.tell(row_id)


def _admit(lane: Lane) -> Callable[[Queue], None]:
    return lambda queue: admission.admit(queue, lane, queue.limit(lane.queue), time.time_ns())
