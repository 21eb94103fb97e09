"""Waits for a time and for tokens."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.from_thread
import pytest

from runlog.errors import PayloadError, TaskError, TokenNotFound
from runlog.stores.base import Run
from runlog.system import clock
from runlog.tasks import Context, IdempotencyKey, Retry, wait
from runlog.tasks.submitter import current_submitter, set_process_submitter
from runlog.tasks.wait import Token, TokenResult
from tests.executor.bench import Bench, open_bench

pytestmark = pytest.mark.anyio


def waiting(bench: Bench, run_id: str) -> list[Run]:
    return [run for run in list(bench.changes) if run.run_id == run_id and run.status == "WAITING"]


async def test_a_wait_for_a_time_gives_the_place_back_and_says_until_when(anyio_backend: object) -> None:
    async with open_bench(worker={"concurrency": 1}) as bench:

        @bench.task
        async def patient() -> None:
            await wait.for_(timedelta(seconds=0.2))
            await wait.until(datetime.now(UTC) + timedelta(seconds=0.1))
            await wait.until(datetime.now(UTC) - timedelta(days=1))

        @bench.task
        async def quick() -> None: ...

        async with bench.worker():
            handle = await patient.trigger()
            await bench.until_status(handle.id, "WAITING")
            between = await quick.trigger()
            assert (await between.wait()).ok
            assert bench.statuses(handle.id)[-1] == "WAITING", "the other one had the only place"
            assert (await handle.wait()).ok
        first, second = waiting(bench, handle.id)
        began = first.changed
        assert first.cause is not None
        assert first.cause["code"] == "until"
        assert 0 < first.cause["until"] - began < 10**9
        assert (first.reason or "").startswith("waits until ")
        run = bench.stored(handle.id)[0]
        assert run.ended is not None
        assert run.ended >= (second.cause or {})["until"]
        assert [name for _, name, _ in bench.spans(handle.id)] == [
            "Attempt 1",
            "run()",
            "wait.for()",
            "wait.until()",
            "wait.until()",
        ]
        assert bench.span(handle.id, "wait.for()").attributes["runlog.wait.until"].count(":") >= 2


async def test_a_run_says_all_that_it_waits_for_at_once(bench: Bench) -> None:
    release = anyio.Event()

    @bench.task
    async def kid() -> None:
        await release.wait()

    @bench.task
    async def parent() -> None:
        token = await wait.create_token()
        async with anyio.create_task_group() as waits:
            waits.start_soon(kid.trigger_and_wait)
            waits.start_soon(kid.trigger_and_wait)
            waits.start_soon(wait.for_, 0.1)
            waits.start_soon(wait.for_, 3600)
            waits.start_soon(wait.for_token, token)
            await bench.until(
                lambda: any(waits_for(run) == ["token", "run", "until"] for run in waiting(bench, run_id))
            )
            release.set()
            await bench.until(lambda: waits_for(waiting(bench, run_id)[-1]) == ["token", "until"])
            await wait.complete_token(token)
            await bench.until(lambda: (waiting(bench, run_id)[-1].cause or {})["code"] == "until")
            waits.cancel_scope.cancel()

    def waits_for(run: Run) -> list[str]:
        return [one["code"] for one in (run.cause or {}).get("waits", ())]

    async with bench.worker():
        handle = await parent.trigger()
        run_id = handle.id
        assert (await handle.wait()).ok
    several = [run for run in waiting(bench, run_id) if waits_for(run) == ["token", "run", "until"]]
    token_id = (several[0].cause or {})["waits"][0]["id"]
    assert (several[0].reason or "").startswith(f"waits for the token {token_id}, for 2 runs, until 2")
    assert len(waiting(bench, run_id)) <= 6
    assert bench.statuses(run_id)[-1] == "COMPLETED"


async def test_a_run_waits_for_a_token_until_it_is_completed(bench: Bench) -> None:
    made: list[Token] = []

    @bench.task
    async def asks(ctx: Context) -> Any:
        made.append(await wait.create_token(timeout=60, tags=["approval"]))
        return (await wait.for_token(made[0])).unwrap()

    async with bench.worker():
        handle = await asks.trigger()
        await bench.until_status(handle.id, "WAITING")
        (token,) = made
        assert (token.run_id, token.tags) == (handle.id, ("approval",))
        assert token.expires is not None
        (state,) = waiting(bench, handle.id)
        assert (state.cause or {}) | {"until": 0} == {"code": "token", "id": token.id, "until": 0}
        assert (bench.stored(handle.id)[0].cause or {})["id"] == token.id, "it is no secret"
        assert await wait.complete_token(token.id, {"approved": True})
        assert (await handle.wait()).unwrap() == {"approved": True}
        assert not await wait.complete_token(token)
    assert bench.span(handle.id, "wait.for_token()").attributes["runlog.wait.id"] == token.id
    assert await wait.for_token(token) == TokenResult(token.id, ok=True, output={"approved": True})


async def test_a_token_whose_time_is_over_says_so_and_one_that_was_not_waited_for_long_enough_stands(
    bench: Bench,
) -> None:
    @bench.task(retry=1)
    async def asks() -> list[object]:
        short, long = await wait.create_token(timeout=0.1), await wait.create_token()
        over, not_yet = await wait.for_token(short), await wait.for_token(long, timeout=0.05)
        with pytest.raises(TimeoutError, match="was not completed in time"):
            over.unwrap()
        return [over.ok, not_yet.ok, await wait.complete_token(short), await wait.complete_token(long, 1)]

    async with bench.worker():
        assert await asks.trigger_and_wait() == [False, False, False, True]


async def test_many_waits_at_once_are_one_wait_of_the_run_and_its_time_stands_still(bench: Bench) -> None:
    @bench.task
    async def child() -> str:
        return "child"

    @bench.task(max_duration=0.4, retry=1)
    async def parent() -> list[object]:
        token = await wait.create_token()

        async def answer() -> str:
            await wait.for_(0.3)
            await wait.complete_token(token, "token")
            await wait.for_(0.3)
            return "time"

        async def asked() -> Any:
            return (await wait.for_token(token)).unwrap()

        return await gather(answer, asked, child.trigger_and_wait)

    async with bench.worker():
        result = await (await parent.trigger()).wait()
    assert result.output == ["time", "token", "child"]
    assert bench.statuses(result.run_id)[-2:] == ["EXECUTING", "COMPLETED"]


async def gather(*functions: Any) -> list[object]:
    results: list[object] = [None] * len(functions)

    async def one(index: int) -> None:
        results[index] = await functions[index]()

    async with anyio.create_task_group() as tasks:
        for index in range(len(functions)):
            tasks.start_soon(one, index)
    return results


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_waits_under_gather(bench: Bench) -> None:
    @bench.task
    async def parent() -> int:
        token = await wait.create_token()

        async def answer() -> None:
            await wait.for_(0.05)
            await wait.complete_token(token)

        results = await asyncio.gather(wait.for_(0.1), answer(), wait.for_token(token), wait.for_(0))
        return len(results)

    async with bench.worker():
        assert await parent.trigger_and_wait() == 4


async def test_a_wait_with_a_key_is_over_when_the_first_one_would_be(bench: Bench) -> None:
    @bench.task(retry=Retry(2, min_delay=0, jitter=False))
    async def patient(ctx: Context) -> int:
        moment = time.monotonic()
        await wait.for_(0.3 if ctx.attempt.number == 1 else 30, idempotency_key="pause")
        if ctx.attempt.number == 1:
            raise ValueError("again")
        assert time.monotonic() - moment < 25
        return ctx.attempt.number

    @bench.task
    async def token_twice() -> bool:
        first = await wait.create_token(timeout=60, idempotency_key="approval")
        return first == await wait.create_token(timeout=90, idempotency_key="approval")

    async with bench.worker():
        result = await (await patient.trigger()).wait()
        assert result.unwrap() == 2
        assert len(waiting(bench, result.run_id)) == 1
        assert await token_twice.trigger_and_wait()
    everywhere = IdempotencyKey("approval", scope="global")
    one, two = await wait.create_token(idempotency_key=everywhere), await wait.create_token(idempotency_key="approval")
    assert one == two
    assert len(await bench.engine.tokens()) == 2, "the time of a wait is not listed"


async def test_a_run_that_waits_is_cancelled_at_once(bench: Bench) -> None:
    @bench.task
    async def patient() -> None:
        await wait.for_(3600)

    async with bench.worker():
        handle = await patient.trigger()
        await bench.until_status(handle.id, "WAITING")
        assert await handle.cancel()
        with anyio.fail_after(10):
            assert (await handle.wait()).status == "CANCELED"


async def test_a_sync_task_waits_through_its_thread(bench: Bench) -> None:
    @bench.task
    def patient() -> str:
        anyio.from_thread.run(wait.for_, 0.02)
        return "done"

    async with bench.worker():
        handle = await patient.trigger()
        assert (await handle.wait()).unwrap() == "done"
    assert len(waiting(bench, handle.id)) == 1


async def test_outside_a_run_a_wait_just_waits(bench: Bench) -> None:
    await wait.for_(0.01)
    token = await wait.create_token()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait.complete_token, token, [1, 2])
        assert (await wait.for_token(token.id)).unwrap() == [1, 2]
    with pytest.raises(TokenNotFound):
        await wait.for_token("token_x")
    with pytest.raises(PayloadError, match=r"limits\.payload"):
        await wait.complete_token(await wait.create_token(), "x" * 4_000_000)
    with pytest.raises(PayloadError, match="a value of type object cannot be stored"):
        await wait.complete_token(await wait.create_token(), object())
    with pytest.raises(TaskError, match="which has no time zone"):
        await wait.until(datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(TaskError, match="duration is -1"):
        await wait.for_(-1)


async def test_without_an_open_project_a_wait_for_a_time_is_a_plain_one(anyio_backend: object) -> None:
    token, before = current_submitter.set(None), set_process_submitter(None)
    try:
        moment = time.monotonic()
        await wait.for_(0.02)
        assert time.monotonic() - moment >= 0.02
    finally:
        current_submitter.reset(token)
        set_process_submitter(before)


class WallClock:
    """A wall clock that is set while it is looked at."""

    def __init__(self) -> None:
        self.shift = 0

    def time_ns(self) -> int:
        return time.time_ns() + self.shift


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    made = WallClock()
    monkeypatch.setattr(clock, "time", SimpleNamespace(time_ns=made.time_ns))
    monkeypatch.setattr(clock, "_SLICE", 0.01)
    return made


async def test_a_clock_that_is_set_forward_ends_a_wait_and_one_that_is_set_back_makes_it_no_longer(
    wall: WallClock, anyio_backend: object
) -> None:
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(clock.sleep_until, time.time_ns() + 3600 * 10**9)
            await anyio.wait_all_tasks_blocked()
            wall.shift = 3601 * 10**9
    wall.shift = -3600 * 10**9
    with anyio.fail_after(10):
        await clock.sleep_until(time.time_ns(), at_most=0.05)
