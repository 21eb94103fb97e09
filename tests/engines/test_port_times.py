"""What every engine promises about when runs start, and on which code: expiry, other times, versions."""

from __future__ import annotations

import time

import anyio
import pytest

from runlog.engines.base import Engine, Outcome
from runlog.errors import RunNotFound
from tests.engines.conftest import SECOND, Opener, claim_one, eventually, new_run, nothing_to_claim, work_on

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("delay", [0, 60])
async def test_a_run_that_was_not_started_in_time_is_expired(opener: Opener, delay: float) -> None:
    engine, changes = opener()
    new = new_run(delay=delay, expires=time.time_ns() + SECOND // 20, options={"ttl": 0.05})
    await engine.submit([new])
    with anyio.fail_after(20):
        (run,) = await engine.wait([new.run_id])
    assert (run.status, run.cause) == ("EXPIRED", {"code": "expired", "ttl": 0.05})
    assert run.error == {"type": "Expired", "message": "it was not started within 0.05 s (ttl)"}
    assert changes.of(new.run_id)[-1] == "EXPIRED"
    assert await nothing_to_claim(engine, work_on("work"))


async def test_an_expired_run_is_never_claimed(engine: Engine) -> None:
    late, fine = new_run(expires=time.time_ns() - 1), new_run(expires=time.time_ns() + 60 * SECOND)
    await engine.submit([late, fine])
    assert [delivery.run.run_id for delivery in await engine.claim(work_on("work"), 10)] == [fine.run_id]
    assert (await engine.get(late.run_id)).status == "EXPIRED"


async def test_a_run_that_has_begun_does_not_expire(engine: Engine) -> None:
    new, beside = (new_run(task, expires=time.time_ns() + SECOND // 2) for task in ("work", "nobody-takes-it"))
    await engine.submit([new, beside])
    await engine.finish(await claim_one(engine), Outcome("DELAYED", available=new.expires))
    with anyio.fail_after(20):
        assert [run.status for run in await engine.wait([beside.run_id])] == ["EXPIRED"]
    assert (await claim_one(engine)).attempt == 2


async def test_the_ttl_of_a_run_that_starts_at_another_time_begins_then(engine: Engine) -> None:
    begin = time.time_ns() - 100 * SECOND
    put_off = new_run(created=begin, available=begin, expires=begin + 99 * SECOND)
    brought_forward = new_run(delay=60, expires=time.time_ns() + 60 * SECOND + SECOND // 100)
    await engine.submit([put_off, brought_forward])
    assert await engine.reschedule(put_off.run_id, time.time_ns())
    assert (await claim_one(engine)).run.run_id == put_off.run_id
    assert await engine.reschedule(brought_forward.run_id, begin)
    with anyio.fail_after(20):
        (run,) = await engine.wait([brought_forward.run_id])
    assert run.status == "EXPIRED"


async def test_a_run_is_put_off_and_brought_forward_until_its_first_attempt(opener: Opener) -> None:
    engine, changes = opener()
    new = new_run(delay=60)
    await engine.submit([new])
    later = time.time_ns() + 600 * SECOND
    assert await engine.reschedule(new.run_id, later)
    run = await engine.get(new.run_id)
    assert (run.status, run.available, run.cause) == ("DELAYED", later, {"code": "delayed", "until": later})
    assert await engine.reschedule(new.run_id, 1)
    assert changes.of(new.run_id) == ["DELAYED", "DELAYED", "QUEUED"]
    delivery = await claim_one(engine)
    assert not await engine.reschedule(new.run_id, later)
    await engine.finish(delivery, Outcome("DELAYED", available=later))
    assert not await engine.reschedule(new.run_id, 1)
    with pytest.raises(RunNotFound):
        await engine.reschedule("run_x", 1)


async def test_a_waiting_worker_takes_a_run_as_it_is_brought_forward(engine: Engine) -> None:
    new = new_run(delay=60)
    await engine.submit([new])
    async with anyio.create_task_group() as tasks:

        async def bring_forward() -> None:
            await anyio.wait_all_tasks_blocked()
            await engine.reschedule(new.run_id, time.time_ns())

        tasks.start_soon(bring_forward)
        assert (await claim_one(engine)).run.run_id == new.run_id


async def test_the_version_of_the_first_attempt_is_remembered(engine: Engine) -> None:
    new = new_run()
    await engine.submit([new])
    (first,) = await engine.claim(work_on("work", version="v1"), 1)
    assert first.version == "v1"
    assert (await engine.get(new.run_id)).code_version == "v1"
    await engine.finish(first, Outcome("QUEUED"))
    (second,) = await engine.claim(work_on("work", version="v2"), 1)
    assert second.version == "v1"


async def test_a_run_that_asks_for_a_version_waits_for_a_worker_that_has_it(opener: Opener) -> None:
    old, changes = opener()
    new_engine, _ = opener()
    pinned, free = new_run(version="v2"), new_run()
    await old.submit([pinned, free])
    async with anyio.create_task_group() as tasks:
        (delivery,) = await old.claim(work_on("work", version="v1"), 10)
        assert delivery.run == free
        tasks.start_soon(old.claim, work_on("work", version="v1"), 1)
        await eventually(lambda: _has_status(old, pinned.run_id, "PENDING_VERSION"))
        run = await old.explain(pinned.run_id)
        assert run.cause == {"code": "version", "version": "v2"}
        assert run.reason == "no running worker has version v2 of the code"
        (delivery,) = await new_engine.claim(work_on("work", version="v2"), 10)
        assert (delivery.run.run_id, delivery.run.version, delivery.version) == (pinned.run_id, "v2", "v2")
        tasks.cancel_scope.cancel()
    assert changes.of(pinned.run_id)[:2] == ["QUEUED", "PENDING_VERSION"]


async def _has_status(engine: Engine, run_id: str, status: str) -> bool:
    return (await engine.get(run_id)).status == status


async def test_a_crash_uses_up_no_attempt_and_the_next_one_has_a_new_number(engine: Engine) -> None:
    new = new_run()
    await engine.submit([new])
    first = await claim_one(engine)
    cause = {"code": "memory", "limit": 1, "peak": 2}
    assert await engine.finish(first, Outcome("QUEUED", crashed=True, reason="died", cause=cause))
    run = await engine.get(new.run_id)
    assert (run.status, run.reason, run.cause) == ("QUEUED", "died", cause)
    second = await claim_one(engine)
    assert (second.attempt, second.crashes, second.retry_from) == (2, 1, None)
    await engine.cancel(new.run_id)
    assert await engine.finish(second, Outcome("CRASHED", crashed=True))
    assert (await engine.get(new.run_id)).status == "CANCELED"
