"""Calling the hooks of a run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from anyio import get_cancelled_exc_class, move_on_after
from anyio.lowlevel import checkpoint_if_cancelled

from runlog.errors import AbortRun, RetryAfter
from runlog.executor.threads import Threads
from runlog.logger import logger
from runlog.tasks.context import Context
from runlog.tasks.hooks import Hook, HookName, hooks
from runlog.tasks.retry import Retry
from runlog.tasks.task import Task
from runlog.tracing.tracer import Tracer

END_LIMIT = 30.0
"""Seconds for all the hooks at the end of an attempt."""

Verdict = Retry | RetryAfter | AbortRun | None
"""What `catch_error` says about an error; None: what the task says anyway."""


class HookCalls:
    """Calls the hooks of one attempt, each in a span of its own; those of all tasks first."""

    def __init__(
        self,
        task: Task[Any, Any],
        context: Callable[[], Context],
        payload: bytes | None,
        threads: Threads,
        tracer: Tracer,
    ) -> None:
        self._task, self._context, self._payload = task, context, payload
        self._threads, self._tracer = threads, tracer
        self._are_there = bool(hooks or task.hooks)

    def of(self, name: HookName) -> tuple[Hook, ...]:
        return (*hooks.of(name), *self._task.hooks.of(name)) if self._are_there else ()

    async def start_attempt(self) -> None:
        """Raises what the first hook that raises does."""
        for hook in self.of("on_start_attempt"):
            await self._call(hook, {})

    async def tell(self, name: HookName, values: Mapping[str, Any]) -> None:
        """Tell all; a hook that raises is logged and changes nothing. Raises only a cancellation."""
        for hook in self.of(name):
            await self._try(hook, values)

    async def tell_end(self, told: Mapping[HookName, Mapping[str, Any]]) -> None:
        """Tell hooks of several names, 30 s at most in all, whatever is cancelled meanwhile."""
        wanted = [(hook, values) for name, values in told.items() for hook in self.of(name)]
        if not wanted:
            return
        with move_on_after(END_LIMIT, shield=True) as limit:
            while wanted:
                await self._try(*wanted[0])
                del wanted[0]
        if limit.cancelled_caught:
            names = ", ".join(f"{hook.name}() of {hook.place}" for hook, _ in wanted)
            logger.error("hooks did not end within {limit:g} s: {hooks}", limit=END_LIMIT, hooks=names)

    async def judge(self, error: BaseException) -> Verdict:
        """Ask `catch_error`, the task's own first, what is to become of an error: the first answer counts."""
        everywhere, own = hooks.of("catch_error"), self._task.hooks.of("catch_error")
        if not (everywhere or own):
            return None
        with move_on_after(END_LIMIT, shield=True):
            for hook in (*own, *everywhere):
                verdict = await self._try(hook, {"error": error})
                if isinstance(verdict, (Retry, RetryAfter, AbortRun)):
                    return verdict
                if verdict is not None:
                    logger.error(
                        "{hook} returned a {kind}, which is no Retry, RetryAfter, AbortRun or None",
                        hook=f"catch_error() of {hook.place}",
                        kind=type(verdict).__name__,
                    )
            return None
        logger.error("catch_error() did not end within {limit:g} s", limit=END_LIMIT)
        return None

    async def _try(self, hook: Hook, values: Mapping[str, Any]) -> Any:
        try:
            return await self._call(hook, values)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the run goes on
            if isinstance(error, get_cancelled_exc_class()):
                await checkpoint_if_cancelled()  # raises unless the hook itself made it
            logger.error(
                "{hook} raised {kind}, which changes nothing",
                hook=f"{hook.name}() of {hook.place}",
                kind=type(error).__name__,
            )
            return None

    async def _call(self, hook: Hook, values: Mapping[str, Any]) -> Any:
        with self._tracer.start_as_current_span(f"{hook.name}()", attributes={"hook": hook.place}):
            call = partial(hook.function, **hook.call_arguments({**values, **self._shared(hook)}))
            value = await (call() if hook.is_async else self._threads.run(call))
            return await value if inspect.isawaitable(value) else value

    def _shared(self, hook: Hook) -> dict[str, Any]:
        """The values that every hook has."""
        shared: dict[str, Any] = {"ctx": self._context()}
        if "payload" in hook.parameters:
            shared["payload"] = payload_for_hooks(self._task, self._payload)
        return shared


def payload_for_hooks(task: Task[Any, Any], data: bytes | None) -> Any:
    """The payload as the task gets it; where it no longer fits, as plain data."""
    signature = task.signature
    if signature.payload is None:
        return None
    if data is None:
        default = signature.parameters.parameters[signature.payload].default
        return None if default is inspect.Parameter.empty else default
    try:
        return task.payload_codec.decode_payload(data)
    except Exception:  # noqa: BLE001 - what a validator of the user's raises
        import msgspec

        return msgspec.json.decode(data)
