"""Looks on while attempts run: writes stacks and metrics, reports a blocked event loop, ends what is overdue."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from opentelemetry.util.types import AttributeValue

from runlog.config import Settings
from runlog.engines.base import Engine
from runlog.executor.attempt import Attempt
from runlog.executor.outcomes import Outcomes
from runlog.executor.trouble.beat import THRESHOLD, Beat
from runlog.executor.trouble.blocked import Blocked
from runlog.executor.trouble.loops import LoopView
from runlog.executor.trouble.metrics import Sampler, Usage, count_collections
from runlog.executor.trouble.overdue import EndProcess, Jam, Overdue
from runlog.executor.trouble.records import place_of, write_lost, write_stacks
from runlog.executor.trouble.stacks import Snapshot, take
from runlog.executor.trouble.watchdog import EVERY, get_watchdog
from runlog.recording import get_recorder
from runlog.stores.base import INFO, WARN
from runlog.system.wakeup import threadsafe_caller

EVERY_WAITING = 1.0
"""Seconds between two looks while all attempts wait for something: other code of theirs may go on meanwhile."""

STALL = 5.0
"""Seconds after which all stacks are written of a run that blocks the loop."""

_SAME_TIME = 0.1
"""Seconds for which one look at all stacks is good enough, and that while the event loop tells of one after the other:
thousands of attempts may be shut down together."""
_PATIENCE = 5.0
_MOST_OVER = 1_000
_WHOLE = 10
"""Of so many such attempts the whole process is told, of the others what is their own."""


class Lookout:
    """The observer of one executor. Made anywhere; what it is told of attempts comes on one event loop."""

    def __init__(self, engine: Engine, settings: Settings, *, end_process: EndProcess | None = None) -> None:
        """`end_process` is for workers, whose process is runlog's to end."""
        self.is_watched = False
        self._grace = settings.worker.watchdog_grace
        self._overdue = Overdue(engine, Outcomes(settings), end_process)
        self._sampler = Sampler()
        self._running: dict[Attempt, Usage] = {}
        self._working: dict[Attempt, Usage] = {}
        """Those that do not wait for something."""
        self._over: list[Attempt] = []
        """Those that have ended since the last look."""
        self._begun = 0
        self._view: LoopView | None = None
        self._beat: Beat | None = None
        self._blocked: Blocked | None = None
        self._resumed = 0.0
        self._call_soon: Callable[[Callable[[], None]], None]
        self._snapshot: Snapshot | None = None
        self._is_now = False
        """The event loop has done nothing since then."""
        self._uses = 0

    # The observer's part. On the event loop, but for `asked_for_stacks`.

    def begun(self, attempt: Attempt) -> None:
        beat = self._beat or self._start()
        self._begun += 1
        usage = Usage(attempt, beat.lag, self._begun - len(self._running) - 1)
        self._running[attempt] = usage
        self._works(usage)

    def waits(self, attempt: Attempt) -> None:
        self._working.pop(attempt, None)

    def goes_on(self, attempt: Attempt) -> None:
        usage = self._running.get(attempt)
        if usage is not None:
            self._works(usage)

    def _works(self, usage: Usage) -> None:
        hurry = not self._working
        self._working[usage.attempt] = usage
        beat = self._beat
        assert beat is not None
        with suppress(RuntimeError):  # there is no thread to be had now
            if not self.is_watched:
                beat.start()
                beat.ask()
                get_watchdog().watch(self)
            elif hurry:
                get_watchdog().hurry()

    def ended(self, attempt: Attempt) -> Mapping[str, AttributeValue]:
        usage = self._running.pop(attempt, None)
        self._working.pop(attempt, None)
        if usage is not None and usage.lasted >= THRESHOLD and self.is_watched and len(self._over) < _MOST_OVER:
            self._over.append(attempt)
        return {} if usage is None or self._beat is None else usage.attributes(self._beat.lag, self._begun)

    def timed_out(self, attempt: Attempt) -> None:
        self._write("at timeout", attempt)

    def stopped(self, attempt: Attempt, cause: str) -> None:
        if cause == "shutdown":
            self._write("at shutdown", attempt)
        elif cause == "lost":
            write_lost(get_recorder(), attempt)

    def asked_for_stacks(self, attempt: Attempt) -> None:
        get_watchdog().do(partial(self._write_now, "when asked", attempt, INFO))

    def stop_all(self) -> None:
        """Write the stacks of what still runs, as the process is about to end. Callable from any thread."""
        if self._view is None:
            return
        snapshot = take(self._view)
        for number, attempt in enumerate([*self._working, *(self._running.keys() - self._working.keys())]):
            if not attempt.write_stacks_in_child("at shutdown", WARN):
                _write_stacks("at shutdown", attempt, snapshot, WARN, everything=number < _WHOLE)

    def close(self) -> None:
        """Wait until what was seen is recorded. Not on the event loop."""
        if self._uses:
            get_watchdog().drain(_PATIENCE)

    def _start(self) -> Beat:
        count_collections()
        self._call_soon = threadsafe_caller()
        self._view = LoopView()
        self._blocked = Blocked(self._view)
        self._beat = Beat()
        return self._beat

    def _write(self, why: str, attempt: Attempt) -> None:
        """Look now, and have the watchdog write what was seen: that reads files."""
        if self._view is None or attempt.write_stacks_in_child(why, WARN):  # None: it has not begun
            return
        snapshot = self._snapshot
        if snapshot is None or not self._is_recent(snapshot):
            snapshot = self._snapshot = take(self._view)
            self._uses, self._is_now = 0, True
            self._call_soon(self._turn)
        self._uses += 1
        whole = self._uses <= _WHOLE
        place = place_of(snapshot.main_task(attempt) if whole else None, attempt.delivery.run)
        get_watchdog().do(partial(write_stacks, get_recorder(), attempt, snapshot, why, place, everything=whole))

    def _is_recent(self, snapshot: Snapshot) -> bool:
        return self._is_now or time.time_ns() - snapshot.at <= _SAME_TIME * 1e9

    def _turn(self) -> None:
        """The event loop has gone on."""
        self._is_now = False

    def _write_now(self, why: str, attempt: Attempt, level: int) -> None:
        if self._view is not None and not attempt.write_stacks_in_child(why, level):
            _write_stacks(why, attempt, take(self._view), level)

    # The watchdog's part, in its thread.

    @property
    def is_active(self) -> bool:
        return bool(self._running) or (self._blocked is not None and self._blocked.is_open)

    @property
    def every(self) -> float:
        only_wait = self._running and not self._working
        return EVERY_WAITING if only_wait and self._beat is not None and not self._beat.is_asked else EVERY

    def look(self, late: float) -> None:
        beat, blocked = self._beat, self._blocked
        assert beat is not None
        assert blocked is not None
        usages = list(self._working.values())
        if self._snapshot is not None and not self._is_recent(self._snapshot):
            self._snapshot = None  # it keeps what it shows alive
        lag, held = beat.look(late)
        if lag is not None:
            for usage in usages:
                usage.lag_max = max(usage.lag_max, lag)
        if late >= THRESHOLD and not held:
            self._resumed = time.monotonic()  # what is overdue gets its grace from here on
        attempts = [usage.attempt for usage in usages if not usage.attempt.ended]
        over, self._over = self._over, []
        blocked.look(beat.silent, lag, [*attempts, *over] if held else attempts or list(self._running), held=held)
        if blocked.stalled(STALL) and blocked.attempt is not None:
            self._write_now("at stall", blocked.attempt, WARN)
        if usages or (self._running and lag is None):
            beat.ask()
        if usages:
            self._end_overdue(usages, beat, blocked)
            self._sampler.look(usages, beat.lag, self._begun, get_recorder())

    def _end_overdue(self, usages: list[Usage], beat: Beat, blocked: Blocked) -> None:
        now = time.monotonic()
        if now - self._resumed < self._grace:
            return
        overdue: list[Attempt] = []
        for usage in usages:
            attempt, deadline = usage.attempt, usage.attempt.deadline
            if usage.is_overdue or attempt.ended or deadline is None or now < deadline + self._grace:
                continue
            usage.is_overdue = True
            self._write_now("at the end of its grace", attempt, WARN)
            overdue.append(attempt)
        if overdue:
            others = [attempt for attempt in list(self._running) if not attempt.ended]
            jam = Jam(blocked.attempt, others) if beat.silent >= THRESHOLD else None
            self._overdue.end(overdue, self._grace, jam)


def _write_stacks(why: str, attempt: Attempt, snapshot: Snapshot, level: int, *, everything: bool = True) -> None:
    place = place_of(snapshot.main_task(attempt) if everything else None, attempt.delivery.run)
    write_stacks(get_recorder(), attempt, snapshot, why, place, level, everything=everything)
