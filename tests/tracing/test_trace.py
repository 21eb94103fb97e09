"""`trace()` in each of its forms."""

from __future__ import annotations

import asyncio
import functools
import inspect
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any, assert_type

import anyio
import pytest
from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace import Span as ApiSpan

from runlog.tracing.span import Span
from runlog.tracing.trace import CURRENT, Parent, trace
from tests.tracing.conftest import Log, within


def current_name() -> str:
    span = api.get_current_span()
    return span.name if isinstance(span, Span) else ""


@trace("pickled")
def module_level(number: int) -> int:
    return number + 1


@pytest.mark.anyio
async def test_a_function_that_takes_the_span(log: Log) -> None:
    async def fetch(span: ApiSpan) -> str:
        span.set_attribute("user.id", 7)
        await anyio.sleep(0)
        return current_name()

    def compute(span: ApiSpan) -> int:
        assert current_name() == "compute"
        return 42

    assert await trace("fetch", fetch, {"a": 1}, b=2) == "fetch"
    assert await trace("compute", compute, record_result=True) == 42
    assert current_name() == ""
    spans = log.spans()
    assert spans["fetch"].attributes == {"a": 1, "b": 2, "user.id": 7}
    assert spans["compute"].extra == {"result": 42}


@pytest.mark.anyio
async def test_nothing_runs_until_it_is_awaited(log: Log) -> None:
    ran: list[int] = []
    pending = trace("work", lambda span: ran.append(1))
    assert inspect.iscoroutine(pending)
    assert ran == []
    assert log.events() == []
    await pending
    assert ran == [1]
    assert log.span().name == "work"


def test_a_forgotten_await_is_warned_of(log: Log) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        forgotten: Any = trace("work", lambda span: None)
        del forgotten
    assert any("never awaited" in str(warning.message) for warning in caught)


@pytest.mark.anyio
async def test_what_a_function_raises_comes_out(log: Log) -> None:
    error = ValueError("x")

    async def fail(span: ApiSpan) -> None:
        raise error

    with pytest.raises(ValueError) as caught:
        await trace("work", fail)
    assert caught.value is error
    assert log.span().status == "error"


def test_it_can_be_a_task_of_its_own(log: Log) -> None:
    async def main() -> list[str]:
        async def name(span: ApiSpan) -> str:
            await asyncio.sleep(0)
            return current_name()

        with trace("parent"):
            task = asyncio.create_task(trace("task", name))
            return [await task, *await asyncio.gather(trace("a", name), trace("b", name))]

    assert asyncio.run(main()) == ["task", "a", "b"]
    spans = log.spans()
    assert {spans[name].parent_id for name in ("task", "a", "b")} == {spans["parent"].span_id}


def test_a_with_block(log: Log) -> None:
    with trace("save", None, {"name": "collides", "parent": 1}, table="users") as span:
        assert current_name() == "save"
        span.set_attribute("rows", 3)
    assert log.span().attributes == {"name": "collides", "parent": 1, "table": "users", "rows": 3}


def test_attributes_as_the_second_argument(log: Log) -> None:
    with trace("save", {"table": "users", "n": 1}, n=2):
        pass
    assert log.span().attributes == {"table": "users", "n": 2}


@pytest.mark.anyio
async def test_an_async_with_block(log: Log) -> None:
    async with trace("save", table="users") as span:
        span.set_attribute("rows", 3)
        await anyio.sleep(0)
    assert log.span().attributes == {"table": "users", "rows": 3}


def test_an_icon_is_there_from_the_start(log: Log) -> None:
    with trace("save", icon="tabler-database"):
        opened = log.wait_for(lambda event: event.kind == "open")
        assert opened.extra == {"icon": "tabler-database"}
    assert log.span().extra == {"icon": "tabler-database"}


def test_a_function_is_decorated(log: Log) -> None:
    @trace("double", kind_of="math", record_result=True)
    def double(number: int) -> int:
        """Twice."""
        assert current_name() == "double"
        return 2 * number

    assert [double(1), double(2)] == [2, 4]
    assert double.__doc__ == "Twice."
    assert str(inspect.signature(double)) == "(number: 'int') -> 'int'"
    spans = [event for event in log.events() if event.kind == "span"]
    assert len({span.span_id for span in spans}) == 2
    assert [span.extra for span in spans] == [{"result": 2}, {"result": 4}]
    assert [span.attributes for span in spans] == [{"kind_of": "math"}] * 2


def test_a_decorated_function_pickles(log: Log) -> None:
    assert pickle.loads(pickle.dumps(module_level))(1) == 2
    assert module_level.__qualname__ == "module_level"


@pytest.mark.anyio
async def test_a_coroutine_function_is_decorated(log: Log) -> None:
    @trace("double", record_result=True)
    async def double(number: int) -> int:
        await anyio.sleep(0)
        assert current_name() == "double"
        return 2 * number

    assert inspect.iscoroutinefunction(double)
    assert await double(2) == 4
    assert log.span().extra == {"result": 4}


