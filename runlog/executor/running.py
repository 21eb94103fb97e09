"""Calling a task's function, with what is round it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial
from typing import Any

from anyio import CancelScope, get_cancelled_exc_class
from anyio.lowlevel import checkpoint_if_cancelled

from runlog.executor.hooks import HookCalls
from runlog.executor.processes import ProcessCall
from runlog.executor.spans import AttemptSpans
from runlog.executor.workplace import Workplace
from runlog.logger import logger
from runlog.tasks.context import Context
from runlog.tasks.middleware import Middleware, global_middleware


class Call:
    """The call of one attempt: middleware, `on_start_attempt`, then the function."""

    def __init__(self, attempt: ProcessCall, spans: AttemptSpans, hooks: HookCalls, workplace: Workplace) -> None:
        self._attempt, self._spans, self._hooks, self._workplace = attempt, spans, hooks, workplace
        self._task = attempt.task
        self._returned = False

    async def run(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], scope: CancelScope) -> Any:
        """Return what the function does; raise what it, a middleware or a hook does. `scope` is what may cancel it."""
        call = partial(self._task.function, *args, **kwargs)
        middleware = (*global_middleware(), *self._task.middleware)
        if not middleware:
            return await self._inside(call, scope)
        value = None
        with self._spans.inside("middleware()"):
            async with AsyncExitStack() as stack:
                for one in middleware:
                    await _enter(stack, one, self._attempt.context)
                value = await self._inside(call, scope)
        if not self._returned:  # a middleware took what was raised for done; if that was a cancel, it is none
            await checkpoint_if_cancelled()
        return value

    async def _inside(self, call: partial[Any], scope: CancelScope) -> Any:
        if self._hooks.of("on_start_attempt"):
            await self._hooks.start_attempt()
        if self._task.process:
            with self._spans.inside("process"):  # with `run()` in it, which is the child's
                value = await self._workplace.processes().run(self._attempt)
        else:
            with self._spans.inside("run()"):
                value = await (call() if self._task.is_async else self._in_thread(call, scope))
        self._returned = True
        return value

    async def _in_thread(self, call: partial[Any], scope: CancelScope) -> Any:
        try:
            value = await self._workplace.threads.run(call)
        except get_cancelled_exc_class():
            if scope.cancel_called:
                logger.warn("the thread of this attempt could not be stopped and was left behind")
            raise
        return await value if inspect.isawaitable(value) else value


async def _enter(stack: AsyncExitStack, middleware: Middleware, context: Context) -> None:
    manager = middleware(context)
    if isinstance(manager, AbstractAsyncContextManager):
        await stack.enter_async_context(manager)
    else:
        stack.enter_context(manager)
