"""Triggers that an earlier run stands for, batches, and queues, from the call to what is recorded."""

from __future__ import annotations

import anyio
import pytest

from runlog.tasks import Debounce, IdempotencyKey, Item, Queue, Retry, queues
from tests.executor.bench import Bench
from tests.executor.test_waits import links

pytestmark = pytest.mark.anyio


async def test_one_key_is_one_run_and_the_second_trigger_links_to_it(bench: Bench) -> None:
    numbers: list[int] = []

    @bench.task
    async def take(number: int) -> int:
        numbers.append(number)
        return number

    @bench.task
    async def parent() -> list[str]:
        return [(await take.trigger(number, idempotency_key="order-7")).id for number in (1, 2)]

    async with bench.worker():
        handle = await parent.trigger()
        first, second = (await handle.wait()).unwrap()
        await bench.until_status(first, "COMPLETED")
    assert first == second
    assert numbers == [1]
    cached, original = bench.span(handle.id, "take (cached)"), bench.stored(first)[0]
    assert links(cached) == [(original.trace_id, original.span_id)]
    assert cached.attributes["runlog.child.run_id"] == first
    assert original.options == {"idempotency_key": "order-7", "idempotency_scope": "run"}


async def test_a_run_that_is_tried_again_gets_the_children_of_its_first_attempt(bench: Bench) -> None:
    charged: list[int] = []

    @bench.task
    async def charge(number: int) -> int:
        charged.append(number)
        return number * 10

    @bench.task(retry=Retry(2, min_delay=0, max_delay=0))
    async def order(number: int) -> int:
        paid = await charge.trigger_and_wait(number, idempotency_key="charge")
        if len(charged) < 2 and not flaky:
            flaky.append(None)
            raise ConnectionError("after the money was taken")
        return paid

    flaky: list[None] = []
    async with bench.worker():
        handle = await order.trigger(7)
        assert (await handle.wait()).unwrap() == 70
    assert charged == [7]
    assert len(flaky) == 1


async def test_who_waits_for_a_cached_child_waits_for_the_original(bench: Bench) -> None:
    go = anyio.Event()

    @bench.task
    async def slow(number: int) -> int:
        await go.wait()
        return number

    @bench.task
    async def parent(number: int) -> int:
        return await slow.trigger_and_wait(number, idempotency_key=IdempotencyKey("k", scope="global"))

    async with bench.worker():
        first, second = await parent.trigger(1), await parent.trigger(2)
        await bench.until_status(first.id, "WAITING")
        await bench.until_status(second.id, "WAITING")
        go.set()
        results = [(await handle.wait()).unwrap() for handle in (first, second)]
    assert len(set(results)) == 1


async def test_a_wait_that_could_never_end_is_refused(bench: Bench) -> None:
    own = IdempotencyKey("own", scope="global")

    @bench.task(retry=1)
    async def again(by: str) -> None:
        if by == "key":
            await again.trigger_and_wait(by, idempotency_key=own)
        elif by == "handle":
            await handles[-1].wait()
        else:
            await below.trigger_and_wait()

    @bench.task(retry=1)
    async def below() -> None:
        await again.trigger_and_wait("key", idempotency_key=own)

    handles = []
    with anyio.fail_after(20):
        async with bench.worker():
            for by in ("key", "handle", "child"):
                handles.append(await again.trigger(by, idempotency_key=own))
                result = await handles[-1].wait()
                assert result.status == "FAILED"
                assert "wait for its" in str(result.error)


async def test_a_key_is_free_again_when_its_run_failed(bench: Bench) -> None:
    @bench.task(retry=1)
    async def fail() -> None:
        raise ValueError("no")

    async with bench.worker():
        first = await fail.trigger(idempotency_key="k")
        assert (await first.wait()).status == "FAILED"
        second = await fail.trigger(idempotency_key="k")
        await second.wait()
    assert first.id != second.id


