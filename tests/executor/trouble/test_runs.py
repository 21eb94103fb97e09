"""What looks on, with real runs."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from runlog import wait
from runlog.cli.details import node_details
from runlog.executor.trouble import BLOCKED, STACKS, Lookout
from runlog.executor.trouble.lookout import EVERY_WAITING
from runlog.stores.base import Event
from runlog.stores.tree import Node
from runlog.tasks.context import current_run
from tests.executor.bench import Bench, open_bench
from tests.executor.trouble.test_blocked import block_until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bench(anyio_backend: Any) -> AsyncIterator[Bench]:
    async with open_bench(worker={"concurrency": 4, "grace": 0.2, "threads": 4}) as opened:
        looking = Lookout(opened.engine, opened.settings)
        opened.executor = opened.new_executor(observer=looking)
        yield opened


def stacks(bench: Bench, run_id: str) -> list[Event]:
    return [event for event in bench.stored(run_id)[1] if event.kind == "log" and event.name == STACKS]


async def told(bench: Bench, run_id: str) -> Event:
    await bench.until(lambda: stacks(bench, run_id))
    return stacks(bench, run_id)[0]


def text_of(event: Event) -> str:
    return "\n".join("".join(text for text, _ in line) for line in node_details(Node(event)))


async def test_at_a_timeout_the_log_says_where_the_run_was(bench: Bench) -> None:
    async def fetch() -> None:
        await anyio.sleep(60)

    @bench.task(retry=1, max_duration=0.2)
    async def slow() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(fetch)
            group.start_soon(fetch)
            await anyio.sleep(60)

    async with bench.worker():
        handle = await slow.trigger()
        await bench.until_status(handle.id, "TIMED_OUT")
        event = await told(bench, handle.id)
    (span,) = [span for span in bench.stored(handle.id)[1] if span.name == "run()" and span.kind == "span"]
    assert event.message.startswith("stacks at timeout: ")
    assert event.parent_id == span.span_id
    assert event.extra is not None
    own = [stack for stack in event.extra["stacks"]["tasks"] if stack.get("run")]
    assert sorted(stack.get("count", 1) for stack in own) == [1, 2]
    text = text_of(event)
    assert "task slow  of this run" in text
    assert "2 at this place" in text
    assert "await anyio.sleep(60)" in text


async def test_a_sync_task_that_times_out_shows_its_thread(bench: Bench) -> None:
    go_on = threading.Event()

    @bench.task(retry=1, max_duration=0.2)
    def slow() -> None:
        go_on.wait(30)

    async with bench.worker():
        handle = await slow.trigger()
        await bench.until_status(handle.id, "TIMED_OUT")
        event = await told(bench, handle.id)
        go_on.set()
    assert "slow (test_runs.py:" in event.message
    assert event.message.endswith("runs go_on.wait(30)")


async def test_what_still_runs_at_a_shutdown_shows_where_it_is(bench: Bench) -> None:
    begun = anyio.Event()

    @bench.task
    async def long() -> None:
        begun.set()
        await anyio.sleep(60)

    async with bench.worker() as stop:
        handle = await long.trigger()
        await begun.wait()
        stop.set()
        await bench.until_status(handle.id, "QUEUED")
        event = await told(bench, handle.id)
    assert event.message.startswith("stacks at shutdown: ")


async def test_stacks_are_written_when_the_engine_is_asked(bench: Bench) -> None:
    begun = anyio.Event()

    @bench.task
    async def long() -> None:
        begun.set()
        await anyio.sleep(60)

    async with bench.worker():
        handle = await long.trigger()
        await begun.wait()
        assert await bench.engine.ask_for_stacks(handle.id)
        first = await told(bench, handle.id)
        assert await bench.engine.ask_for_stacks(handle.id)
        await bench.until(lambda: len(stacks(bench, handle.id)) == 2)
        await handle.cancel()
        await bench.until_status(handle.id, "CANCELED")
        assert not await bench.engine.ask_for_stacks(handle.id)
    assert first.message.startswith("stacks when asked: ")
    assert first.message.endswith("awaits sleep")


async def test_a_run_that_blocks_the_loop_has_a_span_with_the_stack(bench: Bench) -> None:
    seen = threading.Event()

    def watch(run_id: str) -> None:
        while not [event for event in bench.stored(run_id)[1] if event.name == BLOCKED]:
            seen.wait(0.02)
        seen.set()

    @bench.task
    async def block() -> None:
        threading.Thread(target=watch, args=[current_run().run.id]).start()
        assert seen.wait(20)

    async with bench.worker():
        handle = await block.trigger()
        await bench.until_status(handle.id, "COMPLETED")
        await bench.until(lambda: [name for _, name, status in bench.spans(handle.id) if status and name == BLOCKED])
    names = [name for _, name, _ in bench.spans(handle.id)]
    assert names == ["Attempt 1", "run()", BLOCKED]
    span = bench.span(handle.id, BLOCKED)
    assert span.attributes["blocked.by"].endswith("runs assert seen.wait(20)")
    assert "│ " in text_of(span)
    assert "    assert seen.wait(20)" in text_of(span)


async def test_an_attempt_has_what_its_process_used(bench: Bench) -> None:
    @bench.task
    async def long() -> None:
        await anyio.sleep(0.3)

    @bench.task
    async def short() -> None: ...

    async with bench.worker():
        handles = [await long.trigger(), await short.trigger()]
        for handle in handles:
            await bench.until_status(handle.id, "COMPLETED")
    used, unused = (bench.span(handle.id, "Attempt 1").attributes for handle in handles)
    assert used["process.runs"] >= 1
    assert used["process.cpu.time"] > 0
    assert "process.runs" not in unused


async def test_while_a_run_only_waits_it_is_looked_at_rarely_and_at_once_when_it_goes_on(bench: Bench) -> None:
    looking = Lookout(bench.engine, bench.settings)
    bench.executor = bench.new_executor(observer=looking)

    @bench.task(retry=1)
    async def waits() -> None:
        await wait.for_(60)

    @bench.task(retry=1)
    async def blocks() -> None:
        token = await wait.create_token()
        tokens.append(token.id)
        await wait.for_token(token)
        time.sleep(0.4)

    tokens: list[str] = []
    async with bench.worker():
        waiting = await waits.trigger()
        await bench.until_status(waiting.id, "WAITING")
        await bench.until(lambda: looking.every == EVERY_WAITING)
        handle = await blocks.trigger()
        await bench.until(lambda: tokens)
        await bench.until_status(handle.id, "WAITING")
        await bench.until(lambda: looking.every == EVERY_WAITING)
        await wait.complete_token(tokens[0])
        await handle.wait()
        await waiting.cancel()
        await bench.until(lambda: not looking.is_active)
    assert any(event.name == BLOCKED for event in bench.stored(handle.id)[1])


def blocks_of(bench: Bench, run_id: str) -> list[Event]:
    return [event for event in bench.stored(run_id)[1] if event.name == BLOCKED and event.kind == "span"]


async def test_runs_that_block_one_after_the_other_are_each_told_of_their_own(bench: Bench) -> None:
    @bench.task(retry=1)
    async def block() -> None:
        time.sleep(0.6)

    async with bench.worker():
        handles = await block.batch_trigger([None, None])
        await handles.wait()
        await bench.until(lambda: all(blocks_of(bench, run_id) for run_id in handles.ids))
    assert [len(blocks_of(bench, run_id)) for run_id in handles.ids] == [1, 1]


async def test_a_run_that_keeps_the_interpreter_to_itself_to_its_end_is_told_of_it(bench: Bench) -> None:
    @bench.task(retry=1)
    async def match() -> None:
        re.match("(a+)+$", "a" * 25 + "b")  # in C, which lets no other thread run

    async with bench.worker():
        handle = await match.trigger()
        await handle.wait()
        await bench.until(lambda: blocks_of(bench, handle.id))
    assert blocks_of(bench, handle.id)[0].attributes["blocked.interpreter"] is True


async def test_a_run_that_waits_and_blocks_is_told_of_it(bench: Bench) -> None:
    @bench.task(retry=1)
    async def both() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(wait.for_, 60)
            await anyio.sleep(0.1)
            block_until(blocks_open)
            group.cancel_scope.cancel()

    def blocks_open() -> bool:
        return any(event.name == BLOCKED for event in bench.stored(handle.id)[1])

    async with bench.worker():
        handle = await both.trigger()
        await handle.wait()
        await bench.until(lambda: blocks_of(bench, handle.id))
