"""`@task`."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, overload

from runlog.errors import TaskError
from runlog.tasks.checks import check_count, check_duration, check_priority, check_tags
from runlog.tasks.context import Context
from runlog.tasks.middleware import as_middleware
from runlog.tasks.options import check_version
from runlog.tasks.queue import Queue, check_queue_name
from runlog.tasks.registry import Registry, check_id, registry
from runlog.tasks.retry import Retry
from runlog.tasks.task import AsyncTask, SyncTask, Task, TaskSettings

if TYPE_CHECKING:
    from runlog.tasks.middleware import MiddlewareFunction

P = TypeVar("P")
R = TypeVar("R")

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def kebab_case(name: str) -> str:
    """`sync_user` and `syncUser` → `sync-user`."""
    return _CAMEL.sub("-", name.strip("_")).replace("_", "-").lower()


class TaskDecorator:
    """Makes a function a task, bare (`@task`) or with options (`@task(retry=5)`).

    `id` is the function's name in kebab case unless given. `retry` is a `Retry`, a number of attempts, or the default
    `Retry()`; `retry=1` means none. `queue` is a `Queue` or the name of one; each task has its own, named as its id,
    unless given. `max_duration` limits each attempt, in seconds or as a timedelta, waits left out. `ttl`, `priority`,
    `tags` and `version` are what triggers have unless they say otherwise; see `TriggerOptions`. `middleware` is put
    round each attempt, inside that of all tasks. `process=True` runs each attempt in a process of its own, `memory`
    (MiB) limits what that may use. The function takes one payload of a type that pydantic understands, or none, and
    the run's `Context` in a parameter annotated so. Raises TaskError for what cannot be a task, for a wrong option, and
    for an id taken.
    """

    def __init__(self, registry: Registry, options: Mapping[str, Any] | None = None) -> None:
        self._registry, self._options = registry, options or {}

    # An async function is a sync one that returns a coroutine, so the first four overlap the next four: order decides.
    @overload
    def __call__(self, function: Callable[[P, Context], Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[[Context], Coroutine[Any, Any, R]], /) -> AsyncTask[None, R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[[P], Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[[], Coroutine[Any, Any, R]], /) -> AsyncTask[None, R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[[P, Context], R], /) -> SyncTask[P, R]: ...
    @overload
    def __call__(self, function: Callable[[Context], R], /) -> SyncTask[None, R]: ...
    @overload
    def __call__(self, function: Callable[[P], R], /) -> SyncTask[P, R]: ...
    @overload
    def __call__(self, function: Callable[[], R], /) -> SyncTask[None, R]: ...
    @overload
    def __call__(
        self,
        *,
        id: str | None = None,
        retry: Retry | int | None = None,
        queue: str | Queue | None = None,
        max_duration: float | timedelta | None = None,
        tags: Sequence[str] = (),
        ttl: float | timedelta | None = None,
        priority: float | timedelta = 0,
        process: bool = False,
        memory: int | None = None,
        middleware: Sequence[MiddlewareFunction] = (),
        version: str | None = None,
    ) -> TaskDecorator: ...
    def __call__(self, function: Any = None, /, **options: Any) -> Any:  # type: ignore[misc] # *, id=... in full
        if function is None:
            return TaskDecorator(self._registry, {**self._options, **options})
        made = _make(function, _names_around(function), **self._options)
        self._registry.add(made)
        return made


task = TaskDecorator(registry)


def _make(
    function: Callable[..., Any],
    names: Mapping[str, Any],
    *,
    id: str | None = None,  # noqa: A002 - the word of the API
    queue: str | Queue | None = None,
    **options: Any,
) -> Task[Any, Any]:
    _check_function(function)
    is_async = inspect.iscoroutinefunction(inspect.unwrap(function))
    made: Task[Any, Any] = (AsyncTask if is_async else SyncTask)(
        function,
        id=check_id(_default_id(function) if id is None else id),
        queue=check_queue_name(queue) if isinstance(queue, str) else queue,
        settings=_settings(**options),
        names=names,
    )
    try:
        _ = made.signature
    except TaskError as error:
        if not isinstance(error.__cause__, NameError):  # a type that is defined further down: read when first needed
            raise
    return made


def _settings(
    *,
    retry: Retry | int | None = None,
    max_duration: float | timedelta | None = None,
    tags: Sequence[str] = (),
    ttl: float | timedelta | None = None,
    priority: float | timedelta = 0,
    process: bool = False,
    memory: int | None = None,
    middleware: Sequence[MiddlewareFunction] = (),
    version: str | None = None,
) -> TaskSettings:
    if memory is not None and not process:
        raise TaskError(
            f"memory={memory!r} without process=True",
            "a limit needs a process of the attempt's own",
            "@task(process=True, memory=512)   # MiB",
        )
    return TaskSettings(
        retry=Retry.of(retry),
        max_duration=None if max_duration is None else check_duration(max_duration, "max_duration", zero=False),
        tags=check_tags(tags),
        ttl=None if ttl is None else check_duration(ttl, "ttl", zero=False),
        priority=check_priority(priority),
        process=bool(process),
        memory=None if memory is None else check_count(memory, "memory"),
        middleware=as_middleware(middleware),
        version=None if version is None else check_version(version),
    )


def _default_id(function: Any) -> str:
    name = getattr(function, "__name__", "<no name>")
    if "<" in name:
        raise TaskError(f"{function!r} has no name to make an id of", fix='task(id="send-email")(function)')
    return kebab_case(name)


def _check_function(function: Any) -> None:
    if isinstance(function, Task):
        raise TaskError(f"{function!r} is a task already", fix="remove one of the two @task")
    if not callable(function) or inspect.isclass(function):
        raise TaskError(
            f"{function!r} is no function", "@task makes a function a task", "@task\nasync def name(payload): ..."
        )
    inner = inspect.unwrap(function)
    name = getattr(inner, "__qualname__", repr(inner))
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise TaskError(f"{name} yields", "a task returns one value", "return it, or return a list")
    try:
        first = next(iter(inspect.signature(function).parameters), None)
    except ValueError as error:
        raise TaskError(f"cannot see what {name} takes", str(error), "write a function that calls it") from error
    if first in ("self", "cls") and "." in name.rpartition("<locals>.")[2] and not inspect.ismethod(function):
        raise TaskError(
            f"{name} is a method",
            f"a worker has no {first!r} to call it with",
            "@task\n@staticmethod\nasync def name(payload): ...   # or a function of the module",
        )


def _names_around(function: Callable[..., Any]) -> Mapping[str, Any]:
    """The local names where a nested function is decorated: annotations that are text may need them."""
    if "<locals>" not in getattr(function, "__qualname__", ""):
        return {}
    return dict(sys._getframe(2).f_locals)
