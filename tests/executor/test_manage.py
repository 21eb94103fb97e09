"""Runs that exist already: found, cancelled, rescheduled, replayed, one by one and many at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runlog.errors import PayloadError, QueryError, RunNotFound, TaskError
from runlog.executor import PayloadScrubber
from runlog.tasks import runs
from runlog.tasks.runs import Progress
from tests.executor.bench import Bench

pytestmark = pytest.mark.anyio


@pytest.fixture
def ship(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A task that this process knows: what is replayed is validated."""
    monkeypatch.setattr(runs, "registry", bench.registry)

    @bench.task(id="ship", retry=1, tags=["goods"])
    async def ship(order: int) -> str:
        if order > 100:
            raise LookupError(f"no order {order}")
        return f"shipped {order}"

    return ship


async def test_lists_by_query_status_task_and_tag_in_pages(bench: Bench, ship: Any) -> None:
    first, second, third = (await ship.batch_trigger([1, 2, 3])).ids
    await runs.cancel(second, "enough")
    assert [run.run_id for run in (await runs.list(task="ship")).items] == [third, second, first]
    assert [run.run_id for run in (await runs.list(status="canceled", tag="goods")).items] == [second]
    assert [run.run_id for run in (await runs.list("-status:canceled", task="ship")).items] == [third, first]
    page = await runs.list(limit=2)
    assert [run.run_id for run in (await runs.list(limit=2, cursor=page.cursor)).items] == [first]
    with pytest.raises(QueryError, match="none of"):
        await runs.list(status="gone")
    with pytest.raises(TaskError, match="limit is 0"):
        await runs.list(limit=0)


async def test_get_has_values_and_the_reason_of_now(bench: Bench, ship: Any) -> None:
    handle = await ship.trigger(5, delay=60)
    run = await runs.get(handle.id)
    assert (run.status, run.payload, run.cause and run.cause["code"]) == ("DELAYED", 5, "delayed")
    assert run.reason
    with pytest.raises(RunNotFound):
        await runs.get("run_nothing")
    async with bench.worker():
        assert (await runs.get((await ship.trigger(6)).id)).payload == 6
        done = await ship.trigger(7)
        await done.wait()
    assert (await runs.get(done.id)).output == "shipped 7"


async def test_reschedule_moves_what_has_not_begun(bench: Bench, ship: Any) -> None:
    handle = await ship.trigger(1, delay=3600)
    at = datetime.now(UTC) + timedelta(days=1)
    assert await runs.reschedule(handle.id, run_at=at)
    assert (await runs.get(handle.id)).available == int(at.timestamp() * 1e6) * 1000
    async with bench.worker():
        assert await runs.reschedule(handle.id, delay=0)
        assert (await handle.wait()).output == "shipped 1"
    assert not await runs.reschedule(handle.id, delay=5)
    for wrong in ({}, {"delay": 1, "run_at": at}, {"run_at": datetime(2026, 1, 1)}, {"delay": -1}):  # noqa: DTZ001
        with pytest.raises(TaskError):
            await runs.reschedule(handle.id, **wrong)


async def test_a_replay_is_the_same_run_anew(bench: Bench, ship: Any) -> None:
    from runlog.tasks.submitter import RunRequest

    request = RunRequest(
        "ship", b"500", "express", tags=("goods", "late"), concurrency_key="u_5", priority=10.0, max_attempts=1,
        max_duration=30.0, ttl=600.0,
    )  # fmt: skip
    [run_id] = await bench.submitter.submit([request], verb="trigger")
    async with bench.worker():
        await bench.submitter.wait([run_id])
        again = await runs.replay(run_id)
        assert (await again.wait()).status == "FAILED"
        edited = await runs.replay(run_id, 7)
        assert (await edited.wait()).output == "shipped 7"
        with pytest.raises(PayloadError, match="does not fit"):
            await runs.replay(run_id, "seven")
    run = await runs.get(again.id)
    assert (run.queue, run.tags, run.payload) == ("express", ("goods", "late"), 500)
    options = run.options or {}
    kept = ("concurrency_key", "priority", "max_attempts", "max_duration", "ttl")
    assert {key: options.get(key) for key in kept} == {
        "concurrency_key": "u_5", "priority": 10.0, "max_attempts": 1, "max_duration": 30.0, "ttl": 600.0,
    }  # fmt: skip
    assert options["replay_of"] == run_id
    assert [run.run_id for run in (await runs.list(f"run.replay_of:{run_id}")).items] == [edited.id, again.id]


