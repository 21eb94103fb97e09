"""What every engine promises; see `runlog.engines.base`."""

from __future__ import annotations

import time
from typing import Any

import anyio
import pytest

from runlog.engines.base import CRASH_BUDGET, Delivery, Engine, Interrupt, Outcome
from runlog.errors import RunlogError, RunNotFound, StoreError
from tests.engines.conftest import LEASE, SECOND, Opener, claim_one, eventually, new_run, work_on

pytestmark = pytest.mark.anyio


async def status_of(engine: Engine, run_id: str) -> str:
    return (await engine.get(run_id)).status


async def test_a_run_goes_from_queued_to_completed_and_every_change_is_told(opener: Opener) -> None:
    engine, changes = opener()
    new = new_run(tags=("a", "b"), parent_run_id="run_p", root_run_id="run_r", links=((b"t" * 16, b"s" * 8),))
    await engine.submit([new])
    delivery = await claim_one(engine)
    assert delivery.run == new
    assert (delivery.attempt, delivery.crashes, delivery.retry_from) == (1, 0, None)
    engine.mark(delivery, "WAITING", "waiting for a run")
    engine.mark(delivery, "EXECUTING")
    assert await engine.finish(delivery, Outcome("COMPLETED", output=b"42"))
    assert [(run.version, run.status, run.attempt) for run in changes] == [
        (1, "QUEUED", 0),
        (2, "EXECUTING", 1),
        (3, "WAITING", 1),
        (4, "EXECUTING", 1),
        (5, "COMPLETED", 1),
    ]
    first, last = changes[0], changes[-1]
    assert (first.payload, first.output, last.payload, last.output) == (new.payload, None, None, b"42")
    assert (last.started, last.tags, last.parent_run_id, last.root_run_id) == (
        delivery.started,
        ("a", "b"),
        "run_p",
        "run_r",
    )
    assert (last.trace_id, last.span_id) == (new.trace_id, new.span_id)
    assert changes[2].reason == "waiting for a run"
    run = await engine.get(new.run_id)
    assert (run.status, run.payload, run.output, run.version) == ("COMPLETED", new.payload, b"42", 5)
    assert run.ended is not None


async def test_a_batch_is_queued_whole_or_not_at_all(engine: Engine) -> None:
    first, second = new_run(), new_run()
    await engine.submit([first])
    with pytest.raises(StoreError):
        await engine.submit([second, first])
    with pytest.raises(RunNotFound):
        await engine.get(second.run_id)
    assert await status_of(engine, first.run_id) == "QUEUED"


async def test_claim_waits_for_work_takes_no_more_than_asked_and_the_longest_due_first(engine: Engine) -> None:
    taken: list[Delivery] = []

    async def claim() -> None:
        taken.extend(await engine.claim(work_on("work"), 2))

    runs = [new_run() for _ in range(3)]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(claim)
        await anyio.sleep(0)
        await engine.submit(runs)
    assert [delivery.run.run_id for delivery in taken] == [run.run_id for run in runs[:2]]
    assert (await claim_one(engine)).run.run_id == runs[2].run_id


async def test_only_tasks_that_were_asked_for_are_claimed(engine: Engine) -> None:
    other, mine = new_run("other"), new_run("mine")
    await engine.submit([other, mine])
    assert [delivery.run.task for delivery in await engine.claim(work_on("mine", "another"), 10)] == ["mine"]


async def test_a_delayed_run_is_not_claimed_before_its_time(engine: Engine) -> None:
    new = new_run(delay=0.25)
    await engine.submit([new])
    assert await status_of(engine, new.run_id) == "DELAYED"
    await claim_one(engine)
    assert time.time_ns() >= new.available


async def test_a_claim_that_is_cancelled_keeps_nothing(engine: Engine) -> None:
    runs = [new_run() for _ in range(20)]
    seen: set[str] = set()
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            scope = anyio.CancelScope()

            async def claim(scope: anyio.CancelScope = scope) -> None:
                with scope:
                    for delivery in await engine.claim(work_on("work"), 1):  # it may have come before the cancel
                        seen.add(delivery.run.run_id)

            tasks.start_soon(claim)
            tasks.start_soon(engine.submit, [runs.pop()])
            await anyio.sleep(0)
            scope.cancel()
    with anyio.fail_after(20):
        while len(seen) < 20:
            for delivery in await engine.claim(work_on("work"), 20):
                assert delivery.attempt == 1
                seen.add(delivery.run.run_id)


async def test_a_final_state_is_final(engine: Engine) -> None:
    new = new_run()
    await engine.submit([new])
    delivery = await claim_one(engine)
    assert await engine.finish(delivery, Outcome("FAILED", error={"type": "ValueError", "message": "no"}, reason="no"))
    assert not await engine.finish(delivery, Outcome("COMPLETED"))
    engine.mark(delivery, "EXECUTING")
    assert not await engine.cancel(new.run_id)
    run = await engine.get(new.run_id)
    assert (run.status, run.error, run.reason) == ("FAILED", {"type": "ValueError", "message": "no"}, "no")


