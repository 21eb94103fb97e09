"""What a worker opens once for all its runs."""

from __future__ import annotations

import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar, cast, overload

from runlog.errors import RunlogError, TaskError
from runlog.tasks.middleware import manager_maker

T = TypeVar("T")

current_resources: ContextVar[Mapping[str, Any] | None] = ContextVar("runlog-resources", default=None)
"""Name → value of what the worker has opened, in its attempts; None outside."""


class Resource(Generic[T]):
    """What a function with `@lifespan` yields, open as long as the worker runs."""

    def __init__(self, function: Callable[[], Any]) -> None:
        inner = inspect.unwrap(function)
        code = getattr(inner, "__code__", None)
        self.function = function
        self.name: str = getattr(inner, "__name__", repr(inner))
        self.__doc__ = function.__doc__ or type(self).__doc__
        qualified = getattr(inner, "__qualname__", self.name)
        self.origin = (code.co_filename if code else "?", qualified)
        self.place = f"{qualified} ({code.co_filename}:{code.co_firstlineno})" if code else qualified
        fix = f"@lifespan\nasync def {self.name}(): ...; yield value; ..."
        self._make = manager_maker(function, self.place, "a lifespan", fix)
        needed = [name for name, item in inspect.signature(function).parameters.items() if item.default is item.empty]
        if needed:
            raise TaskError(f"{self.place} takes {', '.join(needed)}", "a lifespan is given nothing", fix)

    def open(self) -> AbstractContextManager[T] | AbstractAsyncContextManager[T]:
        """For the worker: a context manager, sync or async, whose value is the resource."""
        return cast("AbstractContextManager[T] | AbstractAsyncContextManager[T]", self._make())

    def get(self) -> T:
        """The value, in a run. Raises RunlogError outside a worker."""
        opened = current_resources.get()
        if opened is None or self.name not in opened:
            raise RunlogError(
                f"the resource {self.name!r} is not open here",
                "a worker opens it before its first run, and closes it at its end",
                f"with {self.name}.open() as value: ...   # in a program of your own; `async with` where it is async",
            )
        return cast("T", opened[self.name])

    def __repr__(self) -> str:
        return f"<Resource {self.name!r}: {self.place}>"


_registered: dict[str, Resource[Any]] = {}
_lock = threading.Lock()


@overload
def lifespan(function: Callable[[], AsyncIterator[T]]) -> Resource[T]: ...
@overload
def lifespan(function: Callable[[], Iterator[T]]) -> Resource[T]: ...
@overload
def lifespan(function: Callable[[], AbstractAsyncContextManager[T]]) -> Resource[T]: ...
@overload
def lifespan(function: Callable[[], AbstractContextManager[T]]) -> Resource[T]: ...
def lifespan(function: Callable[[], Any]) -> Resource[Any]:
    """Have each worker open something before its first run and close it at its end: a function that yields it once,
    sync or async. `name.get()` and `ctx.resources["name"]` give it to runs.

    They are opened in the order of their definition. One that cannot be opened ends the worker. Raises TaskError for
    what is no such function, and for a name taken.
    """
    resource: Resource[Any] = Resource(function)
    with _lock:
        known = _registered.get(resource.name)
        if known is not None and known.origin != resource.origin:
            raise TaskError(f"two lifespans are named {resource.name!r}", f"{known.place} and {resource.place}")
        _registered[resource.name] = resource
    return resource


def registered_resources() -> tuple[Resource[Any], ...]:
    """In the order of their definition."""
    return tuple(_registered.values())
