"""Generators and async generators with a span round them: current inside, never in the consumer."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any

import anyio
import anyio.to_thread
import pytest

from runlog.tracing.trace import trace
from tests.tracing.conftest import Log
from tests.tracing.test_trace import current_name


def counter(log: Log, seen: list[str]) -> Any:
    @trace("count", record_result=True)
    def count(limit: int) -> Generator[int, int | None, str]:
        for number in range(limit):
            seen.append(current_name())
            with trace("step"):
                sent = yield number
                seen.append(current_name())
            if sent is not None:
                seen.append(f"got {sent}")
        return "done"

    return count


def test_a_generator_does_not_leak_its_span(log: Log) -> None:
    seen: list[str] = []
    count = counter(log, seen)
    assert inspect.isgeneratorfunction(count)
    with trace("consumer"):
        for _ in count(2):
            assert current_name() == "consumer"
            with trace("consumed"):
                pass
    assert seen == ["count", "step", "count", "step"]
    spans = {event.span_id: event for event in log.events() if event.kind == "span"}
    names = [(span.name, spans[span.parent_id].name if span.parent_id else None) for span in spans.values()]
    assert names == [
        ("consumed", "consumer"),
        ("step", "count"),
        ("consumed", "consumer"),
        ("step", "count"),
        ("count", "consumer"),
        ("consumer", None),
    ]
    (ended,) = [span for span in spans.values() if span.name == "count"]
    assert ended.extra == {"result": "done"}


def test_a_generator_takes_what_is_sent_and_thrown(log: Log) -> None:
    seen: list[str] = []
    generator = counter(log, seen)(3)
    assert next(generator) == 0
    assert generator.send(5) == 1
    assert seen == ["count", "step", "got 5", "count"]
    error = ValueError("thrown")
    with pytest.raises(ValueError) as caught:
        generator.throw(error)
    assert caught.value is error
    assert error.__context__ is None
    spans = {event.name: event for event in log.events() if event.kind == "span"}
    assert spans["count"].status == "error"


def test_a_generator_that_is_left_early_ends_its_span(log: Log) -> None:
    closed: list[str] = []

    @trace("count")
    def count() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(current_name())

    for _ in count():
        break
    generator = count()
    next(generator)
    generator.close()  # type: ignore[attr-defined]
    unstarted = count()
    unstarted.close()  # type: ignore[attr-defined]
    assert closed == ["count", "count"]
    assert current_name() == ""
    assert [event.status for event in log.events() if event.kind == "span"] == ["unset", "unset"]


def test_a_generator_stepped_by_other_threads(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []
    generator = counter(log, seen)(3)
    next(generator)

    async def main() -> None:
        await anyio.to_thread.run_sync(next, generator)
        await anyio.to_thread.run_sync(generator.close)

    anyio.run(main)
    assert seen == ["count", "step", "count"]
    assert caplog.records == []
    assert [event.name for event in log.events() if event.kind == "span"] == ["step", "step", "count"]


@pytest.mark.anyio
async def test_an_async_generator_does_not_leak_its_span(log: Log) -> None:
    seen: list[str] = []

    @trace("count")
    async def count(limit: int) -> AsyncGenerator[int, int | None]:
        for number in range(limit):
            await anyio.sleep(0)
            seen.append(current_name())
            with trace("step"):
                sent = yield number
            seen.append(f"got {sent}")

    assert inspect.isasyncgenfunction(count)
    with trace("consumer"):
        async for _ in count(2):
            assert current_name() == "consumer"
    generator = count(2)
    assert await generator.asend(None) == 0
    assert await generator.asend(7) == 1
    error = ValueError("thrown")
    with pytest.raises(ValueError) as caught:
        await generator.athrow(error)
    assert caught.value is error
    assert seen == ["count", "got None", "count", "got None", "count", "got 7", "count"]
    spans = [event for event in log.events() if event.kind == "span"]
    assert [span.status for span in spans if span.name == "count"] == ["unset", "error"]


@pytest.mark.anyio
async def test_an_async_generator_that_is_left_early_ends_its_span(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    @trace("count")
    async def count() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await anyio.sleep(0)

    generator = count()
    async for _ in generator:
        break

    async def close() -> None:
        await generator.aclose()  # type: ignore[attr-defined]

    async with anyio.create_task_group() as group:  # closed by another task than the one that used it
        group.start_soon(close)
    assert current_name() == ""
    assert caplog.records == []
    assert log.span().status == "unset"


@pytest.mark.anyio
async def test_a_cancelled_async_generator(log: Log) -> None:
    @trace("count")
    async def count() -> AsyncIterator[int]:
        yield 1
        await anyio.sleep_forever()

    with anyio.move_on_after(0.01):
        async for _ in count():
            pass
    assert log.span().status == "canceled"


@pytest.mark.anyio
async def test_a_span_held_open_by_a_generator_of_another_task(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    """A with block in a plain generator that another task closes: no error, and ended once."""

    async def numbers() -> AsyncIterator[int]:
        with trace("held"):
            yield 1

    generator = numbers()
    await anext(generator)

    async def close() -> None:
        await generator.aclose()  # type: ignore[attr-defined]

    async with anyio.create_task_group() as group:
        group.start_soon(close)
    assert caplog.records == []
    assert log.span().name == "held"
