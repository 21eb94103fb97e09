"""A small reference of what the engine port promises about the states of runs: plain dicts, no clock, no file."""

from __future__ import annotations

from dataclasses import dataclass, field

from runlog.engines.base import CRASH_BUDGET
from runlog.stores.base import TERMINAL_STATUSES

FORGETS_ITS_KEY = {"FAILED", "TIMED_OUT", "CRASHED", "EXPIRED"}


@dataclass(slots=True)
class ModelRun:
    run_id: str
    task: str
    lane: tuple[str, str | None]
    available: int
    priority: int
    number: int
    """The order of submission."""
    delayed: bool = False
    parent: str | None = None
    key: str | None = None
    status: str = "QUEUED"
    attempt: int = 0
    crashes: int = 0
    asked: bool = False
    """Its cancel was asked for while it executed."""
    resuming: int = 0
    """Its place among those that wait for room to go on; 0 is none."""

    @property
    def active(self) -> bool:
        return self.status in ("EXECUTING", "WAITING")

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL_STATUSES


@dataclass(slots=True)
class Model:
    limits: dict[str, int | None]
    runs: dict[str, ModelRun] = field(default_factory=dict)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    counter: int = 0

    def next(self) -> int:
        self.counter += 1
        return self.counter

    # Triggering.

    def submit(self, run: ModelRun) -> str:
        """The id of the run that the trigger becomes."""
        if run.key is not None:
            known = self.keys.get((run.task, run.key))
            if known is not None:
                return known
            self.keys[run.task, run.key] = run.run_id
        run.status = "DELAYED" if run.delayed else "QUEUED"
        self.runs[run.run_id] = run
        return run.run_id

    def reschedule(self, run: ModelRun, available: int, *, delayed: bool) -> bool:
        if run.status not in ("QUEUED", "DELAYED") or run.attempt:
            return False
        run.available, run.delayed, run.status = available, delayed, "DELAYED" if delayed else "QUEUED"
        return True

    # Handing out.

    def room(self, run: ModelRun, *, for_new: bool) -> bool:
        limit = self.limits.get(run.lane[0])
        if limit is None:
            return True
        mates = [other for other in self.runs.values() if other.lane == run.lane]
        taken = sum(other.status == "EXECUTING" for other in mates)
        if for_new:
            taken += sum(bool(other.resuming) for other in mates)
        return taken < limit

    def claim(self, limit: int) -> list[ModelRun]:
        """The runs that a claim gets, in order."""
        taken: list[ModelRun] = []
        ready = [run for run in self.runs.values() if run.status == "QUEUED"]
        for run in sorted(ready, key=lambda run: (run.available - run.priority, run.number)):
            if len(taken) < limit and run.lane[0] not in self.paused and self.room(run, for_new=True):
                run.status, run.attempt = "EXECUTING", run.attempt + 1
                taken.append(run)
        return taken

    def wait(self, run: ModelRun) -> None:
        run.status = "WAITING"
        self.settle()

    def resume(self, run: ModelRun) -> None:
        run.resuming = self.next()
        self.settle()

    def settle(self) -> None:
        """Those who have waited go on where there is room, in the order in which they asked."""
        for run in sorted(self.runs.values(), key=lambda run: run.resuming):
            if run.resuming and self.room(run, for_new=False):
                run.status, run.resuming = "EXECUTING", 0

    # Ending.

    def end(self, run: ModelRun, status: str) -> None:
        run.status, run.resuming = status, 0
        if run.key is not None and status in FORGETS_ITS_KEY:
            self.forget_key(run)

    def forget_key(self, run: ModelRun) -> None:
        if run.key is not None and self.keys.get((run.task, run.key)) == run.run_id:
            del self.keys[run.task, run.key]

    def finish(self, run: ModelRun, status: str) -> None:
        """An attempt ends for good; the children that it waited for end with it, unless it completed."""
        self.end(run, status)
        if status != "COMPLETED":
            self.cancel_children(run)
        self.settle()

    def try_again(self, run: ModelRun, available: int, *, delayed: bool, uses_attempt: bool = True) -> None:
        run.resuming = 0
        if run.asked:
            self.finish(run, "CANCELED")
            return
        run.attempt -= not uses_attempt
        run.available, run.delayed, run.status = available, delayed, "DELAYED" if delayed else "QUEUED"
        self.cancel_children(run, keyed=False)
        self.settle()

    def crash(self, run: ModelRun, available: int) -> None:
        run.crashes += 1
        if run.crashes >= CRASH_BUDGET and not run.asked:
            self.finish(run, "CRASHED")
        else:
            self.try_again(run, available, delayed=False)

    def cancel(self, run: ModelRun) -> bool:
        if run.ended:
            return False
        self.cancel_one(run)
        self.cancel_children(run)
        self.settle()
        return True

    def cancel_one(self, run: ModelRun) -> None:
        if run.active:
            run.asked = True
        else:
            self.end(run, "CANCELED")

    def cancel_children(self, run: ModelRun, *, keyed: bool = True) -> None:
        for child in list(self.runs.values()):
            if child.parent == run.run_id and not child.ended and (keyed or child.key is None):
                self.forget_key(child)
                self.cancel_one(child)
                self.cancel_children(child)
