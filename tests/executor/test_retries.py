"""When an attempt is followed by another, and when it starts."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from runlog.errors import AbortRun, RetryAfter
from runlog.stores.base import Run
from runlog.tasks import Context, Retry
from tests.executor.bench import Bench

pytestmark = pytest.mark.anyio
_SECOND = 1_000_000_000


def delays(bench: Bench, run_id: str) -> list[float]:
    """Seconds that a run was put off after each attempt that failed."""
    found: list[Run] = [run for run in list(bench.changes) if run.run_id == run_id and run.status == "DELAYED"]
    return [(run.available - run.changed) / _SECOND for run in found if run.available]


@pytest.mark.parametrize(
    ("raised", "attempts", "words"),
    [
        (ConnectionResetError("gone"), 2, "(attempt 2 of 2)"),
        (ValueError("bad"), 1, "(not retried: no type in Retry.on)"),
        (ExceptionGroup("both", [ConnectionError("one"), TimeoutError("two")]), 2, "(attempt 2 of 2)"),
        (ExceptionGroup("mixed", [ConnectionError("one"), ValueError("two")]), 1, "not retried"),
        (ExceptionGroup("deep", [ExceptionGroup("", [ValueError("two")])]), 1, "not retried"),
        (SystemExit("enough"), 1, "not retried"),
        (ExceptionGroup("abort", [ConnectionError("one"), AbortRun("never")]), 1, "abort"),
    ],
)
async def test_only_the_errors_that_are_named_are_retried(
    bench: Bench, raised: BaseException, attempts: int, words: str
) -> None:
    @bench.task(retry=Retry(2, min_delay=0, on=(ConnectionError, TimeoutError)))
    async def fail() -> None:
        raise raised

    async with bench.worker():
        result = await (await fail.trigger()).wait()
    last = bench.last(result.run_id)
    assert (last.status, last.attempt) == ("FAILED", attempts)
    assert words in str(last.reason)


@pytest.mark.parametrize("raised", [SystemExit("enough"), KeyboardInterrupt(), ValueError("no")])
async def test_by_default_everything_is_retried(bench: Bench, raised: BaseException) -> None:
    @bench.task(retry=Retry(2, min_delay=0))
    async def fail() -> None:
        raise raised

    async with bench.worker():
        result = await (await fail.trigger()).wait()
    assert bench.last(result.run_id).attempt == 2


async def test_the_task_may_say_when_it_is_to_be_tried_again(bench: Bench) -> None:
    @bench.task(retry=Retry(3, min_delay=30, on=(ConnectionError,)))
    async def limited(ctx: Context) -> int:
        if ctx.attempt.number == 1:
            raise RetryAfter(0.05, "429")
        if ctx.attempt.number == 2:
            raise ExceptionGroup("", [RetryAfter(0.01), RetryAfter(0.06)])
        return ctx.attempt.number

    async with bench.worker():
        result = await (await limited.trigger()).wait()
    assert result.unwrap() == 3
    first, second = delays(bench, result.run_id)
    assert first <= 0.05
    assert 0.01 < second <= 0.06
    delayed = [run for run in bench.changes if run.run_id == result.run_id and run.status == "DELAYED"]
    assert delayed[0].reason == "attempt 1 of 3 failed: RetryAfter: 429; the next one in 50 ms"
    assert delayed[0].cause == {
        "code": "retry", "until": delayed[0].available, "attempt": 1, "max_attempts": 3,
    }  # fmt: skip


@pytest.mark.parametrize("named", [ExceptionGroup, (ValueError, ExceptionGroup)])
async def test_a_group_may_be_named_itself(bench: Bench, named: Any) -> None:
    @bench.task(retry=Retry(2, min_delay=0, on=named))
    async def fail() -> None:
        raise ExceptionGroup("outer", [TypeError("one")])

    async with bench.worker():
        result = await (await fail.trigger()).wait()
    assert bench.last(result.run_id).attempt == 2


@pytest.mark.parametrize("seconds", [1e12, 1e300])
async def test_a_delay_beyond_all_times_is_put_off_as_long_as_can_be(bench: Bench, seconds: float) -> None:
    @bench.task(retry=2)
    async def limited() -> None:
        raise RetryAfter(seconds)

    async with bench.worker():
        handle = await limited.trigger()
        await bench.until_status(handle.id, "DELAYED")
    (delay,) = delays(bench, handle.id)
    assert 99 < delay / (365 * 86_400) < 101


async def test_attempts_count_whoever_says_when(bench: Bench) -> None:
    @bench.task(retry=2)
    async def limited() -> None:
        raise RetryAfter(0)

    async with bench.worker():
        result = await (await limited.trigger()).wait()
    assert (result.status, bench.last(result.run_id).attempt) == ("FAILED", 2)


async def test_a_trigger_has_the_last_word_on_attempts_and_duration(bench: Bench) -> None:
    seen: list[tuple[int, bool]] = []

    @bench.task(retry=Retry(5, min_delay=0), max_duration=60)
    async def slow(ctx: Context) -> None:
        assert ctx.deadline is not None
        seen.append((ctx.attempt.max_attempts, ctx.deadline.timestamp() * 1e9 - ctx.attempt.started < _SECOND))
        await anyio.sleep(60)

    async with bench.worker():
        handle = await slow.trigger(max_attempts=2, max_duration=0.2)
        assert (await handle.wait()).status == "TIMED_OUT"
    assert seen == [(2, True)] * 2
    assert bench.last(handle.id).reason == "it took longer than 0.2 s (max_duration) (attempt 2 of 2)"


async def test_a_timeout_is_a_timeout_error_for_the_retry(bench: Bench) -> None:
    @bench.task(max_duration=0.02, retry=Retry(3, on=(ConnectionError,)))
    async def slow() -> None:
        await anyio.sleep(60)

    async with bench.worker():
        result = await (await slow.trigger()).wait()
    assert (result.status, bench.last(result.run_id).attempt) == ("TIMED_OUT", 1)
