"""Carrying the context to where Python does not take it by itself: threads, executors, other processes."""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import Callable, Coroutine, Generator, Mapping, MutableMapping
from types import coroutine
from typing import Any, ParamSpec, TypeVar, cast

from opentelemetry.context import Context

P = ParamSpec("P")
T = TypeVar("T")


def copy_context(fn: Callable[P, T]) -> Callable[P, T]:
    """Return `fn` bound to a copy of the caller's context: all its context variables, the current span and run.

    For raw threads, executors and callbacks; task groups, `to_thread` and `asyncio.gather` carry the context by
    themselves. Each call runs in a copy of its own, so calls may overlap. A coroutine function stays one.
    """
    context = contextvars.copy_context()
    if inspect.iscoroutinefunction(fn):

        @functools.wraps(fn)
        async def bound_coroutine(*args: P.args, **kwargs: P.kwargs) -> Any:
            return await _run_in(context.copy(), fn(*args, **kwargs))

        return cast("Callable[P, T]", bound_coroutine)

    @functools.wraps(fn)
    def bound(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.copy().run(fn, *args, **kwargs)

    return bound


@coroutine
def _run_in(context: contextvars.Context, work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    step: Callable[[Any], Any] = work.send
    value: Any = None
    while True:
        try:
            awaited = context.run(step, value)
        except StopIteration as stop:
            return cast("T", stop.value)
        try:
            value, step = (yield awaited), work.send
        except BaseException as error:  # noqa: BLE001
            value, step = error, work.throw


def inject(carrier: MutableMapping[str, str] | None = None, context: Context | None = None) -> MutableMapping[str, str]:
    """Write the current context (or `context`) into `carrier`, as W3C `traceparent` or what OTEL_PROPAGATORS says."""
    from opentelemetry import propagate

    carrier = {} if carrier is None else carrier
    propagate.inject(carrier, context)
    return carrier


def extract(carrier: Mapping[str, str], context: Context | None = None) -> Context:
    """Return the context that `carrier` holds, on top of `context`: give it as `parent` to continue its trace."""
    from opentelemetry import propagate

    return propagate.extract(carrier, context)
