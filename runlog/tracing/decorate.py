"""Functions of every kind, with a span round each call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, cast

from runlog.tracing.manager import Attached, FunctionT, SpanManager


def decorate(manager: SpanManager, function: FunctionT) -> FunctionT:
    """Return `function` with a span of `manager` round each call, and otherwise indistinguishable from it.

    Raises TypeError if it cannot be called.
    """
    if not callable(function):
        raise TypeError(f"a span goes round a function; {type(function).__name__} is none")
    kinds: tuple[tuple[Callable[[object], bool], Callable[..., Any]], ...] = (
        (inspect.isasyncgenfunction, _async_generator),
        (inspect.iscoroutinefunction, _coroutine),
        (inspect.isgeneratorfunction, _generator),
    )
    target: Any = function
    while isinstance(target, functools.partial):
        target = target.func
    called = target if inspect.isroutine(target) or isinstance(target, type) else type(target).__call__
    for matches, wrap in kinds:
        if matches(called):
            return cast("FunctionT", wrap(manager, function))
    return cast("FunctionT", _function(manager, function))


def _function(manager: SpanManager, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Any:
        with manager as span:
            result = function(*args, **kwargs)
            manager.keep_result(span, result)
            return result

    return traced


def _coroutine(manager: SpanManager, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def traced(*args: Any, **kwargs: Any) -> Any:
        with manager as span:
            result = await function(*args, **kwargs)
            manager.keep_result(span, result)
            return result

    return traced


def _generator(manager: SpanManager, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        span = manager.start()
        attached = Attached(span)
        try:
            with attached:
                generator = function(*args, **kwargs)
            result = yield from _steps(generator, attached)
            manager.keep_result(span, result)
        except BaseException as error:
            manager.finish(span, error)
            raise
        manager.finish(span, None)
        return result

    return traced


def _steps(generator: Generator[Any, Any, Any], attached: Attached) -> Generator[Any, Any, Any]:
    """Do what `yield from generator` does, with the span attached only while the generator itself runs."""
    step: Callable[[Any], Any] = generator.send
    value: Any = None
    while True:
        try:
            with attached:
                item = step(value)
        except StopIteration as stop:
            return stop.value
        try:
            value = yield item
            step = generator.send
        except GeneratorExit:
            with attached:
                generator.close()
            raise
        except BaseException as error:  # noqa: BLE001
            value, step = error, generator.throw


def _async_generator(manager: SpanManager, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def traced(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        span = manager.start()
        attached = Attached(span)
        try:
            with attached:
                generator: AsyncGenerator[Any, Any] = function(*args, **kwargs)
            step: Callable[[Any], Any] = generator.asend
            value: Any = None
            while True:
                try:
                    with attached:
                        item = await step(value)
                except StopAsyncIteration:
                    break
                try:
                    value = yield item
                    step = generator.asend
                except GeneratorExit:
                    with attached:
                        await generator.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001
                    value, step = error, generator.athrow
        except BaseException as error:
            manager.finish(span, error)
            raise
        manager.finish(span, None)

    return traced
