"""The current span and run go where the work goes."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from opentelemetry import context as otel
from opentelemetry import trace as api
from opentelemetry.trace import SpanContext

from runlog.tracing.propagation import copy_context
from runlog.tracing.scope import current_place, current_scope
from runlog.tracing.trace import trace
from tests.tracing.conftest import Log, in_run, within

user: ContextVar[str] = ContextVar("user", default="nobody")


def work(name: str) -> str:
    with trace(name):
        scope = current_scope()
        return scope.run_id if scope else "none"


async def async_work(name: str) -> str:
    await anyio.sleep(0)
    return work(name)


def assert_children(log: Log, *names: str) -> None:
    spans = log.spans()
    assert sorted(names) == sorted(name for name in spans if name != "parent")
    for name in names:
        assert spans[name].parent_id == spans["parent"].span_id, name
        assert spans[name].run_id == "run_1", name


@pytest.mark.anyio
async def test_anyio_carries_it(log: Log) -> None:
    def in_thread() -> None:
        work("to_thread")
        anyio.from_thread.run(async_work, "from_thread")
        anyio.from_thread.run_sync(work, "from_thread sync")

    with within(), trace("parent"):
        async with anyio.create_task_group() as group:
            group.start_soon(async_work, "task group")
        await anyio.to_thread.run_sync(in_thread)
    assert_children(log, "task group", "to_thread", "from_thread", "from_thread sync")


def test_asyncio_carries_it(log: Log) -> None:
    async def main() -> None:
        with within(), trace("parent"):
            await asyncio.gather(async_work("gather 1"), async_work("gather 2"))
            await asyncio.create_task(async_work("task"))
            await asyncio.to_thread(work, "to_thread")

    asyncio.run(main())
    assert_children(log, "gather 1", "gather 2", "task", "to_thread")


def test_copy_context_takes_it_into_threads(log: Log) -> None:
    with within(), trace("parent"), ThreadPoolExecutor(4) as pool:
        user.set("alice")
        thread = threading.Thread(target=copy_context(work), args=("thread",))
        thread.start()
        thread.join()
        # One bound function, called by several threads at once.
        together = threading.Barrier(4)
        bound = copy_context(lambda name: (together.wait(10) >= 0 and work(name), user.get()))
        results = list(pool.map(bound, [f"pool {number}" for number in range(8)]))
        assert pool.submit(work, "without").result() == "none"
    user.set("nobody")
    assert results == [("run_1", "alice")] * 8
    spans = log.spans()
    assert spans.pop("without").run_id is None
    assert len(spans) == 10
    assert {span.parent_id for name, span in spans.items() if name != "parent"} == {spans["parent"].span_id}


def test_copy_context_binds_at_the_call(log: Log) -> None:
    with trace("parent"):
        bound = copy_context(work)
    with trace("other"):
        bound("child")
    spans = log.spans()
    assert spans["child"].parent_id == spans["parent"].span_id


@pytest.mark.anyio
async def test_copy_context_of_a_coroutine_function(log: Log) -> None:
    async def both(name: str) -> str:
        await anyio.sleep(0)
        result = await async_work(name)
        with pytest.raises(ValueError):
            raise ValueError
        return f"{result} {user.get()}"

    token = user.set("bob")
    with within(), trace("parent"):
        bound = copy_context(both)
    user.reset(token)
    with trace("other"):
        assert await bound("child") == "run_1 bob"
    spans = log.spans()
    assert spans["child"].parent_id == spans["parent"].span_id


@pytest.mark.anyio
async def test_a_consumer_that_was_there_before_adopts_a_parent(log: Log) -> None:
    send, receive = anyio.create_memory_object_stream[tuple[str, SpanContext]](10)

    async def consume() -> None:
        async with receive:
            async for name, parent in receive:
                with trace(name, parent=parent):
                    pass

    async with anyio.create_task_group() as group, send:
        group.start_soon(consume)
        await anyio.wait_all_tasks_blocked()
        with trace("producer") as span:
            await send.send(("consumed", span.get_span_context()))
    spans = log.spans()
    assert spans["consumed"].parent_id == spans["producer"].span_id
    assert spans["consumed"].trace_id == spans["producer"].trace_id


@pytest.mark.anyio
async def test_a_thousand_runs_at_once(log: Log) -> None:
    async def run(number: int) -> None:
        _, context = in_run(f"run_{number}")
        with log.tracer.start_as_current_span(f"attempt {number}", context=context):
            await anyio.sleep(0)
            async with anyio.create_task_group() as group:
                for part in range(2):
                    group.start_soon(async_work, f"{number}.{part}")
            if number % 50 == 0:
                await anyio.to_thread.run_sync(work, f"{number}.thread")

    async with anyio.create_task_group() as group:
        for number in range(1000):
            group.start_soon(run, number)
    spans = log.spans()
    assert len(spans) == 3020
    for name, span in spans.items():
        own = name.removeprefix("attempt ").split(".")[0]
        assert span.run_id == f"run_{own}"
        if not name.startswith("attempt"):
            assert span.parent_id == spans[f"attempt {own}"].span_id


def test_where_a_record_belongs(log: Log) -> None:
    assert current_place() == (None, None, None)
    with within("run_3"):
        assert current_place() == ("run_3", None, None)
        with trace("work") as span:
            context = span.get_span_context()
            place = ("run_3", context.trace_id.to_bytes(16), context.span_id.to_bytes(8))
            assert current_place() == place
            token = otel.attach(api.set_span_in_context(api.NonRecordingSpan(context)))
            assert current_place() == place
            otel.detach(token)
