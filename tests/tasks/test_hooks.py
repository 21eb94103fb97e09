"""Hooks, middleware, lifespans and locals: what may be registered, and in which order."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from typing import Any

import pytest

from runlog.errors import RunlogError, TaskError
from runlog.tasks import Hooks, Local, TaskDecorator, lifespan, middleware
from runlog.tasks.context import Context, TaskInfo
from runlog.tasks.hooks import HOOK_NAMES, HookName
from runlog.tasks.lifespan import Resource, current_resources, registered_resources
from runlog.tasks.middleware import as_middleware, global_middleware

CONTEXT = Context(TaskInfo("work"))
VALUES = {"ctx": CONTEXT, "payload": 1, "output": 2, "error": ValueError(), "reason": "why", "result": 3}


def test_a_hook_gets_the_values_that_it_names(task: TaskDecorator) -> None:
    @task
    async def work(payload: int) -> None: ...

    @work.on_success
    def said(output: int, ctx: Context) -> None: ...

    @work.on_success
    async def too(payload: int, *, output: int) -> None: ...

    @work.on_complete
    def nothing() -> None: ...

    first, second = work.hooks.of("on_success")
    assert first.call_arguments(VALUES) == {"output": 2, "ctx": CONTEXT}
    assert second.call_arguments(VALUES) == {"payload": 1, "output": 2}
    assert (first.is_async, second.is_async) == (False, True)
    assert work.hooks.of("on_complete")[0].call_arguments(VALUES) == {}
    assert work.hooks.of("on_failure") == ()
    assert said.__name__ == "said"  # it is still the function


def test_there_is_a_decorator_for_each_hook_on_a_task_and_for_all(task: TaskDecorator) -> None:
    @task
    async def work() -> None: ...

    everywhere = Hooks()
    for name in HOOK_NAMES:

        def hook(ctx: Context) -> None: ...

        getattr(work, name)(hook)
        getattr(everywhere, name)(hook)
        for hooks in (work.hooks, everywhere):
            assert [known.function for known in hooks.of(name)] == [hook]


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("on_success", lambda error: None),
        ("on_failure", lambda output: None),
        ("on_complete", lambda outcome: None),
        ("on_start_attempt", lambda payloud=None: None),
        ("on_wait", lambda result: None),
        ("catch_error", lambda *args: None),
        ("catch_error", lambda **values: None),
        ("on_cancel", "text"),
        ("on_cancel", int),
    ],
)
def test_a_hook_that_wants_what_there_is_not_is_refused_at_once(name: HookName, function: Any) -> None:
    hooks = Hooks()
    with pytest.raises(TaskError):
        getattr(hooks, name)(function)
    assert hooks.of(name) == ()


def test_what_is_wrong_with_a_hook_is_said() -> None:
    with pytest.raises(TaskError) as error:

        @Hooks().on_failure
        def tell(ctx: Context, exception: Exception) -> None: ...

    text = str(error.value)
    assert "takes exception" in text
    assert "on_failure does not have" in text
    assert "ctx, payload, error" in text
    assert f"{__file__}:" in text


def test_a_module_imported_again_has_its_hooks_once() -> None:
    hooks = Hooks()

    def define() -> Any:
        @hooks.on_failure
        def again() -> None: ...

        return again

    define()
    newest = define()
    assert [hook.function for hook in hooks.of("on_failure")] == [newest]


# Middleware.


def _entered(made: Any, context: Context) -> str:
    manager = made(context)
    return "async" if isinstance(manager, contextlib.AbstractAsyncContextManager) else "sync"


def test_middleware_may_be_written_in_four_ways() -> None:
    async def async_yields(ctx: Context) -> AsyncIterator[None]:
        yield

    def yields(ctx: Context) -> Iterator[None]:
        yield

    @contextlib.asynccontextmanager
    async def async_managed(ctx: Context) -> AsyncIterator[None]:
        yield

    def returns(ctx: Context) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    made = as_middleware([async_yields, yields, async_managed])
    assert [_entered(one, CONTEXT) for one in made] == ["async", "sync", "async"]
    assert isinstance(as_middleware([returns])[0](CONTEXT), contextlib.nullcontext)
    assert [one.name for one in made] == ["async_yields", "yields", "async_managed"]


async def _no_yield(ctx: Context) -> None: ...


@pytest.mark.parametrize("functions", [[_no_yield], ["text"], [int], "text", _no_yield])
def test_what_is_no_middleware_is_refused(task: TaskDecorator, functions: Any) -> None:
    with pytest.raises(TaskError):
        task(middleware=functions)(_no_yield)


def test_middleware_of_all_tasks_is_kept_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("runlog.tasks.middleware"), "_registered", ())

    def define() -> None:
        @middleware
        def outer(ctx: Context) -> Iterator[None]:
            yield

        @middleware
        async def inner(ctx: Context) -> AsyncIterator[None]:
            yield

    define()
    assert [one.name for one in global_middleware()] == ["outer", "inner"]
    define()  # as a module that is imported again does
    assert [one.name for one in global_middleware()] == ["outer", "inner"]


# Lifespans.


@pytest.fixture
def no_resources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("runlog.tasks.lifespan"), "_registered", {})


@pytest.mark.usefixtures("no_resources")
def test_a_resource_is_there_where_a_worker_opened_it() -> None:
    @lifespan
    def number() -> Iterator[int]:
        """A number."""
        yield 7

    assert (number.name, number.__doc__) == ("number", "A number.")
    assert registered_resources() == (number,)
    with pytest.raises(RunlogError, match="'number' is not open here"):
        number.get()
    manager = number.open()
    assert isinstance(manager, contextlib.AbstractContextManager)
    with manager as value:
        token = current_resources.set({"number": value})
        assert number.get() == 7
        current_resources.reset(token)


@pytest.mark.usefixtures("no_resources")
def test_what_is_no_lifespan_is_refused() -> None:
    async def no_yield() -> int:
        return 7

    def wants(settings: int) -> Iterator[int]:
        yield settings

    wrong: list[Any] = [no_yield, wants, 5]
    for function in wrong:
        with pytest.raises(TaskError):
            lifespan(function)
    assert registered_resources() == ()


@pytest.mark.usefixtures("no_resources")
def test_two_lifespans_of_one_name_are_an_error() -> None:
    def first() -> Resource[int]:
        @lifespan
        def database() -> Iterator[int]:
            yield 1

        return database

    def second() -> None:
        @lifespan
        def database() -> Iterator[int]:
            yield 2

    first()
    newest = first()  # as a module that is imported again does
    with pytest.raises(TaskError) as error:
        second()
    assert str(error.value).count(f"{__file__}:") == 2
    assert registered_resources() == (newest,)


# Locals.


def test_a_local_is_what_was_set_in_this_context() -> None:
    client = Local[int]("client")
    with pytest.raises(TaskError, match="'client' is not set here"):
        client.get()
    assert client.get(None) is None
    client.set(5)
    assert client.get() == 5
    assert contextvars.copy_context().run(client.get) == 5
    assert contextvars.Context().run(client.get, "none") == "none"
