"""One attempt of a run, from its delivery to its outcome."""

from __future__ import annotations

import contextvars
import traceback
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any, TypeVar

from anyio import CancelScope, get_cancelled_exc_class
from anyio.lowlevel import checkpoint_if_cancelled, current_token
from opentelemetry.context import Context as TraceContext

from runlog.engines.base import Delivery, Interrupt, Outcome
from runlog.executor.contexts import LazyContext, Live
from runlog.executor.flush import RunChanges
from runlog.executor.hooks import HookCalls
from runlog.executor.outcomes import STOPPED, MaxDurationReached, Tries, is_abort, put_back
from runlog.executor.processes import Crashed
from runlog.executor.running import Call
from runlog.executor.spans import AttemptSpans
from runlog.executor.stop import Cause, Stop
from runlog.executor.timers import Allowance
from runlog.executor.waiting import Waiting
from runlog.executor.workplace import Workplace
from runlog.tasks.context import Context, set_current_run
from runlog.tasks.hooks import HookName
from runlog.tasks.results import RunResult
from runlog.tasks.task import Task
from runlog.tracing.attach import attach, get_context
from runlog.tracing.scope import RunScope

current_attempt: ContextVar[Attempt | None] = ContextVar("runlog-current-attempt", default=None)

T = TypeVar("T")