async def test_a_retry_is_another_attempt_under_a_new_token(engine: Engine) -> None:
    new = new_run()
    await engine.submit([new])
    first = await claim_one(engine)
    at = time.time_ns() + SECOND // 10
    assert await engine.finish(first, Outcome("DELAYED", available=at, reason="again"))
    run = await engine.get(new.run_id)
    assert (run.status, run.available, run.reason) == ("DELAYED", at, "again")
    second = await claim_one(engine)
    assert (second.attempt, second.crashes, second.started) == (2, 0, first.started)
    assert second.retry_from is not None
    assert second.token != first.token
    assert not await engine.finish(first, Outcome("COMPLETED"))
    assert await engine.finish(second, Outcome("COMPLETED"))


async def test_an_interrupted_attempt_does_not_count(engine: Engine) -> None:
    new = new_run()
    await engine.submit([new])
    assert await engine.finish(await claim_one(engine), Outcome("QUEUED", uses_attempt=False, reason="shut down"))
    again = await claim_one(engine)
    assert (again.attempt, again.retry_from) == (1, None)


@pytest.mark.parametrize("delay", [0, 60])
async def test_a_run_that_has_not_started_is_cancelled_at_once(opener: Opener, delay: float) -> None:
    engine, changes = opener()
    new = new_run(delay=delay)
    await engine.submit([new])
    assert await engine.cancel(new.run_id, "not needed")
    run = await engine.get(new.run_id)
    assert (run.status, run.reason, run.error) == (
        "CANCELED",
        "not needed",
        {"type": "Canceled", "message": "not needed"},
    )
    assert changes.of(new.run_id)[-1] == "CANCELED"
    assert not await engine.cancel(new.run_id)


async def test_a_running_attempt_is_told_once_of_its_cancel_and_is_not_retried(opener: Opener) -> None:
    engine, _ = opener()
    elsewhere, _ = opener()
    new = new_run()
    await engine.submit([new])
    delivery = await claim_one(engine)
    told: list[Interrupt] = []
    engine.watch(delivery, told.append)
    assert await elsewhere.cancel(new.run_id, "stop it")
    assert await engine.cancel(new.run_id, "once more")
    await eventually(lambda: _is(told))
    assert [interrupt.kind for interrupt in told] == ["cancel"]
    late: list[Interrupt] = []
    engine.watch(delivery, late.append)
    assert late == told
    assert await engine.finish(delivery, Outcome("DELAYED", available=0))
    assert await status_of(engine, new.run_id) == "CANCELED"


async def _is(value: Any) -> bool:
    return bool(value)


async def test_cancel_reaches_the_children_that_are_waited_for_and_no_others(engine: Engine) -> None:
    parent = new_run("parent")
    await engine.submit([parent])
    await claim_one(engine, "parent")
    waited = new_run("child", parent_run_id=parent.run_id, waited=True)
    below = new_run("child", parent_run_id=waited.run_id, waited=True)
    free = new_run("child", parent_run_id=parent.run_id)
    await engine.submit([waited, below, free])
    assert await engine.cancel(parent.run_id, "enough")
    assert [await status_of(engine, run.run_id) for run in (waited, below, free)] == ["CANCELED", "CANCELED", "QUEUED"]
    assert parent.run_id in str((await engine.get(below.run_id)).reason)


async def test_what_nobody_knows_is_not_found(engine: Engine) -> None:
    for run_id in ("run_nothing", "run_\ud800"):
        for call in (engine.get(run_id), engine.cancel(run_id), engine.wait([run_id]), engine.explain(run_id)):
            with pytest.raises(RunNotFound):
                await call


async def test_wait_returns_all_in_the_order_asked_for(opener: Opener) -> None:
    engine, _ = opener()
    elsewhere, _ = opener()
    runs = [new_run() for _ in range(4)]
    await engine.submit(runs)
    first = await claim_one(engine)
    await engine.finish(first, Outcome("COMPLETED", output=b"0"))
    found: list[str] = []

    async def wait(at: Engine) -> None:
        ended = await at.wait([run.run_id for run in reversed(runs)])
        assert [run.run_id for run in ended] == [run.run_id for run in reversed(runs)]
        found.append(ended[-1].output.decode())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait, engine)
        tasks.start_soon(wait, elsewhere)
        for number in range(1, 4):
            delivery = await claim_one(engine)
            assert found == []
            await engine.finish(delivery, Outcome("COMPLETED", output=str(number).encode()))
    assert found == ["0", "0"]


async def test_two_engines_share_the_work_and_no_run_is_claimed_twice(opener: Opener) -> None:
    engines = [opener()[0], opener()[0]]
    runs = [new_run() for _ in range(200)]
    claimed: list[str] = []

    async def work(engine: Engine) -> None:
        while len(claimed) < len(runs):
            with anyio.move_on_after(0.2):
                for delivery in await engine.claim(work_on("work"), 7):
                    claimed.append(delivery.run.run_id)
                    assert await engine.finish(delivery, Outcome("COMPLETED"))

    async with anyio.create_task_group() as tasks:
        for engine in engines:
            tasks.start_soon(work, engine)
        await engines[0].submit(runs)
    assert sorted(claimed) == sorted(run.run_id for run in runs)


