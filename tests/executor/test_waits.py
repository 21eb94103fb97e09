"""Triggers and waits: traces, links, slots, failures of children."""

from __future__ import annotations

import asyncio
import time

import anyio
import anyio.from_thread
import pydantic
import pytest

from runlog.errors import ChildRunError, ProjectNotOpen
from runlog.executor.attempt import running_attempt
from runlog.stores.base import Event
from runlog.tasks import RunResult, trigger
from runlog.tasks.submitter import current_submitter, set_process_submitter
from tests.executor.bench import Bench, open_bench

pytestmark = pytest.mark.anyio


async def test_a_child_that_is_waited_for_is_in_its_parents_trace(bench: Bench) -> None:
    @bench.task
    async def child(number: int) -> int:
        return number + 1

    @bench.task
    async def parent() -> int:
        return await child.trigger_and_wait(1)

    async with bench.worker():
        handle = await parent.trigger()
        assert (await handle.wait()).unwrap() == 2
    span = bench.span(handle.id, "child.trigger_and_wait()")
    child_id = span.attributes["runlog.child.run_id"]
    run, child_run = bench.stored(handle.id)[0], bench.stored(child_id)[0]
    assert (child_run.parent_run_id, child_run.root_run_id) == (handle.id, handle.id)
    assert child_run.trace_id == run.trace_id == span.trace_id
    assert (child_run.parent_span_id, run.parent_span_id) == (span.span_id, None)
    assert bench.span(child_id, "Attempt 1").parent_id == child_run.span_id
    assert bench.statuses(handle.id) == ["QUEUED", "EXECUTING", "WAITING", "EXECUTING", "COMPLETED"]
    (waiting,) = [change for change in bench.changes if change.status == "WAITING"]
    assert waiting.reason == f"waits for run {child_id}"
    assert bench.spans(handle.id) == [
        (1, "Attempt 1", "unset"),
        (2, "run()", "unset"),
        (3, "child.trigger_and_wait()", "unset"),
    ]


async def test_a_run_that_is_only_triggered_has_a_trace_of_its_own_linked_both_ways(bench: Bench) -> None:
    @bench.task
    async def child() -> None: ...

    @bench.task
    async def parent() -> str:
        return (await child.trigger()).id

    async with bench.worker():
        handle = await parent.trigger()
        child_id = (await handle.wait()).unwrap()
        await bench.until_status(child_id, "COMPLETED")
    run, child_run = bench.stored(handle.id)[0], bench.stored(child_id)[0]
    span, attempt = bench.span(handle.id, "child.trigger()"), bench.span(child_id, "Attempt 1")
    assert child_run.trace_id != run.trace_id
    assert child_run.parent_run_id == handle.id
    assert links(span) == [(child_run.trace_id, child_run.span_id)]
    assert links(attempt) == [(span.trace_id, span.span_id)]
    assert [(event.extra or {})["kind"] for event in (span, attempt)] == ["PRODUCER", "CONSUMER"]


def links(event: Event) -> list[tuple[bytes, bytes]]:
    found = (event.extra or {})["links"]
    return [(bytes.fromhex(link["trace_id"]), bytes.fromhex(link["span_id"])) for link in found]


async def test_waits_three_deep_finish_with_one_slot(anyio_backend: object) -> None:
    async with open_bench(worker={"concurrency": 1}) as bench:

        @bench.task
        async def level(depth: int) -> int:
            if depth == 0:
                return 0
            handle = await level.trigger(depth - 1)
            waited = (await handle.wait()).unwrap()
            return 1 + max(waited, *[one.unwrap() for one in await level.batch_trigger_and_wait([depth - 1] * 2)])

        async with bench.worker():
            with anyio.fail_after(60):
                assert await level.trigger_and_wait(3) == 3


async def test_no_more_runs_than_slots_execute_at_once(bench: Bench) -> None:
    now, most = 0, 0

    @bench.task
    async def leaf() -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await anyio.sleep(0.01)
        now -= 1

    @bench.task
    async def parent() -> None:
        nonlocal now, most
        await leaf.trigger_and_wait()
        now += 1
        most = max(most, now)
        await anyio.sleep(0.01)
        now -= 1

    async with bench.worker():
        await parent.batch_trigger_and_wait([None] * 12)
    assert most <= 4


