"""What is put round the code of an attempt, of one task or of all."""

from __future__ import annotations

import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from runlog.errors import TaskError

if TYPE_CHECKING:
    from runlog.tasks.context import Context

Manager = AbstractContextManager[Any] | AbstractAsyncContextManager[Any]
"""A context manager, sync or async."""


if TYPE_CHECKING:
    MiddlewareFunction = Callable[[Context], Manager | Iterator[Any] | AsyncIterator[Any]]
    F = TypeVar("F", bound=MiddlewareFunction)


class Middleware:
    """A function of the context that returns a context manager, sync or async; or yields once, as one would."""

    def __init__(self, function: MiddlewareFunction) -> None:
        """Raises TaskError if it is no such function."""
        self.function = function
        inner = inspect.unwrap(function)
        code = getattr(inner, "__code__", None)
        self.name = getattr(inner, "__name__", repr(inner))
        qualified = getattr(inner, "__qualname__", self.name)
        self.origin = (code.co_filename if code else "?", qualified)
        self.place = f"{qualified} ({code.co_filename}:{code.co_firstlineno})" if code else qualified
        self._make = manager_maker(function, self.place, "a middleware", "async def session(ctx): ...; yield; ...")

    def __call__(self, context: Context) -> Manager:
        """The context manager for an attempt; what it raises fails the attempt."""
        return self._make(context)

    def __repr__(self) -> str:
        return f"<Middleware {self.place}>"


_registered: tuple[Middleware, ...] = ()
_lock = threading.Lock()


def middleware(function: F) -> F:
    """Put a function round each attempt of all tasks: it takes the context, and yields where the attempt's code runs.

    The code, `on_start_attempt` and the hooks of waits run inside, those of the end after it; a function defined
    earlier is further outside. What it raises fails the attempt. For one task only: `@task(middleware=[function])`.
    Raises TaskError for what is no such function.
    """
    global _registered
    new = Middleware(function)
    with _lock:
        _registered = (*(other for other in _registered if other.origin != new.origin), new)
    return function


def global_middleware() -> tuple[Middleware, ...]:
    """That of all tasks, the outermost first."""
    return _registered


def as_middleware(functions: Sequence[MiddlewareFunction] | Any) -> tuple[Middleware, ...]:
    """Raises TaskError."""
    if callable(functions) or isinstance(functions, str):
        raise TaskError(f"middleware is {functions!r}", "it is a list of functions", "@task(middleware=[session])")
    return tuple(Middleware(function) for function in functions)


def manager_maker(function: Any, place: str, what: str, fix: str) -> Callable[..., Manager]:
    """What makes the context manager: the function itself, or where it yields, its wrapped form. Raises TaskError."""
    if not callable(function) or inspect.isclass(function):
        raise TaskError(f"{function!r} is no function", f"{what} is one", fix)
    if inspect.isasyncgenfunction(function):
        return asynccontextmanager(function)
    if inspect.isgeneratorfunction(function):
        return contextmanager(function)
    if inspect.iscoroutinefunction(function):
        raise TaskError(f"{place} does not yield", f"{what} yields once, where the code inside it runs", fix)
    return cast("Callable[..., Manager]", function)
