"""Schedules: what is started when, once over all workers, also after a time without any."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import anyio
import msgspec
import pytest

from runlog.engines.local import LocalEngine
from runlog.errors import StoreError
from runlog.executor import Scheduler, scheduler
from runlog.stores.base import Run
from runlog.tasks import Context
from runlog.tasks.schedule import Schedule, ScheduledTime, schedule
from runlog.tasks.states import ScheduleState
from tests.executor.bench import Bench

pytestmark = pytest.mark.anyio


class Clock:
    """The wall clock, as the scheduler sees it."""

    def __init__(self) -> None:
        self.now = 0
        self.looks: Counter[Scheduler] = Counter()

    def set(self, text: str) -> None:
        self.now = ns(text)


def ns(text: str) -> int:
    return int(datetime.fromisoformat(f"2026-03-10T{text}").replace(tzinfo=UTC).timestamp()) * 10**9


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(scheduler, "time", SimpleNamespace(time_ns=lambda: made.now, monotonic=time.monotonic))
    monkeypatch.setattr(scheduler, "_LOOK_EVERY", 0.005)
    look = Scheduler._look

    async def counted(self: Scheduler, schedules: dict[str, Schedule]) -> float:
        patience = await look(self, schedules)
        made.looks[self] += 1
        return patience

    monkeypatch.setattr(Scheduler, "_look", counted)
    return made


@asynccontextmanager
async def scheduling(clock: Clock, *schedulers: Scheduler) -> AsyncIterator[None]:
    """Let them run; they have declared their schedules."""
    stop = anyio.Event()
    clock.looks = Counter(dict.fromkeys(schedulers, 0))
    async with anyio.create_task_group() as tasks:
        for one in schedulers:
            tasks.start_soon(one.run, stop)
        with anyio.fail_after(20):
            while not all(clock.looks.values()):
                await anyio.sleep(0.005)
        try:
            yield
        finally:
            stop.set()


async def looked(bench: Bench, clock: Clock, text: str, schedule_id: str = "report") -> ScheduleState:
    """Set the clock, and wait until each scheduler has looked since; return how the schedule stands."""
    clock.set(text)
    before = dict(clock.looks)
    await bench.until(lambda: clock.looks and all(clock.looks[one] >= before.get(one, 0) + 2 for one in clock.looks))
    return next(one for one in await bench.engine.schedules() if one.schedule_id == schedule_id)


def started(bench: Bench) -> list[Run]:
    return [run for run in bench.changes if run.version == 1]


def planned(run: Run) -> str:
    return f"{msgspec.json.decode(run.payload, type=ScheduledTime).timestamp:%H:%M}"


async def test_each_planned_time_starts_one_run_over_all_workers_whatever_the_clock_does(
    bench: Bench, clock: Clock
) -> None:
    @schedule(cron="0 9,10 * * *")
    @bench.task
    async def report(at: ScheduledTime) -> None: ...

    others = [LocalEngine(bench.settings.queue_path, bench.changes.append) for _ in range(2)]
    clock.set("08:59:59")
    try:
        async with scheduling(clock, *(Scheduler(engine, bench.registry) for engine in (bench.engine, *others))):
            await looked(bench, clock, "08:59:59")
            assert not started(bench)
            await looked(bench, clock, "09:00:00")
            await looked(bench, clock, "09:30:00")
            await looked(bench, clock, "08:30:00")  # set back
            await looked(bench, clock, "09:00:30")
            assert [planned(run) for run in started(bench)] == ["09:00"]
            state = await looked(bench, clock, "10:00:00")
    finally:
        for engine in others:
            await engine.close()
    first, second = started(bench)
    assert (state.run_id, state.last) == (second.run_id, ns("10:00:00"))
    assert first.options == second.options == {"schedule_id": "report"}
    assert first.trace_id != second.trace_id


async def test_a_run_is_told_its_time_the_one_before_and_the_next(bench: Bench, clock: Clock) -> None:
    times: list[tuple[ScheduledTime, str | None]] = []

    @schedule(cron="30 9 * * *", tz="Europe/Berlin", id="morning")
    @bench.task
    async def report(at: ScheduledTime, ctx: Context) -> None:
        times.append((at, ctx.run.schedule_id))

    clock.set("08:00:00")
    async with scheduling(clock, Scheduler(bench.engine, bench.registry)), bench.worker():
        await looked(bench, clock, "08:30:00", "morning")
        await bench.until(lambda: times)
        clock.now += 24 * 3600 * 10**9
        await bench.until(lambda: len(times) == 2)
    (first, schedule_id), (second, _) = times
    assert f"{first.timestamp:%d %H:%M %z}" == "10 09:30 +0100"
    assert first.last_timestamp is None
    assert [f"{moment:%d %H:%M}" for moment in first.upcoming] == [f"{day} 09:30" for day in range(11, 16)]
    assert (first.schedule_id, first.timezone, schedule_id) == ("morning", "Europe/Berlin", "morning")
    assert second.last_timestamp == first.timestamp
    assert getattr(second.timestamp.tzinfo, "key", None) == "Europe/Berlin"


@pytest.mark.parametrize(("misfire", "caught_up"), [("run_once", ["13:00"]), ("skip", [])])
async def test_of_what_was_planned_without_a_worker_the_newest_is_run_or_none(
    bench: Bench, clock: Clock, misfire: Any, caught_up: list[str]
) -> None:
    @schedule(cron="0 * * * *", misfire=misfire)
    @bench.task
    async def report(at: ScheduledTime) -> None: ...

    clock.set("09:30:00")
    async with scheduling(clock, Scheduler(bench.engine, bench.registry)):
        await looked(bench, clock, "09:30:00")
    clock.set("13:10:00")
    async with scheduling(clock, Scheduler(bench.engine, bench.registry)):
        state = await looked(bench, clock, "13:20:00")
        assert [planned(run) for run in started(bench)] == caught_up
        assert state.planned == ns("13:00:00")
        await looked(bench, clock, "14:00:40")
    assert [planned(run) for run in started(bench)] == [*caught_up, "14:00"]


async def test_the_payload_that_a_schedule_names_is_given(bench: Bench, clock: Clock) -> None:
    got: list[str] = []

    @schedule(cron="0 9 * * *", payload="eu", version="7")
    @schedule(cron="0 9 * * *", payload="us", id="report-us")
    @bench.task
    async def report(region: str) -> None:
        got.append(region)

    @schedule(cron="0 9 * * *")
    @bench.task
    async def plain() -> None:
        got.append("plain")

    clock.set("08:00:00")
    async with scheduling(clock, Scheduler(bench.engine, bench.registry)):
        await looked(bench, clock, "09:00:00")
    payloads = {run.task + (run.payload or b"").decode(): run.options for run in started(bench)}
    assert payloads == {
        'report"eu"': {"schedule_id": "report", "version": "7"},
        'report"us"': {"schedule_id": "report-us"},
        "plain": {"schedule_id": "plain"},
    }


async def test_a_worker_leaves_schedules_alone_that_it_does_not_know_and_paused_ones(
    bench: Bench, clock: Clock
) -> None:
    @schedule(cron="0 9 * * *")
    @bench.task
    async def report() -> None: ...

    clock.set("08:00:00")
    await bench.engine.keep_schedules([ScheduleState("other", "other", "0 9 * * *", "UTC", clock.now, clock.now)])
    async with scheduling(clock, Scheduler(bench.engine, bench.registry)):
        await looked(bench, clock, "08:30:00")
        await bench.submitter.pause_schedule("report", paused=True)
        await looked(bench, clock, "09:30:00")
    assert not started(bench)


async def test_a_worker_with_older_code_follows_what_the_newest_declared(bench: Bench, clock: Clock) -> None:
    @schedule(cron="0 9 * * *")
    @bench.task
    async def report(at: ScheduledTime) -> None: ...

    clock.set("08:00:00")
    async with scheduling(clock, Scheduler(bench.engine, bench.registry)):
        await looked(bench, clock, "08:01:00")
        newer = ScheduleState("report", "report", "15 9 * * *", "UTC", ns("08:02:00"), ns("08:02:00"))
        await bench.engine.keep_schedules([newer])
        await looked(bench, clock, "09:05:00")
        assert not started(bench)
        state = await looked(bench, clock, "09:15:00")
    assert [planned(run) for run in started(bench)] == ["09:15"]
    assert state.cron == "15 9 * * *"


async def test_what_goes_wrong_is_said_once_and_tried_again(
    bench: Bench, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    @schedule(cron="0 9 * * *")
    @bench.task
    async def report() -> None: ...

    failures = 0

    async def fail(*_: object) -> bool:
        nonlocal failures
        failures += 1
        raise StoreError("the disk is full")

    clock.set("08:00:00")
    async with scheduling(clock, Scheduler(bench.engine, bench.registry)):
        with monkeypatch.context() as broken:
            broken.setattr(bench.engine, "fire", fail)
            clock.set("09:00:00")
            await bench.until(lambda: failures > 3)
        await bench.until(lambda: started(bench))
    said = [event.attributes for event in bench.recorded.events(None) if event.kind == "log"]
    assert said == [{"what": "the schedule 'report'", "reason": "the disk is full"}]