async def test_debounced_triggers_are_one_run_with_the_newest_payload(bench: Bench) -> None:
    numbers: list[int] = []

    @bench.task
    async def take(number: int) -> None:
        numbers.append(number)

    handles = [
        await take.trigger(number, debounce=Debounce("user-7", delay=60, mode="trailing")) for number in (1, 2, 3)
    ]
    assert len({handle.id for handle in handles}) == 1
    async with bench.worker():
        assert await handles[0].reschedule(delay=0)
        await handles[0].wait()
    assert numbers == [3]
    spans = [event for event in bench.recorded.events(None) if event.kind == "span"]
    assert [span.name for span in spans if "debounced" in span.name] == ["take (debounced)"] * 2


@pytest.mark.parametrize("limited", [True, False])
async def test_a_debounced_run_is_put_off_up_to_max_delay_after_its_creation(bench: Bench, limited: bool) -> None:
    @bench.task
    async def take(number: int) -> None: ...

    debounce = Debounce("user-7", delay=60, max_delay=60 if limited else None)
    planned = []
    for number in range(3):
        run = await bench.submitter.get((await take.trigger(number, debounce=debounce)).id)
        assert run.available is not None
        planned.append((run.run_id, (run.available - run.created) / 1e9))
    assert len({run_id for run_id, _ in planned}) == 1
    (_, first), (_, second), (_, third) = planned
    assert first == 60
    assert (second, third) == (60, 60) if limited else 60 < second < third


async def test_a_batch_is_one_commit_whose_runs_share_an_id(bench: Bench) -> None:
    @bench.task
    async def square(number: int) -> int:
        return number * number

    async with bench.worker():
        batch = await square.batch_trigger([1, Item(2, tags=["even"]), Item(2, idempotency_key="k")])
        again = await square.batch_trigger([Item(5, idempotency_key="k"), 3])
        assert [result.unwrap() for result in await batch.wait()] == [1, 4, 4]
        assert [result.unwrap() for result in await again.wait()] == [4, 9]
    assert again.ids[0] == batch.ids[2]
    stored = [bench.stored(run_id)[0] for run_id in batch.ids]
    assert len({(run.options or {})["batch_id"] for run in stored}) == 1
    assert [run.tags for run in stored] == [(), ("even",), ()]


async def test_a_thousand_children_are_waited_for_at_once(bench: Bench) -> None:
    @bench.task
    async def square(number: int) -> int:
        return number * number

    @bench.task
    async def parent() -> int:
        results = await square.batch_trigger_and_wait(range(1000))
        return sum(result.unwrap() for result in results)

    async with bench.worker():
        result = await (await parent.trigger()).wait()
    assert result.unwrap() == sum(number * number for number in range(1000))


async def test_waits_of_one_run_overlap(bench: Bench) -> None:
    single = Queue("single", concurrency=1)

    @bench.task(queue=single)
    async def child(number: int) -> int:
        return number

    @bench.task(queue=single)
    async def parent() -> list[int]:
        found: dict[int, int] = {}

        async def one(number: int) -> None:
            found[number] = await child.trigger_and_wait(number)

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(one, number)
        return [found[number] for number in range(20)]

    async with bench.worker():
        result = await (await parent.trigger()).wait()
    assert result.unwrap() == list(range(20))


async def test_a_queue_is_paused_and_goes_on(bench: Bench) -> None:
    mail = Queue("mail", concurrency=2)

    @bench.task(queue=mail)
    async def send() -> None: ...

    async with bench.worker():
        await queues.pause(mail)
        handle = await send.trigger()
        (state,) = [state for state in await queues.list() if state.name == "mail"]
        assert (state.paused, state.concurrency, state.queued) == (True, 2, 1)
        assert "paused" in ((await bench.submitter.get(handle.id)).reason or "")
        await queues.resume("mail")
        assert (await handle.wait()).ok