class Attempt:
    """Runs the task's function once, in the task of the event loop that calls `run`."""

    def __init__(self, delivery: Delivery, task: Task[Any, Any], workplace: Workplace, *, has_slot: bool) -> None:
        run, options = delivery.run, delivery.run.options or {}
        self.delivery, self.task = delivery, task
        self.is_sync = not task.is_async
        self._workplace = workplace
        self._stop = Stop(run.run_id)
        self._allowance = Allowance(workplace.timers, options.get("max_duration", task.max_duration), self._time_out)
        self._waiting = Waiting(
            delivery, workplace.engine, workplace.slots, self._allowance, workplace.timers, has_slot=has_slot
        )
        self._spans = AttemptSpans(workplace.tracer, delivery)
        self._changes = RunChanges(run, workplace.engine, workplace.beside, workplace.call_soon)
        self._tries = Tries.of(delivery, task.retry)
        live = Live(self._changes, workplace.resources, self._stop.check, self._allowance.left)
        self._get_context = LazyContext(delivery, task, self._tries.retry.max_attempts, live)
        self._hooks = HookCalls(task, self._get_context, run.payload, workplace.threads, workplace.tracer)
        self._cancelling = CancelScope()
        self._inside: contextvars.Context | None = None

    @property
    def ended(self) -> bool:
        return self._stop.ended

    @property
    def lost(self) -> str | None:
        """Why its run is another worker's, if that was noticed."""
        return self._stop.reason if self._stop.cause == "lost" else None

    @property
    def context(self) -> Context:
        """What its code is told of it. From any thread."""
        return self._get_context()

    @property
    def deadline(self) -> float | None:
        """When its `max_duration` ends it as of now, by `time.monotonic()`; None without one, and while it waits."""
        return self._allowance.due

    @property
    def scope(self) -> RunScope:
        """What its records belong to."""
        return self._spans.scope

    # What ends it from outside.

    def shut_down(self, reason: str | None = None) -> None:
        """The worker ends: stop, to be tried again elsewhere."""
        self._end("shutdown", reason or "its worker was shut down")

    def overdue(self) -> Outcome:
        """The outcome for who ends the attempt over its head, as it does not react at its deadline."""
        return self._workplace.outcomes.timed_out(self._timeout, self._tries, None)

    def leave_behind(self, outcome: Outcome) -> None:
        """Its run goes on without it, with this outcome: its records end here, and no hook is called, whatever its code
        still does. From any thread."""
        self._stop.ended, self._stop.cause, self._stop.reason = True, "lost", "it was left behind"
        self._workplace.call_soon(self._cancelling.cancel)  # for code that comes to an await after all
        self._spans.end(outcome, canceled=outcome.error is None)

    def write_stacks_in_child(self, why: str, level: int) -> bool:
        """Have its process, if it has one of its own, write down where it is. From any thread."""
        return self.task.process and self._workplace.processes().write_stacks(self.delivery.run.run_id, why, level)

    @property
    def _timeout(self) -> MaxDurationReached:
        return MaxDurationReached(self._allowance.seconds or 0)

    def _on_interrupt(self, interrupt: Interrupt) -> None:
        if interrupt.kind == "stacks":
            self._observe(self._workplace.observer.asked_for_stacks)
        else:
            self._workplace.call_soon(partial(self._end, interrupt.kind, interrupt.reason))

    def _time_out(self) -> None:
        self._end("timeout", str(self._timeout))

    def _end(self, cause: Cause, reason: str) -> None:
        if self._stop.cause is not None or self.ended:
            return
        self._stop.cause, self._stop.reason = cause, reason
        if cause == "timeout":
            self._observe(self._workplace.observer.timed_out)
        else:
            self._observe(self._workplace.observer.stopped, cause)
        self._waiting.give_up()
        self._cancelling.cancel()

    def _observe(self, tell: Callable[..., T], *arguments: Any) -> T | None:
        """Tell the observer, in the attempt's own context, as its records belong to the run."""
        inside = self._inside
        try:
            return tell(self, *arguments) if inside is None else inside.copy().run(tell, self, *arguments)
        except Exception:  # noqa: BLE001 - who looks on must not change what happens
            traceback.print_exc()
            return None

    # Running.

    async def run(self) -> Outcome:
        """Run the function. Raises only the cancellation of whoever runs the executor."""
        outcome, canceled = STOPPED, True
        try:
            await self._waiting.take_slot()
            current_attempt.set(self)
            set_current_run(self._get_context)
            self._spans.begin(self._allowance.seconds)
            self._inside, self._changes.place = copy_context(), get_context()
            observer = self._workplace.observer
            observer.begun(self)
            self._waiting.on_pause = partial(self._observe, observer.waits)
            self._waiting.on_return = self._went_on
            outcome = await self._outcome()
            canceled = outcome.status in ("CANCELED", "QUEUED") and self._stop.cause in ("cancel", "lost", "shutdown")
        finally:
            self._stop.ended = True
            self._allowance.close()
            self._waiting.close()
            self._inside = None  # which knows this attempt: a cycle is left to the garbage collector
            self._spans.end(outcome, canceled=canceled, attributes=self._workplace.observer.ended(self))
        return outcome

    async def flush(self) -> None:
        """Bring the last changes of metadata and tags to the engine, when the attempt has ended."""
        if self.lost is None:
            await self._changes.end()

    def leave(self) -> None:
        """Let the task of the event loop, which lives on for a while, keep nothing of the attempt alive: of many that
        end together the garbage collector would look at everything, again and again."""
        current_attempt.set(None)
        set_current_run(None)
        attach(TraceContext())

    @property
    def is_flushed(self) -> bool:
        """There is nothing to be brought to the engine, and never was."""
        return not self._changes.begun

    async def _outcome(self) -> Outcome:
        try:
            context = self.context if self.task.signature.context is not None else None
            args, kwargs = self.task.arguments(self.delivery.run.payload, context)
        except Exception as refused:  # noqa: BLE001 - a PayloadError, or what a validator of the user's raised
            self._spans.record_exception(refused)
            return await self._told(self._workplace.outcomes.refused(refused), None, refused)
        self._workplace.engine.watch(self.delivery, self._on_interrupt)
        returned, value, error = False, None, None
        if self._stop.cause is None:
            self._allowance.go_on()
            if self._hooks.of("on_wait") or self._hooks.of("on_resume"):
                self._waiting.tell = self._tell_of_wait
            try:
                with self._cancelling as scope:
                    value = await Call(self, self._spans, self._hooks, self._workplace).run(args, kwargs, scope)
                    returned = True
            except get_cancelled_exc_class() as raised:
                if not self._cancelling.cancel_called:
                    await checkpoint_if_cancelled()  # raises if it is the executor that is cancelled
                error = raised
            except BaseException as raised:  # noqa: BLE001 - whatever a task raises, the worker lives and the run says it
                error = raised
            self._allowance.pause()
            await self._look_for_lease()
        return await (self._judged(value) if returned and self.lost is None else self._ended_early(error))

    async def _look_for_lease(self) -> None:
        """What an attempt that is another worker's by now returned or raised counts for nothing, and nobody is told."""
        lost = await self._workplace.engine.lost(self.delivery)
        if lost is not None and self.lost is None and not self.ended:
            self._stop.cause, self._stop.reason = "lost", lost
            self._observe(self._workplace.observer.stopped, "lost")

    async def _judged(self, value: object) -> Outcome:
        outcome = self._workplace.outcomes.completed(value, self.task.result_codec)
        return await self._told(outcome, value, None)

    async def _ended_early(self, error: BaseException | None) -> Outcome:
        outcomes = self._workplace.outcomes
        match self._stop.cause:
            case "lost":
                return outcomes.canceled(self._stop.reason)
            case "shutdown":
                return put_back(self._stop.reason)
            case "cancel":
                return await self._told(outcomes.canceled(self._stop.reason), None, None)
            case "timeout":
                timeout = self._timeout
                own = None if isinstance(error, get_cancelled_exc_class()) else error
                verdict = await self._hooks.judge(timeout)
                return await self._told(outcomes.timed_out(timeout, self._tries, own, verdict), None, timeout)
        assert error is not None
        if isinstance(error, Crashed):
            return outcomes.crashed(error.reason, error.cause, self.delivery.crashes + 1, final=error.is_memory)
        verdict = None if is_abort(error) else await self._hooks.judge(error)
        return await self._told(outcomes.failed(error, self._tries, verdict), None, error)

    async def _told(self, outcome: Outcome, value: object, error: BaseException | None) -> Outcome:
        """Tell the hooks of the end, if this is one."""
        name = _END_HOOKS.get(outcome.status)
        if self.ended:  # it was left behind
            return outcome
        if name is not None and (self._hooks.of(name) or self._hooks.of("on_complete")):
            run_id, task_id = self.delivery.run.run_id, self.task.id
            result: RunResult[Any] = RunResult(run_id, task_id, outcome.status, value, outcome.error)
            values = {"output": value, "error": error, "reason": self._stop.reason}
            await self._hooks.tell_end({name: values, "on_complete": {"result": result}})
        return outcome

    async def _tell_of_wait(self, name: HookName, reason: str) -> None:
        await self._hooks.tell(name, {"reason": reason})

    # Waiting.

    def _went_on(self) -> None:
        if (left := self._allowance.left()) is not None:
            self._spans.put_off(left)
        self._observe(self._workplace.observer.goes_on)

    @property
    def is_here(self) -> bool:
        """The caller is on the event loop of the attempt: a thread of it may run another one."""
        return current_token() == self._workplace.loop

    def waiting(self, reason: str, cause: dict[str, Any] | None = None) -> AbstractAsyncContextManager[None]:
        """Round a wait for something: the run is WAITING, its places are free and its time stands still."""
        return self._waiting.waiting(reason, cause)


_END_HOOKS: dict[str, HookName] = {
    "COMPLETED": "on_success",
    "FAILED": "on_failure",
    "TIMED_OUT": "on_failure",
    "CANCELED": "on_cancel",
}


def running_attempt() -> Attempt | None:
    """The attempt that the caller is in, if it still runs."""
    attempt = current_attempt.get()
    return None if attempt is None or attempt.ended else attempt
