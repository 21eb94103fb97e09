"""What a worker makes of a task: results, retries, failures, limits."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import anyio
import pytest
from opentelemetry import trace

from runlog.engines.base import Delivery, Work
from runlog.errors import AbortRun, ChildRunError, PayloadError, StoreError
from runlog.executor.attempt import Attempt, running_attempt
from runlog.executor.spans import AttemptSpans
from runlog.logger import logger
from runlog.tasks import Context, NotStored, Retry, RunStopped, current_run, wait
from tests.executor.bench import Bench, open_bench

pytestmark = pytest.mark.anyio
SOON = Retry(max_attempts=3, min_delay=0.01, jitter=False)


async def test_async_and_sync_tasks_return_typed_values(bench: Bench) -> None:
    @bench.task
    async def double(number: int) -> set[int]:
        return {number * 2}

    @bench.task
    def where(ctx: Context) -> tuple[str, str, bool]:
        current = current_run()
        return current.run.id, current.task.id, threading.current_thread() is threading.main_thread()

    async with bench.worker():
        assert await double.trigger_and_wait(21) == {42}
        result = await (await where.trigger()).wait()
    assert result.ok
    assert result.unwrap() == (result.run_id, "where", False)
    run, _ = bench.stored(result.run_id)
    assert (run.status, run.reason, run.attempt, run.output) == ("COMPLETED", None, 1, [result.run_id, "where", False])


async def test_the_context_tells_run_task_and_attempt(bench: Bench) -> None:
    seen: list[Context] = []

    @bench.task(retry=SOON, max_duration=60, tags=["own"])
    async def look(ctx: Context) -> None:
        seen.append(ctx)
        if ctx.attempt.number == 1:
            raise ValueError("once more")

    async with bench.worker():
        handle = await look.trigger(tags=["given"])
        assert (await handle.wait()).ok
    first, second = seen
    assert (first.run.id, first.run.tags, first.task.id, first.task.max_duration) == (
        handle.id,
        ("own", "given"),
        "look",
        60,
    )
    assert (first.attempt.number, second.attempt.number, first.attempt.max_attempts) == (1, 2, 3)
    assert first.run.started == second.run.started
    assert current_run(None) is None


async def test_a_failing_run_is_retried_and_then_failed_with_its_reason(bench: Bench) -> None:
    @bench.task(retry=Retry(max_attempts=2, min_delay=0.01))
    async def fail(word: str) -> None:
        raise LookupError(f"no {word}")

    async with bench.worker():
        handle = await fail.trigger("luck")
        result = await handle.wait()
    assert (result.ok, result.status, result.output) == (False, "FAILED", None)
    assert result.error is not None
    assert (result.error["type"], result.error["message"]) == ("LookupError", "no luck")
    assert result.error["exception"]["frames"][-1]["function"].endswith("fail")
    with pytest.raises(ChildRunError) as raised:
        result.unwrap()
    assert (raised.value.status, raised.value.run_id) == ("FAILED", handle.id)
    assert bench.statuses(handle.id) == ["QUEUED", "EXECUTING", "DELAYED", "EXECUTING", "FAILED"]
    assert bench.spans(handle.id) == [
        (1, "Attempt 1", "error"),
        (2, "run()", "error"),
        (1, "Retry #1 delay", "unset"),
        (1, "Attempt 2", "error"),
        (2, "run()", "error"),
    ]
    first, last = bench.logs(handle.id)
    assert first.startswith("attempt 1 of 2 failed: LookupError: no luck; the next one in ")
    assert last == "LookupError: no luck (attempt 2 of 2)"
    assert bench.stored(handle.id)[0].reason == last


async def test_a_retried_run_that_completes_keeps_no_error(bench: Bench) -> None:
    @bench.task(retry=SOON)
    async def flaky(ctx: Context) -> str:
        if ctx.attempt.number < 3:
            raise ValueError
        return "done"

    async with bench.worker():
        handle = await flaky.trigger()
        assert (await handle.wait()).unwrap() == "done"
    run, _ = bench.stored(handle.id)
    assert (run.attempt, run.error, run.reason) == (3, None, None)


@pytest.mark.parametrize("grouped", [False, True])
async def test_abort_fails_at_once(bench: Bench, grouped: bool) -> None:
    @bench.task(retry=SOON)
    async def refuse() -> None:
        if not grouped:
            raise AbortRun("never")
        async with anyio.create_task_group() as tasks:

            async def inner() -> None:
                raise AbortRun("never")

            tasks.start_soon(inner)

    async with bench.worker():
        result = await (await refuse.trigger()).wait()
    assert (result.status, bench.last(result.run_id).attempt) == ("FAILED", 1)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, BaseException, StopIteration])
@pytest.mark.parametrize("sync", [False, True])
async def test_the_worker_survives_whatever_a_task_raises(bench: Bench, kind: type[BaseException], sync: bool) -> None:
    @bench.task(id="sync", retry=1)
    def in_thread() -> None:
        raise kind("enough")

    @bench.task(id="async", retry=1)
    async def in_loop() -> None:
        raise kind("enough")

    @bench.task
    async def fine() -> int:
        return 1

    async with bench.worker():
        handle = await (in_thread if sync else in_loop).trigger()
        result = await handle.wait()
        assert await fine.trigger_and_wait() == 1
    assert result.status == "FAILED"
    assert "enough" in str(bench.last(handle.id).reason) or kind is StopIteration
    assert [name for _, name, status in bench.spans(handle.id) if status == "error"] == (
        ["Attempt 1", "run()"] if kind is not GeneratorExit else ["Attempt 1"]
    )


async def test_a_task_that_is_cancelled_from_within_has_failed(bench: Bench) -> None:
    @bench.task(retry=1)
    async def odd() -> None:
        raise anyio.get_cancelled_exc_class()

    if anyio.get_cancelled_exc_class().__module__.startswith("trio"):
        pytest.skip("trio lets nobody make its Cancelled")
    async with bench.worker():
        assert (await (await odd.trigger()).wait()).status == "FAILED"


@pytest.mark.parametrize("sync", [False, True])
async def test_max_duration_ends_an_attempt_and_is_retried(bench: Bench, sync: bool) -> None:
    released = threading.Event()

    @bench.task(id="async", max_duration=0.2, retry=Retry(2, min_delay=0.01))
    async def slow() -> None:
        await anyio.sleep(60)

    @bench.task(id="sync", max_duration=0.2, retry=Retry(2, min_delay=0.01))
    def slow_thread(ctx: Context) -> None:
        released.wait(60)

    async with bench.worker():
        handle = await (slow_thread if sync else slow).trigger()
        result = await handle.wait()
        assert bench.executor.abandoned_threads == (2 if sync else 0)
        released.set()
        await bench.until(lambda: bench.executor.abandoned_threads == 0)
    assert bench.statuses(handle.id) == ["QUEUED", "EXECUTING", "DELAYED", "EXECUTING", "TIMED_OUT"]
    assert result.error is not None
    assert "max_duration" in str(result.error["message"])
    assert "0.2 s" in bench.logs(handle.id)[-1]
    assert (1, "Attempt 2", "error") in bench.spans(handle.id)


async def test_time_spent_waiting_does_not_count_as_duration(bench: Bench) -> None:
    @bench.task(retry=1)
    async def long() -> None:
        await anyio.sleep(0.3)

    @bench.task(retry=1, max_duration=0.2)
    async def parent() -> str:
        await long.trigger_and_wait()
        return "in time"

    async with bench.worker():
        assert await parent.trigger_and_wait() == "in time"


async def test_an_attempt_says_when_its_duration_ends_it_and_says_it_anew_when_it_has_waited(bench: Bench) -> None:
    @bench.task(retry=1, max_duration=600)
    async def long() -> None:
        await wait.for_(0.5)
        release.set()
        await anyio.sleep(0.01)

    release = anyio.Event()
    async with bench.worker():
        handle = await long.trigger()
        await release.wait()
        await bench.until_status(handle.id, "COMPLETED")
    told = [
        datetime.fromisoformat(event.attributes["deadline"])
        for event in bench.stored(handle.id)[1]
        if event.name == "Attempt 1"
    ]
    began = datetime.fromtimestamp(bench.span(handle.id, "Attempt 1").time / 1e9, UTC)
    assert abs((told[0] - began).total_seconds() - 600) < 60
    assert told[-1] - told[0] > timedelta(seconds=0.4)


async def test_checkpoint_stops_a_thread_that_was_left_behind(bench: Bench) -> None:
    seen: list[str] = []

    @bench.task(retry=1, max_duration=0.2)
    def loop_for_ever(ctx: Context) -> None:
        try:
            while True:
                time.sleep(0.005)
                ctx.checkpoint()
        except RunStopped as stopped:
            seen.append(str(stopped))
            raise

    async with bench.worker():
        assert (await (await loop_for_ever.trigger()).wait()).status == "TIMED_OUT"
        await bench.until(lambda: seen)
    assert "max_duration" in seen[0]


async def test_threads_are_bounded_and_an_abandoned_one_keeps_its_place(bench: Bench) -> None:
    gate, inside = threading.Event(), []

    @bench.task(retry=1, max_duration=0.2)
    def block(number: int) -> None:
        inside.append(number)
        gate.wait(60)

    @bench.task(retry=1)
    def quick() -> int:
        return 1

    async with bench.worker():
        await (await block.batch_trigger(range(4))).wait()
        handle = await quick.trigger()
        await bench.until_status(handle.id, "EXECUTING")
        await anyio.sleep(0.05)
        assert bench.statuses(handle.id)[-1] == "EXECUTING"
        gate.set()
        assert (await handle.wait()).unwrap() == 1
    assert sorted(inside) == [0, 1, 2, 3]


async def test_a_result_that_is_no_json_completes_and_is_described(bench: Bench) -> None:
    @bench.task
    async def strange() -> object:
        return threading.Lock()

    @bench.task
    async def big() -> str:
        return "x" * 11_000_000

    async with bench.worker():
        first = await (await strange.trigger()).wait()
        second = await (await big.trigger()).wait()
    for result, word in ((first, "JSON"), (second, "limits.output")):
        assert result.status == "COMPLETED"
        assert isinstance(result.output, NotStored)
        assert word in result.output.reason
    lock, text = first.output, cast("Any", second.output)
    assert isinstance(lock, NotStored)
    assert "lock" in lock.text
    assert len(text.text) < 2000
    assert bench.stored(first.run_id)[0].reason == lock.reason


async def test_a_payload_that_no_longer_fits_fails_without_another_attempt(bench: Bench) -> None:
    @bench.task(id="old")
    async def before(name: str) -> None:
        raise AssertionError("the new code runs")

    handle = await before.trigger("text")

    class NewCode:
        pass

    registry = type(bench.registry)()
    bench.registry = registry

    @type(bench.task)(registry)(id="old")
    async def after(number: int) -> None:
        raise AssertionError("the payload is no number")

    bench.executor = bench.new_executor()
    async with bench.worker():
        result = await handle.wait()
    assert result.status == "FAILED"
    assert bench.last(handle.id).attempt == 1
    assert "does not fit" in str(result.error)


async def test_bad_and_large_payloads_are_refused_before_a_run_exists(bench: Bench) -> None:
    @bench.task
    async def take(numbers: list[int]) -> None: ...

    with pytest.raises(PayloadError, match="unable to parse string as an integer"):
        await take.trigger(["one"])  # type: ignore[list-item]
    with pytest.raises(PayloadError, match=r"limits\.payload"):
        await take.trigger([1] * 2_000_000)
    with pytest.raises(PayloadError):
        await take.batch_trigger([[1], ["two"]])  # type: ignore[list-item]
    assert await bench.engine.changes((0, 0), 10) == []


async def test_spans_left_open_end_as_unfinished_and_logs_are_in_their_run(bench: Bench) -> None:
    kept = []

    @bench.task
    async def leave(number: int) -> None:
        logger.info("inside", number=number)
        kept.append(trace.get_current_span())
        kept.append(bench.provider.get_tracer("test").start_span("left open"))

    async with bench.worker():
        handles = [await leave.trigger(number) for number in range(3)]
        for handle in handles:
            await handle.wait()
    for number, handle in enumerate(handles):
        assert bench.spans(handle.id) == [
            (1, "Attempt 1", "unset"),
            (2, "run()", "unset"),
            (3, "left open", "unfinished"),
        ]
        (log,) = [event for event in bench.stored(handle.id)[1] if event.name == "logger"]
        assert log.attributes == {"number": number}
        assert log.parent_id == bench.span(handle.id, "run()").span_id


async def test_many_runs_at_once_each_under_its_own_run(bench: Bench) -> None:
    @bench.task
    async def say(number: int) -> int:
        await anyio.sleep(0)
        logger.info("number", number=number)
        return number

    async with bench.worker():
        results = await say.batch_trigger_and_wait(range(200))
    assert [result.unwrap() for result in results] == list(range(200))
    for number in (0, 57, 199):
        (log,) = bench.recorded.logs(results[number].run_id)
        assert log.attributes == {"number": number}


async def test_an_attempt_that_cannot_begin_gives_its_slot_back(
    anyio_backend: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: AttemptSpans, _allowance: float | None) -> None:
        raise RuntimeError("no span")

    async with open_bench(worker={"concurrency": 1}) as bench:

        @bench.task
        async def work() -> int:
            return 1

        async with bench.worker():
            with anyio.fail_after(20):
                with monkeypatch.context() as patched:
                    patched.setattr(AttemptSpans, "begin", fail)
                    assert (await (await work.trigger()).wait()).status == "FAILED"
                assert await work.trigger_and_wait() == 1
    assert "RuntimeError: no span" in capsys.readouterr().err


async def test_a_queue_that_cannot_be_used_for_a_while_is_named_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    claim, full = bench.engine.claim, [0]

    async def claim_unless_full(work: Work, at_most: int) -> list[Delivery]:
        if full[0]:
            full[0] -= 1
            raise StoreError("the disk is full")
        return await claim(work, at_most)

    @bench.task
    async def work() -> None: ...

    monkeypatch.setattr(bench.engine, "claim", claim_unless_full)
    monkeypatch.setattr("runlog.executor.executor._RETRY", 0.001)
    said = ""
    async with bench.worker():
        await work.trigger_and_wait()
        for number in (1, 2):
            full[0] = 3
            await work.trigger_and_wait()  # it was claimed before
            await bench.until(lambda: not full[0])
            await work.trigger_and_wait()
            said += capsys.readouterr().err
            assert said.count("runs cannot be claimed now: the disk is full") == number


async def test_an_attempt_that_has_ended_is_no_work_for_the_garbage_collector(bench: Bench) -> None:
    seen: list[weakref.ref[Attempt]] = []

    @bench.task
    async def work() -> None:
        attempt = running_attempt()
        assert attempt is not None
        assert current_run() is attempt.context
        seen.append(weakref.ref(attempt))

    gc.disable()
    try:
        async with bench.worker():
            handle = await work.trigger()
            await handle.wait()
            await bench.until(lambda: seen[0]() is None)
    finally:
        gc.enable()