@pytest.mark.anyio
async def test_methods_partials_and_callable_objects(log: Log) -> None:
    class Service:
        @trace("method")
        def method(self, number: int) -> int:
            return number

        @staticmethod
        @trace("static")
        async def static(number: int) -> int:
            return number

        async def __call__(self, number: int) -> str:
            await anyio.sleep(0)
            return current_name()

    service = Service()
    assert service.method(1) == 1
    assert await Service.static(2) == 2
    called: Any = trace("callable")(service)
    assert await called(3) == "callable"
    partial = trace("partial")(functools.partial(service, 4))
    assert await partial() == "partial"
    assert sorted(log.spans()) == ["callable", "method", "partial", "static"]


def test_what_is_no_function_is_refused(log: Log) -> None:
    with pytest.raises(TypeError, match="must be a function"):
        trace("work", 3)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="goes round a function"):
        trace("work")(3)  # type: ignore[type-var]


def test_one_object_may_be_entered_many_times(log: Log) -> None:
    shared = trace("work")
    with shared as outer, shared as inner:
        assert outer is not inner
        assert api.get_current_span() is inner
    with shared:
        pass
    spans = [event for event in log.events() if event.kind == "span"]
    assert len({span.span_id for span in spans}) == 3
    assert spans[0].parent_id == spans[1].span_id


@pytest.mark.anyio
async def test_one_object_may_be_shared_by_tasks(log: Log) -> None:
    shared = trace("work")
    both_entered, first_left = anyio.Event(), anyio.Event()

    async def first() -> None:
        with shared as span:
            await both_entered.wait()
            span.set_attribute("who", "first")
        assert not span.is_recording()
        assert current_name() == ""
        first_left.set()

    async def second() -> None:
        with shared as span:
            both_entered.set()
            await first_left.wait()
            assert span.is_recording()
            assert api.get_current_span() is span
            span.set_attribute("who", "second")
        assert not span.is_recording()

    async with anyio.create_task_group() as group:
        group.start_soon(first)
        group.start_soon(second)
    assert [event.attributes for event in log.events() if event.kind == "span"] == [{"who": "first"}, {"who": "second"}]


def test_a_trace_of_its_own_stays_in_the_run(log: Log) -> None:
    with within("run_5"), trace("outer"), trace("detached", parent=None), trace("below"):
        pass
    spans = log.spans()
    assert spans["detached"].parent_id is None
    assert spans["detached"].trace_id != spans["outer"].trace_id
    assert spans["below"].trace_id == spans["detached"].trace_id
    assert {span.run_id for span in spans.values()} == {"run_5"}


def test_a_trace_of_its_own_under_a_foreign_use_span_stays_in_the_run(log: Log) -> None:
    with within("run_5"):
        span = log.tracer.start_span("outer")
    with api.use_span(span, end_on_exit=True), trace("detached", parent=None):
        pass
    assert log.spans()["detached"].run_id == "run_5"


def test_a_parent_can_be_given(log: Log) -> None:
    with trace("one") as one:
        pass
    remote = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
    context = api.set_span_in_context(NonRecordingSpan(remote))
    with trace("two"):
        parents: dict[str, Parent] = {"span": one, "context": context, "span context": remote, "current": CURRENT}
        for name, parent in parents.items():
            with trace(name, parent=parent):
                pass
        with pytest.raises(TypeError, match="parent must be"), trace("no", parent="one"):  # type: ignore[call-overload]
            pass
    spans = log.spans()
    assert spans["span"].parent_id == spans["one"].span_id
    assert spans["context"].parent_id == spans["span context"].parent_id == (2).to_bytes(8)
    assert spans["current"].parent_id == spans["two"].span_id


def test_links_are_spans_or_contexts(log: Log) -> None:
    with trace("one") as one:
        pass
    remote = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
    items: list[Any] = [one, remote, Link(remote, {"k": 1}), api.set_span_in_context(one, Context())]
    with trace("two", links=items):
        pass
    extra = log.spans()["two"].extra
    assert extra is not None
    ids = [link["span_id"] for link in extra["links"]]
    one_id = format(one.get_span_context().span_id, "016x")
    assert ids == [one_id, f"{2:016x}", f"{2:016x}", one_id]


@pytest.mark.anyio
async def test_types_are_kept(log: Log) -> None:
    """Checked by the type checker: each form keeps what the work returns and takes."""

    async def fetch(span: ApiSpan) -> int:
        return 1

    def compute(span: ApiSpan) -> str:
        return "x"

    @trace("decorated")
    async def decorated(number: int, *, flag: bool = False) -> float:
        return float(number)

    @trace("numbers")
    def numbers(limit: int) -> Iterator[int]:
        yield from range(limit)

    assert_type(await trace("fetch", fetch), int)
    assert_type(await trace("compute", compute), str)
    assert_type(await decorated(1, flag=True), float)
    assert_type(list(numbers(2)), list[int])
    with trace("with") as span:
        assert_type(span, ApiSpan)


def test_the_sdk_is_not_imported_before_the_first_span(log: Log) -> None:
    code = """
import sys
from runlog.tracing import scope, propagation, attach
from runlog.tracing.trace import trace
decorated = trace("x")(lambda: 1)
assert not [name for name in sys.modules if name.startswith("opentelemetry.sdk")]
with trace("first"):
    pass
assert "opentelemetry.sdk.trace" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
