"""What an engine does now and then: keep its leases, take back from the dead, set aside what nobody knows."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from runlog.engines.local.operations import Operation
from runlog.engines.local.queue import Queue
from runlog.engines.local.workers import WorkerFiles

_EVERY = 0.5
_SUSPECTED = 5 / 12
"""For how much of a lease more it has to stay expired before it is taken. After a suspended machine, a step of the
clock or a queue that was locked for long, all leases are over at once, and their holders renew them first."""


class Care:
    """Looks at the queue and returns what should be done to it. Used by the engine's thread only."""

    def __init__(self, files: WorkerFiles, lease: float) -> None:
        self._files, self._renew_every, self._suspect_for = files, lease / 3, lease * _SUSPECTED
        self._renewed = self._looked = time.monotonic()
        self._suspects: dict[str, float] = {}
        self._swept = False

    def look(self, queue: Queue, *, has_attempts: bool) -> list[Operation]:
        clock = time.monotonic()
        found: list[Operation] = []
        if has_attempts and clock - self._renewed >= self._renew_every:
            found.append(Operation(lambda queue: queue.renew(time.time_ns())))
            self._renewed = clock
        if clock - self._looked >= _EVERY:
            self._looked = clock
            now = time.time_ns()
            dead = self._look_for_dead(queue, now, clock, found)
            self._look_for_waiting(queue, now, dead, found)
        return found

    def _look_for_dead(self, queue: Queue, now: int, clock: float, found: list[Operation]) -> set[str]:
        names, expired = queue.other_workers(now)
        dead = {name for name in names if self._files.is_dead(name)}
        found.extend(Operation(_take_from_dead(name), after=partial(self._files.forget, name)) for name in dead)
        self._suspects = {name: self._suspects.get(name, clock) for name in expired - dead}
        for name, since in list(self._suspects.items()):
            if clock - since >= self._suspect_for:
                found.append(Operation(_take_expired(name)))
                del self._suspects[name]
        if not self._swept:
            self._swept = True
            self._files.sweep(names | {queue.worker})
        return dead

    def _look_for_waiting(self, queue: Queue, now: int, dead: set[str], found: list[Operation]) -> None:
        known = [tasks for name, tasks in queue.known_tasks() if name not in dead]
        if known:
            everything = {task for tasks in known for task in tasks}
            unknown = [task for task in queue.ready_tasks() if task not in everything]
            if (due := queue.next_available(unknown)) is not None and due <= now:
                found.append(Operation(lambda queue: queue.set_aside(unknown, now)))
        if queue.delays_over(now - int(_EVERY * 1e9)):
            found.append(Operation(lambda queue: queue.set_due(now)))


def _take_from_dead(name: str) -> Callable[[Queue], None]:
    def take(queue: Queue) -> None:
        queue.reclaim(name, f"the worker {name} died", time.time_ns())
        queue.unregister(name)

    return take


def _take_expired(name: str) -> Callable[[Queue], None]:
    def take(queue: Queue) -> None:
        queue.reclaim(name, f"the worker {name} let its lease run out", time.time_ns(), only_expired=True)

    return take