async def test_an_unknown_task_waits_for_a_worker_that_knows_it(opener: Opener) -> None:
    engine, changes = opener()
    new = new_run("new-task")
    await engine.submit([new])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(engine.claim, work_on("old-task"), 1)
        await eventually(lambda: _has_status(engine, new.run_id, "PENDING_VERSION"))
        assert "new-task" in str((await engine.get(new.run_id)).reason)
        newer, _ = opener()
        assert (await claim_one(newer, "new-task")).run.run_id == new.run_id
        tasks.cancel_scope.cancel()
    assert changes.of(new.run_id)[:2] == ["QUEUED", "PENDING_VERSION"]


async def _has_status(engine: Engine, run_id: str, status: str) -> bool:
    return await status_of(engine, run_id) == status


async def test_a_delay_that_is_over_is_seen_where_nobody_is_free(engine: Engine) -> None:
    busy, new = new_run(), new_run(delay=0.05)
    await engine.submit([busy])
    await claim_one(engine)
    await engine.submit([new])
    await eventually(lambda: _has_status(engine, new.run_id, "QUEUED"))


async def test_flush_waits_for_ends_that_nobody_waits_for_and_so_does_close(opener: Opener) -> None:
    engine, changes = opener()
    first, second = new_run(), new_run()
    await engine.submit([first, second])
    one, other = await claim_one(engine), await claim_one(engine)
    engine.finish_soon(one, Outcome("COMPLETED", output=b"1"))
    await engine.flush()
    assert changes.of(one.run.run_id)[-1] == "COMPLETED"
    assert not await engine.finish(one, Outcome("FAILED"))
    engine.finish_soon(other, Outcome("COMPLETED"))
    await engine.close()
    assert changes.of(other.run.run_id)[-1] == "COMPLETED"


async def test_closing_gives_back_what_is_held(opener: Opener) -> None:
    engine, _ = opener()
    new = new_run()
    await engine.submit([new])
    await claim_one(engine)
    await engine.close()
    for call in (engine.claim(work_on("work"), 1), engine.get(new.run_id), engine.submit([new_run()])):
        with pytest.raises(RunlogError):
            await call
    other, _ = opener()
    delivery = await claim_one(other)
    assert (delivery.run.run_id, delivery.attempt, delivery.crashes) == (new.run_id, 1, 0)


async def test_closing_refuses_who_still_waits(opener: Opener) -> None:
    engine, _ = opener()
    new = new_run(delay=60)
    await engine.submit([new])
    refused: list[str] = []

    async def expect(call: Any) -> None:
        with pytest.raises(RunlogError):
            await call
        refused.append("refused")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(expect, engine.wait([new.run_id]))
        tasks.start_soon(expect, engine.claim(work_on("work"), 1))
        await anyio.wait_all_tasks_blocked()
        await engine.close()
    assert refused == ["refused"] * 2


async def test_changes_in_pages_and_prune(engine: Engine) -> None:
    old, new = new_run(), new_run()
    await engine.submit([old])
    await engine.finish(await claim_one(engine), Outcome("COMPLETED", output=b"1"))
    then = time.time_ns()
    await engine.submit([new])
    everything = await engine.changes((0, 0), 10)
    assert [(change.run_id, change.version) for change in everything] == [(old.run_id, 3), (new.run_id, 1)]
    assert await engine.changes((0, 0), 1) == everything[:1]
    assert await engine.changes(everything[0].cursor, 10) == everything[1:]
    assert await engine.changes((then, 0), 10) == everything[1:]
    assert await engine.changes(everything[1].cursor, 10) == []
    assert await engine.prune(time.time_ns()) == 1
    assert await engine.changes((0, 0), 10) == everything[1:]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_lease_is_kept_while_the_event_loop_is_blocked(opener: Opener) -> None:
    engine, changes = opener()
    other, _ = opener()
    new = new_run()
    await engine.submit([new])
    delivery = await claim_one(engine)
    stolen: list[Delivery] = []
    async with anyio.create_task_group() as tasks:

        async def steal() -> None:
            stolen.extend(await other.claim(work_on("work"), 1))

        tasks.start_soon(steal)
        await anyio.sleep(0.05)
        time.sleep(3 * LEASE)
        await anyio.sleep(0.3)
        assert await engine.finish(delivery, Outcome("COMPLETED"))
        await anyio.sleep(0.1)
        tasks.cancel_scope.cancel()
    assert stolen == []
    assert changes.of(new.run_id) == ["QUEUED", "EXECUTING", "COMPLETED"]


def test_the_crash_budget_is_three() -> None:
    assert CRASH_BUDGET == 3
