"""The worker: claims runs and executes them, as many at once as it has slots."""

from __future__ import annotations

import sys
import traceback

from anyio import CancelScope, Event, create_task_group, move_on_after, sleep
from anyio.abc import TaskGroup

from runlog.config import Settings
from runlog.engines.base import Delivery, Engine, Work
from runlog.errors import ProjectNotOpen, StoreError
from runlog.executor.attempt import Attempt
from runlog.executor.outcomes import Outcomes, put_back
from runlog.executor.slots import Slots
from runlog.executor.threads import Threads
from runlog.system.interrupt import spared_from_interrupts
from runlog.tasks.registry import Registry
from runlog.tracing.provider import TracerProvider

_RETRY = 1.0
_LAST_WORD = 5.0
"""Seconds for saying how an attempt ended, when the executor itself is being cancelled."""


class Executor:
    """Executes the runs of the tasks in `registry` that `engine` delivers."""

    def __init__(self, engine: Engine, registry: Registry, provider: TracerProvider, settings: Settings) -> None:
        self._engine, self._registry, self._settings = engine, registry, settings
        self._tracer = provider.get_tracer("runlog")
        self._outcomes = Outcomes(settings)
        self._attempts: set[Attempt] = set()
        self._attempt_ended = Event()
        self._threads: Threads | None = None

    @property
    def running(self) -> int:
        """Attempts that run, or wait for other runs."""
        return len(self._attempts)

    @property
    def abandoned_threads(self) -> int:
        """Threads of sync tasks that could not be stopped and still run. Python waits for them when it exits."""
        return self._threads.abandoned if self._threads else 0

    async def run(self, stop: Event) -> None:
        """Execute runs until `stop` is set; return when the last attempt has ended.

        From then on no run is claimed. Those that run have `worker.grace` seconds; what still runs then is cancelled
        and queued again, with no attempt used. Cancelling this call does the same without the grace. Raises StoreError
        if the queue cannot be used at the start.
        """
        worker = self._settings.worker
        slots, threads = Slots(worker.concurrency), Threads(worker.threads)
        self._threads = threads
        async with create_task_group() as runs:
            failure = await self._claim_until(stop, runs, slots, threads)
            with move_on_after(worker.grace):
                await self._all_ended()
            for attempt in list(self._attempts):
                attempt.shut_down()
        if failure is not None:
            raise failure

    async def _all_ended(self) -> None:
        while self._attempts:
            self._attempt_ended = Event()
            await self._attempt_ended.wait()

    async def _claim_until(self, stop: Event, runs: TaskGroup, slots: Slots, threads: Threads) -> StoreError | None:
        failure = None
        async with create_task_group() as claiming:
            claiming.start_soon(_cancel_after, stop, claiming.cancel_scope)
            failure = await self._claim(runs, slots, threads)
            claiming.cancel_scope.cancel()
        return failure

    async def _claim(self, runs: TaskGroup, slots: Slots, threads: Threads) -> StoreError | None:
        """Claim until it is cancelled, the engine is closed, or the queue turns out to be of no use."""
        served = False
        execute = spared_from_interrupts(self._execute)
        while True:
            free = await slots.available()
            try:
                deliveries = await self._engine.claim(Work(tuple(self._registry.ids())), free)
            except ProjectNotOpen:
                return None
            except StoreError as error:
                if not served:
                    return error
                print(f"runlog: runs cannot be claimed now: {error}", file=sys.stderr)  # noqa: T201
                await sleep(_RETRY)
                continue
            served = True
            for delivery in deliveries:
                runs.start_soon(execute, delivery, slots, threads, slots.try_take())

    async def _execute(self, delivery: Delivery, slots: Slots, threads: Threads, has_slot: bool) -> None:
        outcome = put_back("its worker was stopped")
        attempt = Attempt(
            delivery,
            self._registry.get(delivery.run.task),
            engine=self._engine,
            slots=slots,
            threads=threads,
            outcomes=self._outcomes,
            tracer=self._tracer,
            has_slot=has_slot,
        )
        self._attempts.add(attempt)
        try:
            outcome = await attempt.run()
        except Exception as error:  # noqa: BLE001 - a fault of runlog's own must not end the other runs
            traceback.print_exc()
            outcome = self._outcomes.refused(error)
        finally:
            try:
                with move_on_after(_LAST_WORD, shield=True):  # the engine goes on trying by itself
                    await self._engine.finish(delivery, outcome)
            finally:
                self._attempts.discard(attempt)
                self._attempt_ended.set()


async def _cancel_after(stop: Event, scope: CancelScope) -> None:
    await stop.wait()
    scope.cancel()