async def test_a_payload_that_lost_its_secrets_has_to_be_given_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.engine, "_scrub", PayloadScrubber(bench.settings))

    @bench.task(id="login", retry=1)
    async def login(payload: dict[str, str]) -> str:
        return payload["user"]

    async with bench.worker():
        handle = await login.trigger({"user": "ada", "password": "hunter2"})
        await handle.wait()
        for forgotten in (False, True):
            if forgotten:
                await bench.engine.prune(2**62)  # only the log has it now
            with pytest.raises(PayloadError, match="no longer whole"):
                await runs.replay(handle.id)
        again = await runs.replay(handle.id, {"user": "ada", "password": "hunter3"})
        assert (await again.wait()).status == "COMPLETED"


async def test_a_run_that_only_the_log_knows_is_replayed_while_its_payload_is_whole(bench: Bench) -> None:
    @bench.task(id="add", retry=1)
    async def add(numbers: list[int]) -> int:
        return sum(numbers)

    async with bench.worker():
        small, large = await add.trigger([1, 2]), await add.trigger(list(range(20_000)))
        await small.wait()
        await large.wait()
        await bench.engine.prune(2**62)
        assert (await (await runs.replay(small.id)).wait()).output == 3
        with pytest.raises(PayloadError, match="no longer whole"):
            await runs.replay(large.id)


async def test_many_are_cancelled_and_counted(bench: Bench, ship: Any) -> None:
    ids = [run_id for _ in range(3) for run_id in (await ship.batch_trigger(list(range(150)))).ids]
    await ship.trigger(1, tags=["keep"])
    await runs.cancel(ids[0])
    seen: list[Progress] = []
    assert await runs.cancel_all("task:ship -tag:keep", seen.append, reason="wrong list") == len(ids) - 1
    assert [(step.seen, step.total) for step in seen] == [(200, 449), (400, 449), (449, 449)]
    assert seen[-1].done == 449
    assert len((await runs.list('status:canceled run.reason:"wrong list"', limit=1000)).items) == 449
    assert len((await runs.list("status:queued")).items) == 1
    assert await runs.cancel_all("task:ship -tag:keep") == 0
    for query in ("", "  "):
        with pytest.raises(QueryError, match="empty"):
            await runs.cancel_all(query)


async def test_a_run_that_ended_meanwhile_is_not_counted(bench: Bench, ship: Any) -> None:
    ids = (await ship.batch_trigger([1, 2, 3])).ids
    found = await runs.matching("task:ship", open_only=True)
    await runs.cancel(ids[1])
    assert await runs.cancel_each([*found, "run_unknown"]) == 2


async def test_many_are_replayed_in_their_order_and_what_cannot_be_is_named(bench: Bench) -> None:
    @bench.task(id="send", retry=1)
    async def send(to: dict[str, str]) -> None:
        raise ConnectionError

    async with bench.worker():
        handles = [await send.trigger({"user": "a"}), await send.trigger({"password": "s3cr3t-s3cr3t"})]
        handles += [await send.trigger({"user": "b"})]
        for handle in handles:
            await handle.wait()
    await bench.engine.prune(2**62)
    seen: list[Progress] = []
    made = await runs.replay_all("status:failed", seen.append)
    assert [(await runs.get(run_id)).payload for run_id in made] == [{"user": "a"}, {"user": "b"}]
    assert (seen[-1].done, seen[-1].seen, list(seen[-1].refused)) == (2, 3, [handles[1].id])
    assert "no longer whole" in seen[-1].refused[handles[1].id]


async def test_handles_manage_their_run(bench: Bench, ship: Any) -> None:
    handle = await ship.trigger(3, delay=3600)
    async with bench.worker():
        assert await handle.reschedule(delay=0)
        updates = [update async for update in handle.subscribe()]
        assert (updates[-1].run.status, updates[-1].run.output) == ("COMPLETED", "shipped 3")
        again = await handle.replay()
        assert (await again.wait()).output == "shipped 3"
        assert (await (await handle.replay(4)).wait()).output == "shipped 4"
