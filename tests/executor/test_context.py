"""What a run knows of itself and changes: context, metadata, tags; what its worker opens for it; who looks on."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest

from runlog.errors import RunlogError, StoreError
from runlog.executor import flush
from runlog.executor.attempt import Attempt
from runlog.executor.observer import Unobserved
from runlog.executor.resources import ResourceError
from runlog.tasks import Context, Local, Queue, Retry, current_run, lifespan
from tests.executor.bench import Bench, open_bench

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("everywhere")]


async def test_the_context_is_whole(bench: Bench) -> None:
    seen: dict[str, Context] = {}

    @bench.task(queue=Queue("mail", concurrency=5), max_duration=60)
    async def child(ctx: Context) -> None:
        seen["child"] = ctx

    @bench.task
    async def parent(ctx: Context) -> None:
        seen["parent"] = ctx
        await child.batch_trigger_and_wait([None], concurrency_key="k", priority=5, tags=["t"], metadata={"a": 1})
        await child.trigger(idempotency_key="once")

    bench.executor = bench.new_executor(version="v7")
    async with bench.worker():
        handle = await parent.trigger()
        await handle.wait()
        await bench.until(lambda: "child" in seen)
    ctx, above = seen["child"], seen["parent"]
    assert above.deadline is None
    assert (above.run.parent_id, above.run.root_id, above.run.version) == (None, None, "v7")
    (child_id,) = {run.run_id for run in bench.changes if run.options and run.options.get("batch_id")}
    run, attempt = ctx.run, ctx.attempt
    if run.id == child_id:
        assert (run.tags, run.priority, ctx.queue.concurrency_key) == (("t",), 5.0, "k")
        assert run.batch_id is not None
    assert (run.parent_id, run.root_id) == (handle.id, handle.id)
    assert (ctx.queue.name, ctx.task.id, attempt.number, attempt.max_attempts) == ("mail", "child", 1, 3)
    assert time.time_ns() - attempt.started < 60_000_000_000


async def test_the_deadline_is_put_off_by_waits(bench: Bench) -> None:
    @bench.task
    async def child() -> None:
        await anyio.sleep(0.2)

    @bench.task(max_duration=30)
    def parent(ctx: Context) -> float:
        first = ctx.deadline
        anyio.from_thread.run(child.trigger_and_wait)
        second = ctx.deadline
        assert first is not None
        assert second is not None
        assert 0 < (first - datetime.now(UTC)).total_seconds() <= 30
        return (second - first).total_seconds()

    async with bench.worker():
        assert await parent.trigger_and_wait() >= 0.15


async def test_metadata_is_written_each_second_and_at_the_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flush, "EVERY", 0.05)
    go_on = anyio.Event()

    @bench.task
    async def child(ctx: Context) -> None:
        ctx.metadata.parent.append("children", ctx.run.id)
        ctx.metadata.root.increment("done")

    @bench.task(tags=["first"])
    async def parent(ctx: Context) -> list[Any]:
        ctx.metadata.set("step", 1)
        ctx.tags.add("second")
        await go_on.wait()
        ctx.metadata.increment("step", 2)
        await child.trigger_and_wait()
        return [ctx.metadata.get("step"), sorted(ctx.tags)]

    async with bench.worker():
        handle = await parent.trigger(metadata={"given": True})
        with anyio.fail_after(20):
            while "step" not in ((await bench.submitter.get(handle.id)).metadata or b"").decode():
                await anyio.sleep(0.01)
        go_on.set()
        assert (await handle.wait()).unwrap() == [3, ["first", "second"]]
        run = bench.stored(handle.id)[0]
    (child_id,) = run.metadata.pop("children")
    assert run.metadata == {"given": True, "step": 3, "done": 1}
    assert bench.last(child_id).parent_run_id == handle.id
    assert run.tags == ("first", "second")


async def test_metadata_goes_over_to_the_next_attempt(bench: Bench) -> None:
    @bench.task(retry=Retry(2, min_delay=0))
    async def flaky(ctx: Context) -> int:
        ctx.metadata.increment("tries")
        if ctx.attempt.number == 1:
            raise ValueError("once more")
        return int(ctx.metadata.get("tries"))

    async with bench.worker():
        assert await flaky.trigger_and_wait() == 2


async def test_a_flush_that_fails_is_a_warning_and_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    change, failures = bench.engine.change_metadata, 0

    async def fail_first(*arguments: Any) -> None:
        nonlocal failures
        failures += 1
        if failures == 1:
            raise StoreError("the disk is full")
        await change(*arguments)

    monkeypatch.setattr(bench.engine, "change_metadata", fail_first)

    @bench.task
    async def work(ctx: Context) -> None:
        ctx.metadata.increment("n")
        await ctx.metadata.flush()
        ctx.metadata.increment("n")

    async with bench.worker():
        handle = await work.trigger()
        assert (await handle.wait()).ok
    run, events = bench.stored(handle.id)
    assert run.metadata == {"n": 2}
    (warning,) = [event for event in events if event.kind == "log" and "written down" in event.message]
    assert warning.attributes["why"] == "the disk is full"


async def test_threads_change_metadata_at_once(bench: Bench) -> None:
    @bench.task
    def count(ctx: Context) -> int:
        def add() -> None:
            for _ in range(200):
                ctx.metadata.increment("n")

        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return int(ctx.metadata.get("n"))

    async with bench.worker():
        handle = await count.trigger()
        assert (await handle.wait()).unwrap() == 800
    assert bench.stored(handle.id)[0].metadata == {"n": 800}


# Resources


async def test_resources_are_opened_once_and_closed_last_first(bench: Bench) -> None:
    seen: list[str] = []

    @lifespan
    async def database() -> AsyncIterator[str]:
        seen.append("open database")
        yield "the database"
        await anyio.sleep(0)
        seen.append("close database")

    @lifespan
    def cache() -> Iterator[str]:
        seen.append(f"open cache on {database.get()}")
        yield "the cache"
        seen.append("close cache")
        raise RuntimeError("of no importance")

    @bench.task
    def use(ctx: Context) -> list[str]:
        seen.append("run")
        return [database.get(), ctx.resources["cache"]]

    async with bench.worker():
        assert await use.trigger_and_wait() == ["the database", "the cache"]
        assert await use.trigger_and_wait() == ["the database", "the cache"]
    assert seen == ["open database", "open cache on the database", "run", "run", "close cache", "close database"]
    with pytest.raises(RunlogError, match="not open here"):
        database.get()


async def test_a_resource_that_cannot_be_opened_ends_the_worker(bench: Bench) -> None:
    seen: list[str] = []

    @lifespan
    async def first() -> AsyncIterator[None]:
        try:
            yield
        finally:
            seen.append("closed")

    @lifespan
    async def broken() -> AsyncIterator[None]:
        raise ConnectionError("no route")
        yield

    @bench.task
    async def work() -> None: ...

    handle = await work.trigger()
    with pytest.raises(ResourceError, match=r"'broken' could not be opened\nConnectionError: no route"):
        await bench.executor.run(anyio.Event())
    assert seen == ["closed"]
    assert bench.statuses(handle.id)[-1] == "QUEUED"


async def test_a_resource_that_fails_while_the_worker_runs_ends_it(bench: Bench) -> None:
    broken = anyio.Event()

    @lifespan
    async def connection() -> AsyncIterator[None]:
        async def watch() -> None:
            await broken.wait()
            raise ConnectionError("gone")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            yield
            tasks.cancel_scope.cancel()

    @bench.task
    async def work() -> None:
        broken.set()
        await anyio.sleep(60)

    handle = await work.trigger()
    with pytest.raises(ResourceError, match="'connection' failed"), anyio.fail_after(20):
        await bench.executor.run(anyio.Event())
    await bench.until(lambda: bench.statuses(handle.id)[-1] == "QUEUED")


# What a worker takes, and who looks on


async def test_a_worker_takes_only_from_its_queues(bench: Bench) -> None:
    @bench.task(queue="fast")
    async def fast() -> None: ...

    @bench.task(queue="slow")
    async def slow() -> None: ...

    bench.executor = bench.new_executor(queues=["fast"])
    async with bench.worker():
        first, second = await slow.trigger(), await fast.trigger()
        assert (await second.wait()).ok
    assert bench.last(first.id).attempt == 0


class Looker(Unobserved):
    def __init__(self) -> None:
        self.told: list[Any] = []

    def begun(self, attempt: Attempt) -> None:
        self.told.append(("begun", current_run().run.id == attempt.delivery.run.run_id))

    def ended(self, attempt: Attempt) -> Mapping[str, Any]:
        self.told.append(("ended", attempt.ended))
        return {"seen": len(self.told)}

    def timed_out(self, attempt: Attempt) -> None:
        self.told.append(("timed out", current_run().run.id == attempt.delivery.run.run_id))
        raise RuntimeError("of no importance")

    def stopped(self, attempt: Attempt, cause: str) -> None:
        self.told.append((cause, attempt.scope.run_id == current_run().run.id))

    def asked_for_stacks(self, attempt: Attempt) -> None:
        self.told.append(("stacks", current_run().run.id == attempt.delivery.run.run_id))


async def test_who_looks_on_is_told_before_anything_is_cancelled(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    looker = Looker()

    @bench.task(retry=1)
    async def sleep() -> None:
        try:
            await anyio.sleep(60)
        finally:
            looker.told.append("cleaned up")

    bench.executor = bench.new_executor(observer=looker)
    async with bench.worker() as stop:
        slow = await sleep.trigger(max_duration=0.2)
        await slow.wait()
        cancelled = await sleep.trigger()
        await bench.until_status(cancelled.id, "EXECUTING")
        await bench.until(lambda: looker.told[-1] == ("begun", True))
        assert await bench.engine.ask_for_stacks(cancelled.id)
        await bench.until(lambda: looker.told[-1] == ("stacks", True))
        await cancelled.cancel()
        await cancelled.wait()
        left = await sleep.trigger()
        await bench.until_status(left.id, "EXECUTING")
        stop.set()
    end = ["cleaned up", ("ended", True)]
    begin: list[Any] = [("begun", True)]
    assert looker.told == [
        *[*begin, ("timed out", True), *end],
        *[*begin, ("stacks", True), ("cancel", True), *end],
        *[*begin, ("shutdown", True), *end],
    ]
    assert "of no importance" in capsys.readouterr().err
    assert bench.span(slow.id, "Attempt 1").attributes["seen"] == 4


async def test_an_attempt_that_cannot_be_made_is_given_back_with_its_slot(
    anyio_backend: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no attempt")

    async with open_bench(worker={"concurrency": 1}) as bench:

        @bench.task
        async def work() -> int:
            return 1

        async with bench.worker():
            with anyio.fail_after(20):
                with monkeypatch.context() as patched:
                    patched.setattr(Attempt, "__init__", fail)
                    assert (await (await work.trigger()).wait()).status == "FAILED"
                assert await work.trigger_and_wait() == 1
    assert "RuntimeError: no attempt" in capsys.readouterr().err


async def test_a_local_set_in_one_run_is_not_in_another(bench: Bench) -> None:
    name = Local[str]("name")

    @bench.task
    async def work(word: str) -> str | None:
        before = name.get(None)
        name.set(word)
        await anyio.sleep(0)
        return before

    async with bench.worker():
        results = await work.batch_trigger_and_wait(["a", "b", "c"])
    assert [result.unwrap() for result in results] == [None] * 3
