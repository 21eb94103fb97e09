"""Cancelling: queued, running, waiting, shielded, in a thread; and shutting a worker down."""

from __future__ import annotations

import threading

import anyio
import pytest

from runlog.logger import logger
from runlog.tasks import Context, Retry, RunStopped
from tests.executor.bench import Bench, open_bench

pytestmark = pytest.mark.anyio


async def test_a_running_task_is_cancelled_at_its_next_await(bench: Bench) -> None:
    cleaned: list[str] = []

    @bench.task(retry=Retry(3, min_delay=0))
    async def sleep() -> None:
        try:
            await anyio.sleep(60)
        finally:
            logger.info("cleaning up")
            cleaned.append("yes")

    async with bench.worker():
        handle = await sleep.trigger()
        await bench.until_status(handle.id, "EXECUTING")
        assert await handle.cancel("not needed")
        result = await handle.wait()
        assert not await handle.cancel()
    assert (result.status, cleaned) == ("CANCELED", ["yes"])
    assert result.error == {"type": "Canceled", "message": "not needed"}
    assert bench.statuses(handle.id) == ["QUEUED", "EXECUTING", "CANCELED"]
    assert bench.spans(handle.id) == [(1, "Attempt 1", "canceled"), (2, "run()", "canceled")]
    for name in ("Attempt 1", "run()"):
        assert bench.span(handle.id, name).attributes["runlog.outcome"] == "cancelled"
    assert bench.logs(handle.id) == ["not needed"]


async def test_a_waiting_parent_is_cancelled_with_the_children_it_waits_for(bench: Bench) -> None:
    children: list[str] = []

    @bench.task
    async def child(ctx: Context) -> None:
        children.append(ctx.run.id)
        await anyio.sleep(60)

    @bench.task
    async def parent() -> None:
        await child.batch_trigger_and_wait([None, None])

    async with bench.worker():
        handle = await parent.trigger()
        await bench.until(lambda: len(children) == 2)
        await bench.until_status(handle.id, "WAITING")
        assert await handle.cancel("enough")
        assert (await handle.wait()).status == "CANCELED"
        for run_id in children:
            await bench.until_status(run_id, "CANCELED")
    assert all(handle.id in str(bench.last(run_id).reason) for run_id in children)


async def test_a_thread_is_left_behind_and_its_run_ends_at_once(bench: Bench) -> None:
    gate, stopped = threading.Event(), []

    @bench.task
    def block(ctx: Context) -> str:
        gate.wait(60)
        try:
            ctx.checkpoint()
        except RunStopped as error:
            stopped.append(str(error))
        return "too late"

    async with bench.worker():
        handle = await block.trigger()
        await bench.until_status(handle.id, "EXECUTING")
        await bench.until(lambda: bench.executor.running == 1)
        await anyio.sleep(0.05)
        await handle.cancel("now")
        result = await handle.wait()
        assert (result.status, bench.executor.abandoned_threads) == ("CANCELED", 1)
        gate.set()
        await bench.until(lambda: bench.executor.abandoned_threads == 0)
    assert "now" in stopped[0]
    assert bench.statuses(handle.id)[-1] == "CANCELED"
    assert any("left behind" in message for message in bench.logs(handle.id, "logger"))


async def test_a_shielded_section_is_finished_first(bench: Bench) -> None:
    done: list[str] = []
    inside = anyio.Event()

    @bench.task
    async def careful() -> None:
        with anyio.CancelScope(shield=True):
            inside.set()
            await anyio.sleep(0.1)
            done.append("section")
        await anyio.sleep(60)

    async with bench.worker():
        handle = await careful.trigger()
        await inside.wait()
        await handle.cancel()
        assert (await handle.wait()).status == "CANCELED"
    assert done == ["section"]


async def test_a_task_that_completes_all_the_same_has_completed(bench: Bench) -> None:
    inside = anyio.Event()

    @bench.task
    async def stubborn() -> str:
        with anyio.CancelScope(shield=True):
            inside.set()
            await anyio.sleep(0.1)
        return "done"

    async with bench.worker():
        handle = await stubborn.trigger()
        await inside.wait()
        assert await handle.cancel()
        assert (await handle.wait()).unwrap() == "done"


async def test_a_cancel_during_a_retry_delay_ends_the_run(bench: Bench) -> None:
    @bench.task(retry=Retry(3, min_delay=60))
    async def fail() -> None:
        raise ValueError

    async with bench.worker():
        handle = await fail.trigger()
        await bench.until_status(handle.id, "DELAYED")
        assert await handle.cancel()
        assert (await handle.wait()).status == "CANCELED"


async def test_shutdown_lets_runs_finish_and_puts_the_rest_back(bench: Bench) -> None:
    @bench.task
    async def short() -> str:
        await anyio.sleep(0.05)
        return "finished"

    @bench.task(retry=1)
    async def long(ctx: Context) -> int:
        if len(bench.statuses(ctx.run.id)) < 4:
            await anyio.sleep(60)
        return ctx.attempt.number

    async with bench.worker() as stop:
        finishes, stays = await short.trigger(), await long.trigger()
        await bench.until_status(stays.id, "EXECUTING")
        await bench.until_status(finishes.id, "EXECUTING")
        stop.set()
        late = await short.trigger()
    assert bench.statuses(finishes.id)[-1] == "COMPLETED"
    assert bench.statuses(stays.id)[-1] == "QUEUED"
    assert bench.last(stays.id).reason == "its worker was shut down"
    assert (bench.statuses(late.id)[-1], bench.last(late.id).attempt) == ("QUEUED", 0)
    bench.executor = bench.new_executor()
    async with bench.worker():
        assert (await stays.wait()).unwrap() == 1
        assert (await late.wait()).ok


async def test_cancelling_the_executor_loses_nothing(bench: Bench) -> None:
    @bench.task
    async def long() -> None:
        await anyio.sleep(60)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bench.executor.run, anyio.Event())
        handle = await long.trigger()
        await bench.until_status(handle.id, "EXECUTING")
        tasks.cancel_scope.cancel()
    await bench.until(lambda: bench.statuses(handle.id) == ["QUEUED", "EXECUTING", "QUEUED"])
    assert bench.last(handle.id).attempt == 0


async def test_a_waiting_parent_survives_a_shutdown(anyio_backend: object) -> None:
    async with open_bench(worker={"concurrency": 1, "grace": 0}) as bench:
        started = anyio.Event()

        @bench.task
        async def child() -> str:
            if not started.is_set():
                started.set()
                await anyio.sleep(60)
            return "child"

        @bench.task
        async def parent() -> str:
            return await child.trigger_and_wait()

        async with bench.worker():
            handle = await parent.trigger()
            await started.wait()
        assert bench.statuses(handle.id)[-1] == "QUEUED"
        bench.executor = bench.new_executor()
        async with bench.worker():
            with anyio.fail_after(20):
                assert (await handle.wait()).unwrap() == "child"
