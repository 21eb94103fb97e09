"""The worker: claims runs and executes them, as many at once as it has slots."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from anyio import CancelScope, Event, create_task_group, current_time, move_on_after, sleep, sleep_forever
from anyio.abc import TaskGroup
from anyio.lowlevel import current_token

from runlog.config import Settings
from runlog.engines.base import Delivery, Engine, Work
from runlog.errors import ProjectNotOpen, StoreError
from runlog.executor.attempt import Attempt
from runlog.executor.beside import Beside
from runlog.executor.observer import Observer, Unobserved
from runlog.executor.outcomes import STOPPED, Outcomes, put_back
from runlog.executor.presence import Presence
from runlog.executor.processes import Processes
from runlog.executor.records import write_refused
from runlog.executor.resources import open_resources
from runlog.executor.slots import Slots
from runlog.executor.threads import Threads
from runlog.executor.timers import Timers
from runlog.executor.workplace import Workplace
from runlog.recording import get_recorder
from runlog.system.interrupt import spared_from_interrupts
from runlog.system.wakeup import threadsafe_caller
from runlog.tasks.registry import Registry
from runlog.tracing.provider import TracerProvider

_RETRY = 1.0
_BEHIND, _BRAKE, _BRAKES, _UNBRAKED = 0.1, 0.02, 25, 5.0
"""From this part of the spool on, claims wait for the log: so many seconds, so many times; and not for so many."""
_LAST_WORD = 5.0
"""Seconds for writing down how attempts ended, when the executor itself ends."""


class Executor:
    """Executes the runs of the tasks in `registry` that `engine` delivers.

    `queues` limits it to runs of these; `version` is that of the code; `observer` looks on.
    """

    def __init__(
        self,
        engine: Engine,
        registry: Registry,
        provider: TracerProvider,
        settings: Settings,
        *,
        queues: Sequence[str] | None = None,
        version: str | None = None,
        observer: Observer | None = None,
        presence: Presence | None = None,
    ) -> None:
        self._engine, self._registry, self._settings = engine, registry, settings
        self._queues, self._version = None if queues is None else tuple(queues), version
        self._observer: Observer = observer or Unobserved()
        self._presence, self._begun = presence, Event()
        self._tracer = provider.get_tracer("runlog")
        self._outcomes = Outcomes(settings)
        self._attempts: set[Attempt] = set()
        self._executing = 0
        self._attempt_ended = Event()
        self.is_open = False
        """Its resources are: it may have attempts."""
        self._threads: Threads | None = None
        self._children: Processes | None = None

    @property
    def attempts(self) -> Collection[Attempt]:
        """Those that run, or wait for something. From another thread, read a copy of it."""
        return self._attempts

    @property
    def running(self) -> int:
        """Attempts that run, or wait for something."""
        return self._executing

    @property
    def abandoned_threads(self) -> int:
        """Threads of sync tasks that could not be stopped and still run. Python waits for them when it exits."""
        return self._threads.abandoned if self._threads else 0

    async def run(self, stop: Event) -> None:
        """Execute runs until `stop` is set; return when the last attempt has ended.

        Resources are opened before the first claim, and closed when the last attempt has ended. From `stop` on no run
        is claimed. Those that run have `worker.grace` seconds; what still runs then is cancelled and queued again, with
        no attempt used. Cancelling this call does the same without the grace. Raises StoreError if the queue cannot be
        used at the start, and ResourceError for a resource that cannot be opened.
        """
        async with open_resources() as resources, create_task_group() as beside:
            self.is_open = True
            workplace = self._workplace(resources, beside)
            beside.start_soon(workplace.timers.run)
            beside.start_soon(workplace.beside.run)
            beside.start_soon(self._notice_cancel)
            if self._presence is not None:
                beside.start_soon(self._presence.run, self._begun)
            try:
                failure = await self._work_until(stop, workplace)
            finally:
                if self._children is not None:
                    self._children.close()
                with move_on_after(_LAST_WORD, shield=True), suppress(ProjectNotOpen):
                    await self._engine.flush()  # it goes on trying by itself
            beside.cancel_scope.cancel()
        if failure is not None:
            raise failure

    def _workplace(self, resources: Mapping[str, Any], beside: TaskGroup) -> Workplace:
        worker = self._settings.worker
        self._threads = Threads(worker.threads)
        return Workplace(
            engine=self._engine,
            slots=Slots(worker.concurrency),
            threads=self._threads,
            timers=Timers(),
            outcomes=self._outcomes,
            tracer=self._tracer,
            observer=self._observer,
            resources=resources,
            processes=self._processes,
            loop=current_token(),
            call_soon=threadsafe_caller(),
            beside=Beside(beside),
        )

    def _processes(self) -> Processes:
        self._children = self._children or Processes(self._settings)
        return self._children

    async def _notice_cancel(self) -> None:
        """Have attempts that wait for a place, shielded from cancels, give up when the executor is cancelled."""
        try:
            await sleep_forever()
        finally:
            for attempt in list(self._attempts):
                attempt.shut_down(STOPPED.reason)

    async def _work_until(self, stop: Event, workplace: Workplace) -> StoreError | None:
        async with create_task_group() as runs:
            failure = await self._claim_until(stop, runs, workplace)
            with move_on_after(self._settings.worker.grace):
                await self._all_ended()
            for attempt in list(self._attempts):
                attempt.shut_down()
        return failure

    async def _all_ended(self) -> None:
        while self._executing:
            self._attempt_ended = Event()
            await self._attempt_ended.wait()

    async def _claim_until(self, stop: Event, runs: TaskGroup, workplace: Workplace) -> StoreError | None:
        failure = None
        async with create_task_group() as claiming:
            claiming.start_soon(_cancel_after, stop, claiming.cancel_scope)
            failure = await self._claim(runs, workplace)
            claiming.cancel_scope.cancel()
        return failure

    async def _claim(self, runs: TaskGroup, workplace: Workplace) -> StoreError | None:
        """Claim until it is cancelled, the engine is closed, or the queue turns out to be of no use."""
        served, said, brake = False, "", _Brake()
        slots, execute = workplace.slots, spared_from_interrupts(self._execute)
        while True:
            free = await slots.available()
            await brake.wait()
            try:
                deliveries = await self._engine.claim(self._work(), free)
            except ProjectNotOpen:
                return None
            except StoreError as error:
                if not served:
                    return error
                if said != (said := str(error)):  # not again and again while the disk is full
                    print(f"runlog: runs cannot be claimed now: {error}", file=sys.stderr)  # noqa: T201
                await sleep(_RETRY)
                continue
            served, said = True, ""
            if deliveries:
                self._begun.set()
            for delivery in deliveries:
                self._executing += 1
                runs.start_soon(execute, delivery, workplace, slots.try_take())

    def _work(self) -> Work:
        registry = self._registry
        return Work(tuple(registry.ids()), self._queues, registry.limits(), self._version, registry.declared())

    async def _execute(self, delivery: Delivery, workplace: Workplace, has_slot: bool) -> None:
        attempt: Attempt | None = None
        outcome = STOPPED
        try:
            task = self._registry.find(delivery.run.task)
            if task is None:
                outcome = put_back("its worker does not know the task any more")
            else:
                attempt = Attempt(delivery, task, workplace, has_slot=has_slot)
                self._attempts.add(attempt)
                outcome = await attempt.run()
        except Exception as error:  # noqa: BLE001 - a fault of runlog's own must not end the other runs
            traceback.print_exc()
            outcome = self._outcomes.refused(error)
        finally:
            try:
                if attempt is None and has_slot:
                    workplace.slots.release()
                if attempt is not None and not attempt.is_flushed:
                    with move_on_after(_LAST_WORD, shield=True):
                        await attempt.flush()
                with suppress(ProjectNotOpen):  # then it has given up the lease itself
                    is_known = attempt is not None and attempt.lost is not None
                    self._engine.finish_soon(delivery, outcome, None if is_known else write_refused)
            finally:
                if attempt is not None:
                    self._attempts.discard(attempt)
                    attempt.leave()
                self._executing -= 1
                self._attempt_ended.set()


async def _cancel_after(stop: Event, scope: CancelScope) -> None:
    await stop.wait()
    scope.cancel()


class _Brake:
    """Has claims wait while the log is behind: what it cannot keep up with would be refused in the end. Half a second
    at most, and then not again for a while, for runs are executed without a log, too."""

    def __init__(self) -> None:
        self._free_until = 0.0

    async def wait(self) -> None:
        recorder = get_recorder()
        if recorder.spool_usage < _BEHIND or current_time() < self._free_until:
            return
        for _ in range(_BRAKES):
            await sleep(_BRAKE)
            if recorder.spool_usage < _BEHIND:
                return
        self._free_until = current_time() + _UNBRAKED
