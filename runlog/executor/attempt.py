"""One attempt of a run, from its delivery to its outcome."""

from __future__ import annotations

import inspect
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Literal

from anyio import CancelScope, Event, current_time, get_cancelled_exc_class
from anyio.lowlevel import checkpoint_if_cancelled, current_token

from runlog.engines.base import Delivery, Engine, Interrupt, Outcome
from runlog.executor.outcomes import Outcomes, put_back
from runlog.executor.slots import Slots
from runlog.executor.spans import AttemptSpans
from runlog.executor.threads import Threads
from runlog.logger import logger
from runlog.system.wakeup import threadsafe_caller
from runlog.tasks.context import AttemptInfo, Context, RunInfo, RunStopped, set_current_run
from runlog.tasks.task import Task
from runlog.tracing.tracer import Tracer

current_attempt: ContextVar[Attempt | None] = ContextVar("runlog-current-attempt", default=None)

Cause = Literal["cancel", "lost", "shutdown", "timeout"]


class Attempt:
    """Runs the task's function once, in the task of the event loop that calls `run`."""

    def __init__(
        self,
        delivery: Delivery,
        task: Task[Any, Any],
        *,
        engine: Engine,
        slots: Slots,
        threads: Threads,
        outcomes: Outcomes,
        tracer: Tracer,
        has_slot: bool,
    ) -> None:
        self.delivery, self.task, self.has_slot = delivery, task, has_slot
        self._engine, self._slots, self._threads, self._outcomes = engine, slots, threads, outcomes
        self._spans = AttemptSpans(tracer, delivery)
        self._scope = CancelScope()
        self._call_soon = threadsafe_caller()
        self._loop = current_token()
        self._cause: Cause | None = None
        self._reason = ""
        self._waits = 0
        self._returning: Event | None = None  # set once the slot that is being asked for was granted, or not
        self._left = math.inf
        self.ended = False

    # What ends it from outside.

    def shut_down(self) -> None:
        """The worker ends: stop, to be tried again elsewhere."""
        self._stop("shutdown", "its worker was shut down")

    def _on_interrupt(self, interrupt: Interrupt) -> None:
        self._call_soon(partial(self._stop, interrupt.kind, interrupt.reason))

    def _stop(self, cause: Cause, reason: str) -> None:
        if self._cause is None and not self.ended:
            self._cause, self._reason = cause, reason
            self._scope.cancel()

    def _check_stopped(self) -> None:
        """For `Context.checkpoint()`, from any thread."""
        if self._cause is not None:
            raise RunStopped(f"run {self.delivery.run.run_id}: {self._cause}: {self._reason}")
        if self.ended:
            raise RunStopped(f"run {self.delivery.run.run_id}: the attempt has ended")

    @property
    def _ended_by(self) -> Cause | None:
        """What ended it from outside, if anything did."""
        return self._cause or ("timeout" if self._scope.cancel_called else None)

    # Running.

    async def run(self) -> Outcome:
        """Run the function. Raises only the cancellation of whoever runs the executor."""
        if not self.has_slot:
            await self._slots.acquire()
            self.has_slot = True
        try:
            current_attempt.set(self)
            context = self._context()
            set_current_run(context)
            self._spans.begin()
            outcome = await self._outcome(context)
        except BaseException:
            self._spans.end(put_back("its worker was stopped"), canceled=True)
            raise
        finally:
            self.ended = True
            if self.has_slot:
                self.has_slot = False
                self._slots.release()
        self._spans.end(outcome, canceled=self._ended_by in ("cancel", "lost", "shutdown"))
        return outcome

    async def _outcome(self, context: Context) -> Outcome:
        try:
            args, kwargs = self.task.arguments(self.delivery.run.payload, context)
        except Exception as refused:  # noqa: BLE001 - a PayloadError, or what a validator of the user's raised
            self._spans.record_exception(refused)
            return self._outcomes.refused(refused)
        self._engine.watch(self.delivery, self._on_interrupt)
        error: BaseException | None = None
        if self._cause is not None:
            return self._outcome_of(error)
        if self.task.max_duration is not None:
            self._scope.deadline = current_time() + self.task.max_duration
        try:
            with self._scope:
                with self._spans.run():
                    value = await self._call(args, kwargs)
                return self._outcomes.completed(value, self.task.result_codec)
        except get_cancelled_exc_class() as raised:
            if not self._scope.cancel_called:
                await checkpoint_if_cancelled()  # raises if it is the executor that is cancelled
            error = raised
        except BaseException as raised:  # noqa: BLE001 - whatever a task raises, the worker lives and the run says it
            error = raised
        return self._outcome_of(error)

    def _outcome_of(self, error: BaseException | None) -> Outcome:
        match self._ended_by:
            case "cancel" | "lost":
                return self._outcomes.canceled(self._reason)
            case "shutdown":
                return put_back(self._reason)
            case "timeout":
                assert self.task.max_duration is not None
                own = None if isinstance(error, get_cancelled_exc_class()) else error
                return self._outcomes.timed_out(self.task.max_duration, self.delivery, self.task.retry, own)
            case _:
                assert error is not None
                return self._outcomes.failed(error, self.delivery, self.task.retry)

    async def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = partial(self.task.function, *args, **kwargs)
        if self.task.is_async:
            return await call()
        try:
            value = await self._threads.run(call)
        except get_cancelled_exc_class():
            if self._scope.cancel_called:
                logger.warn("the thread of this attempt could not be stopped and was left behind")
            raise
        return await value if inspect.isawaitable(value) else value

    def _context(self) -> Context:
        delivery, retry = self.delivery, self.task.retry
        run = delivery.run
        return Context(
            self.task.info,
            RunInfo(run.run_id, run.tags, run.created, delivery.started, run.parent_run_id, run.root_run_id),
            AttemptInfo(delivery.attempt, retry.max_attempts, delivery.crashes),
            self._check_stopped,
        )

    # Waiting.

    @property
    def is_here(self) -> bool:
        """The caller is on the event loop of the attempt: a thread of it may run another one."""
        return current_token() == self._loop

    @asynccontextmanager
    async def waiting(self, reason: str) -> AsyncIterator[None]:
        """Round a wait for other runs: the run is WAITING, its slot is free and its time stands still."""
        self._waits += 1
        if self.has_slot:
            self._pause(reason)
        try:
            yield
        except BaseException:
            self._waits -= 1
            if self._lacks_slot and self._returning is None:
                self._slots.take()
                self._go_on()
            raise
        self._waits -= 1
        while self._lacks_slot:
            # One asks for all: a second request would wait for the slot that the first has got for this very attempt.
            await (self._return() if self._returning is None else self._returning.wait())

    @property
    def _lacks_slot(self) -> bool:
        return not (self._waits or self.has_slot or self.ended)

    async def _return(self) -> None:
        """Take a slot again, unless another wait has begun by the time that one is free."""
        self._returning = returned = Event()
        try:
            await self._slots.acquire(first=True)
        except BaseException:
            if self._lacks_slot:
                self._slots.take()
                self._go_on()
            raise
        else:
            if self._lacks_slot:
                self._go_on()
            else:
                self._slots.release()
        finally:
            self._returning = None
            returned.set()

    def _pause(self, reason: str) -> None:
        self._left = self._scope.deadline - current_time()
        self._scope.deadline = math.inf
        self._slots.release()
        self.has_slot = False
        self._engine.mark(self.delivery, "WAITING", reason)

    def _go_on(self) -> None:
        self.has_slot = True
        self._scope.deadline = current_time() + self._left
        if self._cause is None:
            self._engine.mark(self.delivery, "EXECUTING")


def running_attempt() -> Attempt | None:
    """The attempt that the caller is in, if it still runs."""
    attempt = current_attempt.get()
    return None if attempt is None or attempt.ended else attempt