async def test_waits_in_parallel_in_one_run(bench: Bench) -> None:
    @bench.task
    async def child(number: int) -> int:
        await anyio.sleep(0.01)
        return number

    @bench.task
    async def parent() -> list[int]:
        results: dict[int, int] = {}

        async def one(number: int) -> None:
            results[number] = await child.trigger_and_wait(number)

        async with anyio.create_task_group() as tasks:
            for number in range(5):
                tasks.start_soon(one, number)
        return [results[number] for number in range(5)]

    async with bench.worker():
        result = await (await parent.trigger()).wait()
    assert result.unwrap() == [0, 1, 2, 3, 4]
    assert bench.statuses(result.run_id)[-2:] == ["EXECUTING", "COMPLETED"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_gather_over_waits(bench: Bench) -> None:
    @bench.task
    async def child(number: int) -> int:
        return number

    @bench.task
    async def parent() -> list[int]:
        return await asyncio.gather(*(child.trigger_and_wait(number) for number in range(5)))

    async with bench.worker():
        assert await parent.trigger_and_wait() == [0, 1, 2, 3, 4]


async def test_a_child_that_fails_raises_in_its_parent(bench: Bench) -> None:
    @bench.task(retry=1)
    async def child(number: int) -> int:
        if number == 1:
            raise ValueError("one")
        return number

    @bench.task
    async def parent() -> list[str]:
        with pytest.raises(ChildRunError) as raised:
            await child.trigger_and_wait(1)
        assert raised.value.error is not None
        return [raised.value.task_id, raised.value.status, str(raised.value.error["message"])]

    async with bench.worker():
        assert await parent.trigger_and_wait() == ["child", "FAILED", "one"]
        results: list[RunResult[int]] = await child.batch_trigger_and_wait([0, 1, 2])
    assert [result.ok for result in results] == [True, False, True]
    assert [result.output for result in results] == [0, None, 2]


async def test_a_wait_that_is_given_up_leaves_the_run_going(bench: Bench) -> None:
    @bench.task
    async def child() -> str:
        await anyio.sleep(0.2)
        return "late"

    @bench.task
    async def parent() -> str:
        with anyio.move_on_after(0.02):
            await child.trigger_and_wait()
        return "went on"

    async with bench.worker():
        result = await (await parent.trigger()).wait()
        assert result.unwrap() == "went on"
        child_id = bench.span(result.run_id, "child.trigger_and_wait()").attributes["runlog.child.run_id"]
        await bench.until_status(child_id, "COMPLETED")


async def test_a_sync_task_waits_through_its_event_loop(bench: Bench) -> None:
    @bench.task
    async def child(number: int) -> int:
        return number * 2

    @bench.task
    def parent(number: int) -> int:
        return anyio.from_thread.run(child.trigger_and_wait, number)

    async with bench.worker():
        result = await (await parent.trigger(21)).wait()
    assert result.unwrap() == 42
    assert "WAITING" in bench.statuses(result.run_id)


async def test_an_event_loop_of_its_own_inside_a_thread_can_wait_too(bench: Bench) -> None:
    @bench.task
    async def child(number: int) -> int:
        return number * 2

    @bench.task
    def parent(number: int) -> int:
        return anyio.run(child.trigger_and_wait, number)

    async with bench.worker():
        assert await parent.trigger_and_wait(21) == 42


async def test_delay_and_tags(bench: Bench) -> None:
    @bench.task(tags=["own"])
    async def work() -> None: ...

    async with bench.worker():
        before = time.time_ns()
        handle = await work.trigger(delay=0.2, tags=["x", "own"])
        assert await handle.status() == "DELAYED"
        await handle.wait()
    run = bench.stored(handle.id)[0]
    assert run.tags == ("own", "x")
    assert run.started is not None
    assert run.started - before >= 200_000_000


async def test_triggering_by_id_with_and_without_the_task_at_hand(bench: Bench) -> None:
    handle = await trigger("written-elsewhere", {"n": 1}, tags=["t"])
    assert await handle.status() == "QUEUED"

    @bench.task(id="written-elsewhere")
    async def work(payload: dict[str, int]) -> int:
        return payload["n"]

    async with bench.worker():
        assert (await handle.wait()).unwrap() == 1


async def test_no_worker_is_needed_to_trigger_and_cancel(bench: Bench) -> None:
    @bench.task
    async def work() -> None: ...

    batch = await work.batch_trigger([None] * 3)
    assert [await handle.status() for handle in batch] == ["QUEUED"] * 3
    assert await batch.cancel("changed my mind") == 3
    assert [result.status for result in await batch.wait()] == ["CANCELED"] * 3
    assert bench.stored(batch.ids[0])[0].reason == "changed my mind"


async def test_without_an_open_project_triggering_says_what_to_do(bench: Bench) -> None:
    @bench.task
    async def work() -> None: ...

    before = set_process_submitter(None)
    token = current_submitter.set(None)
    try:
        with pytest.raises(ProjectNotOpen, match=r"runlog\.open\(\)"):
            await work.trigger()
    finally:
        current_submitter.reset(token)
        set_process_submitter(before)


async def test_children_that_nobody_waits_for_any_more_are_cancelled(bench: Bench) -> None:
    started = anyio.Event()

    @bench.task
    async def long() -> None:
        started.set()
        await anyio.sleep(60)

    @bench.task(retry=1)
    async def impatient() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(long.trigger_and_wait)
            await started.wait()
            raise ValueError("no")

    async with bench.worker():
        parent = await impatient.trigger()
        assert (await parent.wait()).status == "FAILED"
        (child,) = [run for run in bench.changes if run.parent_run_id == parent.id and run.status == "QUEUED"]
        await bench.until_status(child.run_id, "CANCELED")
    assert bench.last(child.run_id).reason == f"its parent {parent.id} waits for it no more"


async def test_a_validator_that_raises_at_run_fails_the_run_without_another_attempt(bench: Bench) -> None:
    class Moody(pydantic.BaseModel):
        value: int

        @pydantic.field_validator("value")
        @classmethod
        def check(cls, value: int) -> int:
            if calls:
                raise RuntimeError("not today")
            return value

    calls: list[int] = []

    @bench.task
    async def take(payload: Moody) -> Moody:
        return payload

    returned = await take.trigger(Moody(value=1))
    async with bench.worker():
        assert (await returned.wait()).output == Moody(value=1)
    refused = await take.trigger(Moody(value=1))
    calls.append(1)
    bench.executor = bench.new_executor()
    async with bench.worker():
        result = await refused.wait()
    assert result.status == "FAILED"
    assert (result.error or {})["message"] == "not today"
    output: object = (await returned.wait()).output
    assert output == {"value": 1}  # as plain data: its validator raises now


async def test_a_wait_that_begins_while_another_comes_back_leaves_limits_in_force(anyio_backend: object) -> None:
    async with open_bench(worker={"concurrency": 1}) as bench:
        first, second, started, go_on = anyio.Event(), anyio.Event(), anyio.Event(), anyio.Event()
        executing: list[int] = []

        @bench.task
        async def other() -> None:
            started.set()
            await go_on.wait()
            executing.append(1)
            await anyio.sleep(0.02)
            executing.append(-1)

        @bench.task(max_duration=0.3, retry=1)
        async def parent() -> None:
            attempt = running_attempt()
            assert attempt is not None

            async def wait(ends: anyio.Event) -> None:
                async with attempt.waiting("for the test"):
                    await ends.wait()

            async with anyio.create_task_group() as waits:
                waits.start_soon(wait, first)
                await started.wait()  # `other` has the slot
                first.set()
                await anyio.wait_all_tasks_blocked()
                waits.start_soon(wait, second)
                await anyio.wait_all_tasks_blocked()
                second.set()
                await anyio.wait_all_tasks_blocked()
                go_on.set()
            await anyio.sleep_forever()

        async with bench.worker():
            with anyio.fail_after(20):
                handle = await parent.trigger()
                others = [await other.trigger() for _ in range(3)]
                assert (await handle.wait()).status == "TIMED_OUT"
                for one in others:
                    await one.wait()
    assert executing == [1, -1] * 3
