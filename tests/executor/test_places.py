"""The places of runs that wait: in their worker and in their queue."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest

from runlog.executor.attempt import running_attempt
from runlog.tasks import Context, Queue
from tests.executor.bench import Bench, open_bench

pytestmark = pytest.mark.anyio


def waiting(reason: str = "for the test") -> Any:
    attempt = running_attempt()
    assert attempt is not None
    return attempt.waiting(reason, {"code": "test"})


async def test_waits_three_deep_finish_in_a_queue_of_one(bench: Bench) -> None:
    executing: set[str] = set()
    most = 0

    @bench.task(queue=Queue(concurrency=1))
    async def level(depth: int, ctx: Context) -> int:
        nonlocal most
        executing.add(ctx.run.id)
        most = max(most, len(executing))
        await anyio.sleep(0)
        if depth == 0:
            executing.discard(ctx.run.id)
            return 0
        executing.discard(ctx.run.id)
        below = await level.batch_trigger_and_wait([depth - 1] * 2)
        executing.add(ctx.run.id)
        most = max(most, len(executing))
        await anyio.sleep(0)
        executing.discard(ctx.run.id)
        return 1 + max(one.unwrap() for one in below)

    async with bench.worker():
        with anyio.fail_after(20):
            assert await level.trigger_and_wait(3) == 3
    assert most == 1


async def test_a_run_that_goes_on_takes_its_place_before_new_ones(anyio_backend: object) -> None:
    async with open_bench(worker={"concurrency": 4}) as bench:
        order: list[str] = []
        started, release = anyio.Event(), anyio.Event()

        @bench.task(queue=Queue("one", concurrency=1))
        async def other(number: int) -> None:
            order.append(f"other {number}")
            started.set()
            await release.wait()

        @bench.task(queue=Queue("one", concurrency=1))
        async def parent() -> None:
            await other.batch_trigger([1, 2, 3])
            async with anyio.create_task_group() as tasks:
                async with waiting():
                    await started.wait()
                    tasks.start_soon(later)
            order.append("parent")

        async def later() -> None:
            await anyio.wait_all_tasks_blocked()  # the parent asks for its place
            release.set()

        async with bench.worker():
            handle = await parent.trigger()
            with anyio.fail_after(20):
                assert (await handle.wait()).ok
                await bench.until(lambda: len(order) == 4)
    assert order == ["other 1", "parent", "other 2", "other 3"]


async def test_who_gives_a_wait_up_goes_on_when_there_is_a_place(anyio_backend: object) -> None:
    """As with a lock: a timeout round a wait does not break the limit."""
    async with open_bench(worker={"concurrency": 4}) as bench:
        now, most = 0, 0

        async def work() -> None:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await anyio.sleep(0.02)
            now -= 1

        @bench.task(queue=Queue("one", concurrency=1))
        async def child() -> None:
            await work()
            await work()
            await work()

        @bench.task(queue=Queue("one", concurrency=1))
        async def parent() -> str:
            with anyio.move_on_after(0.01) as timeout:
                await child.trigger_and_wait()
            await work()
            return "gave up" if timeout.cancelled_caught else "waited"

        async with bench.worker():
            results = [await (await parent.trigger()).wait() for _ in range(2)]
    assert [result.unwrap() for result in results] == ["gave up"] * 2
    assert most == 1


@pytest.mark.parametrize("ends", ["cancel", "shutdown", "executor"])
@pytest.mark.parametrize("phase", ["waiting", "coming back"])
async def test_an_attempt_is_ended_while_it_waits_and_while_it_comes_back(
    anyio_backend: object, phase: str, ends: str
) -> None:
    async with open_bench(worker={"concurrency": 2, "grace": 0}) as bench:
        go_on, cleaned, holding = anyio.Event(), [], anyio.Event()

        @bench.task(queue=Queue("one", concurrency=1))
        async def holder() -> None:
            holding.set()
            await anyio.sleep(60)

        @bench.task(queue=Queue("one", concurrency=1))
        async def parent() -> None:
            await holder.trigger()
            try:
                async with waiting():
                    await holding.wait()
                    go_on.set()
                    if phase == "waiting":
                        await anyio.sleep(60)
            finally:
                cleaned.append(phase)

        async with anyio.create_task_group() as tasks:
            stop = anyio.Event()
            tasks.start_soon(bench.executor.run, stop)
            handle = await parent.trigger()
            with anyio.fail_after(20):
                await go_on.wait()
                await anyio.wait_all_tasks_blocked()
                assert cleaned == []
                if ends == "cancel":
                    await handle.cancel("enough")
                    assert (await handle.wait()).status == "CANCELED"
                    stop.set()
                elif ends == "shutdown":
                    stop.set()
                else:
                    tasks.cancel_scope.cancel()
        assert cleaned == [phase]
        await bench.until(lambda: bench.statuses(handle.id)[-1] in ("CANCELED", "QUEUED"))
        assert (bench.statuses(handle.id)[-1] == "CANCELED") == (ends == "cancel")
        assert bench.executor.running == 0


async def test_a_wait_that_begins_while_another_comes_back_says_what_it_is_for(anyio_backend: object) -> None:
    async with open_bench(worker={"concurrency": 2}) as bench:
        first, second, holding, release = anyio.Event(), anyio.Event(), anyio.Event(), anyio.Event()

        @bench.task(queue=Queue("one", concurrency=1))
        async def holder() -> None:
            holding.set()
            await release.wait()

        @bench.task(queue=Queue("one", concurrency=1))
        async def parent() -> None:
            await holder.trigger()

            async def wait(for_what: str, ends: anyio.Event) -> None:
                async with waiting(for_what):
                    await ends.wait()

            async with anyio.create_task_group() as waits:
                waits.start_soon(wait, "the first", first)
                await holding.wait()
                first.set()
                await anyio.wait_all_tasks_blocked()  # it asks for the place that `holder` has
                waits.start_soon(wait, "the second", second)
                await anyio.wait_all_tasks_blocked()
                release.set()
                await bench.until(lambda: [run.reason for run in bench.changes if run.status == "WAITING"][-1:])
                second.set()

        async with bench.worker():
            handle = await parent.trigger()
            with anyio.fail_after(20):
                assert (await handle.wait()).ok
    reasons = [run.reason for run in bench.changes if run.run_id == handle.id and run.status == "WAITING"]
    assert (reasons[0], reasons[-1]) == ("the first", "the second")
    assert bench.statuses(handle.id)[-2:] == ["EXECUTING", "COMPLETED"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_timeouts_of_asyncio_round_waits(anyio_backend: object) -> None:
    async with open_bench(worker={"concurrency": 1}) as bench:

        @bench.task
        async def child() -> None:
            await anyio.sleep(0.1)

        @bench.task
        async def parent() -> str:
            try:
                await asyncio.wait_for(child.trigger_and_wait(), 0.02)
            except TimeoutError:
                return "too slow"
            return "in time"

        async with bench.worker():
            with anyio.fail_after(20):
                assert await parent.trigger_and_wait() == "too slow"
    assert bench.executor.running == 0


async def test_more_waits_than_slots_in_one_run(anyio_backend: object) -> None:
    async with open_bench(worker={"concurrency": 1}) as bench:

        @bench.task(queue=Queue(concurrency=1))
        async def child(number: int) -> int:
            return number

        @bench.task(queue=Queue(concurrency=1))
        async def parent() -> int:
            total: list[int] = []

            async def one(number: int) -> None:
                total.append(await child.trigger_and_wait(number))
                total.append(await child.trigger_and_wait(number))

            async with anyio.create_task_group() as tasks:
                for number in range(10):
                    tasks.start_soon(one, number)
            return sum(total)

        async with bench.worker():
            with anyio.fail_after(20):
                assert await parent.trigger_and_wait() == 90
