"""The states of runs, against a reference model: any order of any calls leaves engine and model in the same states."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle as bundle
from hypothesis.stateful import (
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from runlog.engines.base import Delivery, Idempotency, Outcome, Work
from runlog.stores.base import Run
from tests.engines.conftest import Changes, new_run, open_local
from tests.engines.model import Model, ModelRun
from tests.helpers import times

EXAMPLES = times(20, 50)
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
HOUR = 3600 * 1_000_000_000
LIMITS: dict[str, int | None] = {"one": 1, "two": 2, "free": None}
WORK = Work(tasks=("work", "other"), limits=LIMITS)

lanes = st.tuples(st.sampled_from(sorted(LIMITS)), st.sampled_from([None, "k"]))
priorities = st.sampled_from([0, 0, 0, 3, 50])
seldom = st.sampled_from([False, False, False, True])
triggers = st.fixed_dictionaries(
    {"lane": lanes, "delayed": seldom, "priority": priorities, "key": st.sampled_from([None, None, "a", "b"])}
)


class Runs(RuleBasedStateMachine):
    """Two engines on one queue, as two workers have them, and the model. All times lie an hour back or ahead."""

    runs = bundle("runs")
    attempts = bundle("attempts")
    late = bundle("late")

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="runlog-model-", dir=IN_MEMORY))
        self.stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.portal = self.stack.enter_context(start_blocking_portal("asyncio"))
        self.changes = Changes()
        self.engines: list[Any] = [open_local(self.folder, self.changes) for _ in range(2)]
        self.model = Model(LIMITS)
        self.past = time.time_ns() - HOUR
        self.resuming: dict[str, Future[None]] = {}
        self.newest: dict[str, Delivery] = {}
        """Run → its newest attempt."""

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            for engine in self.engines:
                self.portal.call(engine.close)
            self.stack.close()

    def time(self, *, delayed: bool = False) -> int:
        return self.past + self.model.next() * 10 + (10 * HOUR if delayed else 0)

    def submit(
        self, lane: tuple[str, str | None], *, delayed: bool, priority: int, key: str | None, **more: Any
    ) -> Any:
        available = self.time(delayed=delayed)
        new = new_run(
            queue=lane[0], concurrency_key=lane[1], available=available, priority=priority,
            idempotency=Idempotency(key, time.time_ns() + HOUR) if key else None, **more,
        )  # fmt: skip
        parent = more.get("parent_run_id")
        run = ModelRun(new.run_id, new.task, lane, available, priority, self.model.counter, delayed, parent, key)
        known = set(self.model.runs)
        expected = self.model.submit(run)
        (submitted,) = self.portal.call(self.engines[0].submit, [new])
        assert submitted.run_id == expected
        assert (submitted.cached == "idempotency") == (expected in known)
        return [] if expected in known else [expected]

    @rule(target=runs, specs=st.lists(triggers, min_size=1, max_size=5))
    def trigger(self, specs: list[dict[str, Any]]) -> Any:
        return multiple(*(run_id for spec in specs for run_id in self.submit(**spec)))

    @rule(target=runs, parent=attempts, lane=lanes, key=st.sampled_from([None, "c"]))
    def trigger_child(self, parent: Delivery, lane: tuple[str, str | None], key: str | None) -> Any:
        above = parent.run.run_id
        if not self.holds(parent):
            return multiple()
        own = {"parent_run_id": above, "root_run_id": above, "waited": True}
        return multiple(*self.submit(lane, delayed=False, priority=0, key=key and f"{key}-{above}", **own))

    @precondition(lambda self: any(run.status == "QUEUED" for run in self.model.runs.values()))
    @rule(target=attempts, worker=st.integers(0, 1), limit=st.integers(2, 6))
    def claim(self, worker: int, limit: int) -> Any:
        before = {run.run_id: run.status for run in self.model.runs.values()}
        expected = self.model.claim(limit)
        taken = self.portal.call(self.claimed, worker, limit, bool(expected))
        assert [delivery.run.run_id for delivery in taken] == [run.run_id for run in expected], before
        for delivery, run in zip(taken, expected, strict=True):
            self.newest[run.run_id] = delivery
            assert (delivery.attempt, delivery.crashes) == (run.attempt, run.crashes)
        return multiple(*taken)

    async def claimed(self, worker: int, limit: int, some: bool) -> list[Delivery]:
        engine, taken = self.engines[worker], list[Delivery]()

        async def claim() -> None:
            taken.extend(await engine.claim(WORK, limit))

        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                group.start_soon(claim)
                if not some:
                    await anyio.sleep(0)
                    await engine.changes((0, 0), 1)  # answered after the claim was looked at
                    await engine.changes((0, 0), 1)
                    group.cancel_scope.cancel()
        return taken

    def engine_of(self, delivery: Delivery) -> Any:
        """The engine that has the attempt is the one that claimed it; the other one holds nothing of that token."""
        held = [
            engine
            for engine in self.engines
            if engine.worker_name == self.portal.call(engine.get, delivery.run.run_id).worker
        ]
        return held[0] if held else self.engines[0]

    def holds(self, delivery: Delivery) -> bool:
        run = self.model.runs[delivery.run.run_id]
        return run.active and self.newest[run.run_id] is delivery

    @rule(
        target=late,
        attempt=consumes(attempts),
        how=st.sampled_from(["COMPLETED", "FAILED", "TIMED_OUT", "CRASHED", "CANCELED"]),
    )
    def end(self, attempt: Delivery, how: str) -> Delivery:
        error = None if how == "COMPLETED" else {"type": "E", "message": "e"}
        held = self.holds(attempt)
        assert self.portal.call(self.engine_of(attempt).finish, attempt, Outcome(how, error=error)) == held
        if held:
            self.model.finish(self.model.runs[attempt.run.run_id], how)
        return attempt

    @rule(target=late, attempt=consumes(attempts), delayed=st.booleans(), uses=st.booleans())
    def try_again(self, attempt: Delivery, delayed: bool, uses: bool) -> Delivery:
        available, held = self.time(delayed=delayed), self.holds(attempt)
        outcome = Outcome("DELAYED" if delayed else "QUEUED", available=available, uses_attempt=uses, reason="again")
        assert self.portal.call(self.engine_of(attempt).finish, attempt, outcome) == held
        if held:
            self.model.try_again(self.model.runs[attempt.run.run_id], available, delayed=delayed, uses_attempt=uses)
        return attempt

    @rule(target=late, attempt=consumes(attempts))
    def crash(self, attempt: Delivery) -> Delivery:
        available, held = self.time(), self.holds(attempt)
        over = attempt.crashes + 1 >= 3
        outcome = Outcome("CRASHED" if over else "QUEUED", available=available, crashed=True, reason="crash")
        assert self.portal.call(self.engine_of(attempt).finish, attempt, outcome) == held
        if held:
            self.model.crash(self.model.runs[attempt.run.run_id], available)
        return attempt

    @rule(attempt=late)
    def finish_late(self, attempt: Delivery) -> None:
        for engine in self.engines:
            assert not self.portal.call(engine.finish, attempt, Outcome("COMPLETED", output=b"1"))

    @rule(attempt=attempts)
    def wait(self, attempt: Delivery) -> None:
        run = self.model.runs[attempt.run.run_id]
        if self.holds(attempt) and run.status == "EXECUTING":
            engine = self.engine_of(attempt)
            engine.mark(attempt, "WAITING", "waits", {"code": "run"})
            self.portal.call(engine.changes, (0, 0), 1)  # answered when the mark is committed
            self.model.wait(run)

    @property
    def waiting(self) -> list[ModelRun]:
        return [run for run in self.model.runs.values() if run.status == "WAITING" and not run.resuming]

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.waiting))
        attempt = self.newest[run.run_id]
        engine = self.engine_of(attempt)
        self.resuming[run.run_id] = self.portal.start_task_soon(engine.resume, attempt)
        self.portal.call(engine.changes, (0, 0), 1)
        self.model.resume(run)

    @rule(run_id=runs, how=st.sampled_from(["cancel", "cancel", "sooner", "later", "pause", "go on", "go on"]))
    def interfere(self, run_id: str, how: str) -> None:
        run, engine = self.model.runs[run_id], self.engines[1]
        if how == "cancel":
            assert self.portal.call(engine.cancel, run_id, "no") == self.model.cancel(run)
        elif how in ("sooner", "later"):
            delayed = how == "later"
            available = self.time(delayed=delayed)
            expected = self.model.reschedule(run, available, delayed=delayed)
            assert self.portal.call(engine.reschedule, run_id, available) == expected
        else:
            queue, paused = run.lane[0], how == "pause"
            self.model.paused = self.model.paused | {queue} if paused else self.model.paused - {queue}
            self.portal.call(partial(engine.pause, queue, paused=paused))

    @precondition(lambda self: hasattr(self, "model"))
    @invariant()
    def states_agree(self) -> None:
        for run in self.model.runs.values():
            if run.run_id in self.resuming and not run.resuming:
                self.resuming.pop(run.run_id).result(20)
        for run, found in zip(
            self.model.runs.values(), self.portal.call(self.found, list(self.model.runs)), strict=True
        ):
            assert (found.status, found.attempt) == (run.status, run.attempt), run

    async def found(self, run_ids: list[str]) -> list[Run]:
        return [await self.engines[0].get(run_id) for run_id in run_ids]

    @precondition(lambda self: hasattr(self, "model"))
    @invariant()
    def a_run_ends_once(self) -> None:
        with self.changes.lock:
            ended = [change.run_id for change in self.changes if change.is_terminal]
            told = [(change.run_id, change.version) for change in self.changes]
        assert len(ended) == len(set(ended))
        assert len(told) == len(set(told))


TestRuns = Runs.TestCase
TestRuns.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
