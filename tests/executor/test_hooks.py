"""Hooks and middleware: when they are called, what they see, and what their failures do."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest

from runlog.errors import AbortRun, RetryAfter
from runlog.executor import hooks as calls
from runlog.executor.spans import AttemptSpans
from runlog.logger import logger
from runlog.stores.base import ERROR
from runlog.tasks import Context, Local, Retry, RunResult, current_run, middleware
from runlog.tasks.hooks import Hooks
from tests.executor.bench import Bench

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("everywhere")]
SOON = Retry(max_attempts=2, min_delay=0.01, jitter=False)


def errors(bench: Bench, run_id: str) -> list[str]:
    """The errors that were logged in a run, as they are shown."""
    found = [event for event in bench.stored(run_id)[1] if event.kind == "log" and event.level == ERROR]
    return [event.message.format(**event.attributes) for event in found if event.name == "logger"]


async def test_hooks_of_a_run_that_completes(bench: Bench, everywhere: Hooks) -> None:
    told: list[Any] = []

    @bench.task
    async def double(number: int) -> int:
        told.append("run")
        return number * 2

    @everywhere.on_start_attempt
    def first(ctx: Context) -> None:
        told.append(("everywhere", ctx.run.id, threading.current_thread() is threading.main_thread()))

    @double.on_start_attempt
    async def second(payload: int) -> None:
        told.append(("own", payload))

    @double.on_success
    async def succeeded(output: int, ctx: Context, payload: int) -> None:
        told.append(("success", payload, output, current_run() is ctx))

    @double.on_complete
    def completed(result: RunResult[int]) -> None:
        told.append(("complete", result.unwrap()))

    @double.on_failure
    def failed() -> None:
        told.append("failure")

    async with bench.worker():
        handle = await double.trigger(4)
        assert (await handle.wait()).unwrap() == 8
    assert told == [
        ("everywhere", handle.id, False),
        ("own", 4),
        "run",
        ("success", 4, 8, True),
        ("complete", 8),
    ]
    assert bench.spans(handle.id) == [
        (1, "Attempt 1", "unset"),
        (2, "on_start_attempt()", "unset"),
        (2, "on_start_attempt()", "unset"),
        (2, "run()", "unset"),
        (2, "on_success()", "unset"),
        (2, "on_complete()", "unset"),
    ]


async def test_hooks_of_a_run_that_fails_are_told_once_after_the_last_attempt(bench: Bench) -> None:
    told: list[Any] = []

    @bench.task(retry=SOON)
    async def fail() -> None:
        raise LookupError("no luck")

    @fail.on_failure
    def failed(error: Exception, ctx: Context) -> None:
        told.append((str(error), ctx.attempt.number))

    @fail.on_complete
    async def completed(result: RunResult[None]) -> None:
        told.append((result.status, (result.error or {})["message"]))

    async with bench.worker():
        handle = await fail.trigger()
        await handle.wait()
    assert told == [("no luck", 2), ("FAILED", "no luck")]
    assert bench.spans(handle.id)[-3:] == [
        (2, "run()", "error"),
        (2, "on_failure()", "unset"),
        (2, "on_complete()", "unset"),
    ]


@pytest.mark.parametrize("sync", [False, True])
async def test_an_attempt_that_times_out_cleans_up_and_tells_its_hooks(bench: Bench, sync: bool) -> None:
    told: list[str] = []
    gate = threading.Event()

    @bench.task(id="async", retry=1, max_duration=0.2)
    async def slow() -> None:
        try:
            await anyio.sleep(60)
        finally:
            told.append("cleaned up")

    @bench.task(id="sync", retry=1, max_duration=0.2)
    def slow_thread() -> None:
        gate.wait(60)

    for work in (slow, slow_thread):

        @work.on_failure
        async def failed(error: Exception) -> None:
            await anyio.sleep(0.01)  # no cancel reaches it
            told.append(f"{isinstance(error, TimeoutError)} {error}")

    async with bench.worker():
        result = await (await (slow_thread if sync else slow).trigger()).wait()
        gate.set()
    assert result.status == "TIMED_OUT"
    assert told == ([] if sync else ["cleaned up"]) + ["True it took longer than 0.2 s (max_duration)"]
    assert bench.last(result.run_id).cause == {"code": "max_duration", "seconds": 0.2}


async def test_on_cancel_is_for_runs_that_execute(bench: Bench) -> None:
    told: list[Any] = []

    @bench.task
    async def sleep() -> None:
        await anyio.sleep(60)

    @sleep.on_cancel
    async def cancelled(reason: str) -> None:
        await anyio.sleep(0.01)
        told.append(reason)

    @sleep.on_complete
    def completed(result: RunResult[None]) -> None:
        told.append(result.status)

    queued = await sleep.trigger()
    await queued.cancel("before")
    async with bench.worker() as stop:
        running = await sleep.trigger()
        await bench.until_status(running.id, "EXECUTING")
        await running.cancel("not needed")
        assert (await running.wait()).status == "CANCELED"
        left = await sleep.trigger()
        await bench.until_status(left.id, "EXECUTING")
        stop.set()
    assert told == ["not needed", "CANCELED"]
    assert bench.statuses(left.id)[-1] == "QUEUED"
    assert bench.last(running.id).cause == {"code": "canceled"}


async def test_a_hook_that_fails_is_logged_and_changes_nothing(bench: Bench) -> None:
    told: list[str] = []

    @bench.task
    async def fine() -> str:
        return "fine"

    @fine.on_success
    def broken() -> None:
        raise SystemExit("of no importance")

    @fine.on_success
    async def next_one(output: str) -> None:
        told.append(output)

    async with bench.worker():
        result = await (await fine.trigger()).wait()
    assert (result.unwrap(), told) == ("fine", ["fine"])
    (message,) = errors(bench, result.run_id)
    assert message.startswith("on_success() of ")
    assert message.endswith("raised SystemExit, which changes nothing")
    assert "broken" in message


async def test_hooks_at_the_end_have_a_limit_and_no_cancel_stops_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "END_LIMIT", 0.2)
    inside, told = anyio.Event(), []

    @bench.task
    async def fine() -> str:
        return "fine"

    @fine.on_success
    async def first() -> None:
        inside.set()
        await anyio.sleep(0.05)
        told.append("first")

    @fine.on_complete
    async def hangs() -> None:
        await anyio.sleep(60)

    async with bench.worker():
        handle = await fine.trigger()
        await inside.wait()
        assert await handle.cancel()
        assert (await handle.wait()).status == "COMPLETED"
    assert told == ["first"]
    (message,) = errors(bench, handle.id)
    assert message.startswith("hooks did not end within 0.2 s: on_complete() of ")


async def test_a_cancelled_executor_lets_the_hooks_of_the_end_finish(bench: Bench) -> None:
    inside, told = anyio.Event(), []

    @bench.task
    async def fine() -> None: ...

    @fine.on_success
    async def slow() -> None:
        inside.set()
        await anyio.sleep(0.05)
        told.append("told")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bench.executor.run, anyio.Event())
        handle = await fine.trigger()
        await inside.wait()
        tasks.cancel_scope.cancel()
    await bench.until_status(handle.id, "COMPLETED")
    assert told == ["told"]


async def test_on_start_attempt_that_fails_fails_the_attempt(bench: Bench) -> None:
    @bench.task(retry=SOON)
    async def work(ctx: Context) -> int:
        return ctx.attempt.number

    @work.on_start_attempt
    async def refuse(ctx: Context) -> None:
        if ctx.attempt.number == 1:
            raise ConnectionError("not ready")

    async with bench.worker():
        result = await (await work.trigger()).wait()
    assert result.unwrap() == 2
    assert bench.spans(result.run_id)[:2] == [(1, "Attempt 1", "error"), (2, "on_start_attempt()", "error")]
    assert "ConnectionError: not ready" in bench.logs(result.run_id)[0]


async def test_hooks_of_a_payload_that_does_not_fit_get_it_as_it_is(bench: Bench) -> None:
    told: list[Any] = []

    @bench.task(id="work")
    async def before(name: str) -> None: ...

    handle = await before.trigger("text")
    bench.registry = type(bench.registry)()

    @type(bench.task)(bench.registry)(id="work")
    async def after(number: int) -> None: ...

    @after.on_failure
    def failed(payload: Any, error: Exception) -> None:
        told.append((payload, type(error).__name__))

    bench.executor = bench.new_executor()
    async with bench.worker():
        assert (await handle.wait()).status == "FAILED"
    assert told == [("text", "PayloadError")]


# catch_error


@pytest.mark.parametrize(
    ("verdict", "attempts", "words"),
    [
        (None, 3, "attempt 3 of 3"),
        (AbortRun("give up"), 1, "catch_error: give up"),
        (Retry(max_attempts=9, min_delay=0, jitter=False), 3, "attempt 3 of 3"),
        (RetryAfter(0), 3, "attempt 3 of 3"),
        ("what", 3, "attempt 3 of 3"),
    ],
)
async def test_catch_error_says_how_it_goes_on(bench: Bench, verdict: Any, attempts: int, words: str) -> None:
    seen: list[BaseException] = []

    @bench.task(retry=Retry(max_attempts=3, min_delay=0.01, jitter=False))
    async def fail() -> None:
        raise ValueError("no")

    @fail.catch_error
    async def judge(error: Exception) -> Any:
        seen.append(error)
        return verdict

    async with bench.worker():
        result = await (await fail.trigger()).wait()
    last = bench.last(result.run_id)
    assert (last.status, last.attempt) == ("FAILED", attempts)
    assert words in str(last.reason)
    assert len(seen) == attempts
    assert bool(errors(bench, result.run_id)) == (verdict == "what")


async def test_the_tasks_own_catch_error_counts_first_and_an_abort_needs_none(bench: Bench, everywhere: Hooks) -> None:
    @bench.task(retry=SOON)
    async def fail(word: str) -> None:
        raise AbortRun("never") if word == "abort" else TimeoutError("slow")

    @everywhere.catch_error
    def others(error: Exception) -> AbortRun:
        return AbortRun("everywhere")

    @fail.catch_error
    def own(error: Exception) -> RetryAfter:
        return RetryAfter(0)

    async with bench.worker():
        first = await (await fail.trigger("fail")).wait()
        second = await (await fail.trigger("abort")).wait()
    assert bench.last(first.run_id).attempt == 2
    assert bench.last(second.run_id).attempt == 1
    assert "catch_error()" not in [name for _, name, _ in bench.spans(second.run_id)]


async def test_catch_error_decides_about_timeouts_too(bench: Bench) -> None:
    @bench.task(retry=3, max_duration=0.02)
    async def slow() -> None:
        await anyio.sleep(60)

    @slow.catch_error
    def judge(error: Exception) -> AbortRun | None:
        return AbortRun("too slow once is enough") if isinstance(error, TimeoutError) else None

    async with bench.worker():
        result = await (await slow.trigger()).wait()
    assert (result.status, bench.last(result.run_id).attempt) == ("TIMED_OUT", 1)


# on_wait and on_resume


async def test_hooks_round_waits_are_told_once_for_waits_in_parallel(bench: Bench) -> None:
    told: list[str] = []

    @bench.task
    async def child(number: int) -> int:
        return number

    @bench.task
    async def parent() -> int:
        total: list[int] = []

        async def one(number: int) -> None:
            total.append(await child.trigger_and_wait(number))

        async with anyio.create_task_group() as tasks:
            for number in (1, 2, 3):
                tasks.start_soon(one, number)
        told.append("between")
        total.append(await child.trigger_and_wait(4))
        return sum(total)

    @parent.on_wait
    async def waits(reason: str, ctx: Context) -> None:
        await anyio.sleep(0)
        told.append(reason.partition(" ")[0])

    @parent.on_resume
    def resumes() -> None:
        told.append("resumed")

    async with bench.worker():
        handle = await parent.trigger()
        assert (await handle.wait()).unwrap() == 10
    assert told == ["waits", "resumed", "between", "waits", "resumed"]
    assert bench.statuses(handle.id) == [
        "QUEUED", "EXECUTING", "WAITING", "EXECUTING", "WAITING", "EXECUTING", "COMPLETED",
    ]  # fmt: skip
    names = [name for _, name, _ in bench.spans(handle.id)]
    assert (names.count("on_wait()"), names.count("on_resume()")) == (2, 2)


# Middleware


async def test_middleware_is_round_the_attempt_and_its_locals_are_seen_everywhere(bench: Bench) -> None:
    seen: list[Any] = []
    session = Local[str]("session")

    @middleware
    async def outer(ctx: Context) -> AsyncIterator[None]:
        session.set(f"session of {ctx.run.id}")
        seen.append("outer")
        yield
        seen.append("outer ends")

    def inner(ctx: Context) -> Iterator[None]:
        seen.append("inner")
        yield
        seen.append("inner ends")

    @bench.task(middleware=[inner])
    def work(ctx: Context) -> str:
        logger.info("in a thread")
        return session.get()

    @work.on_start_attempt
    async def starts(ctx: Context) -> None:
        seen.append(("start", session.get() == f"session of {ctx.run.id}"))

    @work.on_success
    def succeeds(output: str) -> None:
        seen.append(("success", session.get() == output))

    async with bench.worker():
        handle = await work.trigger()
        assert (await handle.wait()).unwrap() == f"session of {handle.id}"
    assert seen == ["outer", "inner", ("start", True), "inner ends", "outer ends", ("success", True)]
    assert session.get(None) is None
    assert bench.spans(handle.id) == [
        (1, "Attempt 1", "unset"),
        (2, "middleware()", "unset"),
        (3, "on_start_attempt()", "unset"),
        (3, "run()", "unset"),
        (2, "on_success()", "unset"),
    ]


async def test_middleware_sees_what_the_task_raises_and_may_take_it_for_done(bench: Bench) -> None:
    seen: list[str] = []

    async def forgive(ctx: Context) -> AsyncIterator[None]:
        try:
            yield
        except BaseException as error:
            seen.append(type(error).__name__)
            if isinstance(error, LookupError):
                return
            raise

    @bench.task(retry=1, middleware=[forgive])
    async def work(kind: str) -> None:
        if kind == "slow":
            await anyio.sleep(60)
        raise {"lookup": LookupError, "value": ValueError}[kind]("no")

    async with bench.worker():
        forgiven = await (await work.trigger("lookup")).wait()
        failed = await (await work.trigger("value")).wait()
        slow = await work.trigger("slow")
        await bench.until_status(slow.id, "EXECUTING")
        await slow.cancel()
        cancelled = await slow.wait()
    assert [forgiven.status, failed.status, cancelled.status] == ["COMPLETED", "FAILED", "CANCELED"]
    assert seen[:2] == ["LookupError", "ValueError"]
    assert [status for _, _, status in bench.spans(failed.run_id)] == ["error"] * 3
    assert [status for _, _, status in bench.spans(cancelled.run_id)] == ["canceled"] * 3


async def test_middleware_that_swallows_a_cancel_does_not_make_a_run_complete(bench: Bench) -> None:
    async def swallow(ctx: Context) -> AsyncIterator[None]:
        try:
            yield
        except BaseException:
            return

    @bench.task(retry=1, max_duration=0.05, middleware=[swallow])
    async def slow() -> None:
        await anyio.sleep(60)

    async with bench.worker():
        assert (await (await slow.trigger()).wait()).status == "TIMED_OUT"


@pytest.mark.parametrize("when", ["before", "after"])
async def test_middleware_that_fails_fails_the_attempt(bench: Bench, when: str) -> None:
    told: list[str] = []

    async def moody(ctx: Context) -> AsyncIterator[None]:
        if when == "before" and ctx.attempt.number == 1:
            raise ConnectionError("no database")
        yield
        if when == "after" and ctx.attempt.number == 1:
            raise ConnectionError("no commit")

    @bench.task(retry=SOON, middleware=[moody])
    async def work() -> str:
        return "done"

    @work.on_success
    def succeeded(ctx: Context) -> None:
        told.append(f"success in attempt {ctx.attempt.number}")

    async with bench.worker():
        result = await (await work.trigger()).wait()
    assert result.unwrap() == "done"
    assert told == ["success in attempt 2"], "what middleware commits has to be there first"
    assert bench.last(result.run_id).attempt == 2
    assert (2, "middleware()", "error") in bench.spans(result.run_id)


@pytest.mark.parametrize("phase", ["middleware", "on_start_attempt", "run"])
async def test_a_cancel_reaches_every_phase(bench: Bench, phase: str) -> None:
    inside, cleaned = anyio.Event(), []

    async def hang(where: str) -> None:
        if where == phase:
            inside.set()
            try:
                await anyio.sleep(60)
            finally:
                cleaned.append(where)

    async def around(ctx: Context) -> AsyncIterator[None]:
        await hang("middleware")
        try:
            yield
        finally:
            cleaned.append("middleware ends")

    @bench.task(middleware=[around])
    async def work() -> None:
        await hang("run")

    @work.on_start_attempt
    async def starts() -> None:
        await hang("on_start_attempt")

    async with bench.worker():
        handle = await work.trigger()
        await inside.wait()
        await handle.cancel()
        assert (await handle.wait()).status == "CANCELED"
    assert cleaned == [phase] + ([] if phase == "middleware" else ["middleware ends"])


async def test_without_hooks_nothing_is_asked_of_them(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    inside = AttemptSpans.inside

    def note(spans: AttemptSpans, name: str) -> Any:
        names.append(name)
        return inside(spans, name)

    monkeypatch.setattr(AttemptSpans, "inside", note)

    @bench.task
    async def work() -> None: ...

    async with bench.worker():
        await (await work.trigger()).wait()
    assert names == ["run()"]
