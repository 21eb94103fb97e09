"""Real worker processes on one queue: killed, stopped, forked, told to end."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import pytest

from runlog.config import Settings
from runlog.engines.local import LocalEngine, live_workers
from runlog.executor import EngineSubmitter
from runlog.stores.base import Run
from runlog.tasks import RunHandle
from runlog.tasks.submitter import current_submitter
from tests.executor import programs
from tests.executor.programs import Process, notes
from tests.helpers import times, wait_until
from tests.recorded import recording

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]
LONG_LEASE = {"TEST_LEASE": "120"}
FINAL = {"COMPLETED", "FAILED", "CANCELED", "TIMED_OUT", "CRASHED"}


@contextmanager
def workers(count: int, backend: str = "asyncio", **environment: str) -> Iterator[list[Process]]:
    """Worker processes that are ready."""
    before = len(notes("ready"))
    started = [Process("worker", backend, **environment) for _ in range(count)]
    try:
        wait_until(lambda: len(notes("ready")) >= before + count, 30)
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


@contextmanager
def triggering() -> Iterator[LocalEngine]:
    """This process triggers and waits; it executes nothing."""
    with recording() as recorded:
        engine = LocalEngine(recorded.settings.queue_path, programs.changed)
        from runlog.tracing.provider import TracerProvider

        submitter = EngineSubmitter(engine, TracerProvider(recorded.recorder), Settings())
        token = current_submitter.set(submitter)
        try:
            yield engine
        finally:
            current_submitter.reset(token)


async def ended(handle: RunHandle[object], timeout: float = 60) -> str:
    with anyio.fail_after(timeout):
        return (await handle.wait()).status


def final_states() -> Counter[str]:
    """How often each run was said to have ended."""
    return Counter(run_id for run_id, _, status, _ in notes("state") if status in FINAL)


async def test_runs_survive_workers_that_are_killed_at_any_moment() -> None:
    with triggering() as engine:
        handles: list[RunHandle[int]] = []
        for _ in range(times(2, 5)):
            with workers(2) as processes:
                handles += await programs.step.batch_trigger([random.randint(0, 20) for _ in range(60)])
                handles += await programs.tree.batch_trigger([random.randint(0, 20) for _ in range(5)])
                await anyio.sleep(random.uniform(0, 0.3))
                processes[0].kill()
                await anyio.sleep(random.uniform(0, 0.3))
        with workers(2):
            statuses = Counter([await ended(handle) for handle in handles])
        runs = [await engine.get(change.run_id) for change in await engine.changes((0, 0), 100_000)]
        await engine.close()
    assert set(statuses) <= {"COMPLETED", "CRASHED"}
    assert statuses["COMPLETED"] > len(handles) * 0.8
    assert all(run.is_terminal for run in runs)
    assert max(final_states().values()) == 1
    assert_versions_grow(runs)


def assert_versions_grow(runs: list[Run]) -> None:
    told: dict[str, list[int]] = {}
    for run_id, version, _, _ in notes("state"):
        told.setdefault(run_id, []).append(int(version))
    for run in runs:
        versions = told.get(run.run_id, [])
        assert len(versions) == len(set(versions)), "a version was told twice"
        assert max(versions, default=0) <= run.version


async def test_what_trigger_acknowledged_survives_the_death_of_its_process() -> None:
    acknowledged: list[str] = []
    for _ in range(times(2, 5)):
        process = Process("trigger")
        assert process.process.stdout is not None
        first = process.process.stdout.readline()
        time.sleep(random.uniform(0, 0.2))
        process.kill()
        lines = [first, *process.process.stdout.readlines()]
        acknowledged += [line.decode().strip() for line in lines if line.endswith(b"\n")]
        process.wait()
    with triggering() as engine:
        for run_id in acknowledged:
            assert (await engine.get(run_id)).status == "QUEUED"
        await engine.close()
    assert acknowledged


@pytest.mark.parametrize("backend", ["asyncio", pytest.param("trio", marks=pytest.mark.slow)])
async def test_a_run_that_kills_its_workers_is_crashed_after_three(backend: str) -> None:
    with triggering() as engine, workers(4, backend):
        handle = await programs.die.trigger()
        result = await handle.wait()
        await engine.close()
    assert result.status == "CRASHED"
    assert notes("attempt") == [["1", "crashes", "0"], ["2", "crashes", "1"], ["3", "crashes", "2"]]
    assert result.error is not None
    assert result.error["type"] == "WorkerLost"
    assert "died; 3 workers were lost" in str(result.error["message"])


async def test_a_crash_uses_up_no_attempt() -> None:
    with triggering() as engine:
        with workers(1, **LONG_LEASE) as (process,):
            sleeping = await programs.sleep.trigger(60)
            await _sleeping(1)
            process.kill()
            process.wait()
            with workers(1, **LONG_LEASE):  # the run's only attempt is not used up
                wait_until(lambda: len(notes("sleeping")) == 2, 30)
                assert (await engine.get(sleeping.id)).attempt == 2
                assert await sleeping.cancel()
                assert await ended(sleeping) == "CANCELED"
        await engine.close()
    requeued = [line for line in notes("state") if line[2] == "QUEUED"]
    assert len(requeued) == 2


async def _sleeping(count: int) -> None:
    with anyio.fail_after(30):
        while len(notes("sleeping")) < count:
            await anyio.sleep(0.01)


async def test_a_dead_worker_is_known_long_before_its_lease_ends_even_if_a_child_of_it_lives() -> None:
    with triggering() as engine, workers(2, **LONG_LEASE):
        handle = await programs.fork_and_die.trigger()
        with anyio.fail_after(30):
            assert (await handle.wait()).output == 2
        await engine.close()


async def test_a_forked_child_has_an_engine_of_its_own() -> None:
    with triggering() as engine, workers(1):
        for _ in range(5):
            assert (await (await programs.fork_and_trigger.trigger()).wait()).output == 0
        with anyio.fail_after(30):
            while len(notes("ran")) < 5:
                await anyio.sleep(0.01)
        await engine.close()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
async def test_sigterm_finishes_what_is_short_and_puts_back_what_is_long(backend: str) -> None:
    with triggering() as engine:
        with workers(1, backend) as (process,):
            long, short = await programs.sleep.trigger(60), await programs.sleep.trigger(0.2)
            await _sleeping(2)
            process.kill(signal.SIGTERM)
            assert process.wait() == 0
        runs = [await engine.get(handle.id) for handle in (long, short)]
        await engine.close()
    assert [(run.status, run.attempt) for run in runs] == [("QUEUED", 0), ("COMPLETED", 1)]
    assert live_workers(Settings.load().queue_path) == []


async def test_four_workers_on_one_queue_run_everything_once() -> None:
    with triggering() as engine, workers(4):
        handles = [handle for _ in range(4) for handle in await programs.step.batch_trigger([1] * 100)]
        statuses = {await ended(handle) for handle in handles}
        flaky = await programs.flaky.batch_trigger([None] * 20)
        assert {await ended(handle) for handle in flaky} == {"COMPLETED"}
        await engine.close()
    assert statuses == {"COMPLETED"}
    assert Counter(run_id for run_id, _ in notes("ran")) == Counter(handle.id for handle in handles)
    assert max(final_states().values()) == 1


async def test_a_cancel_reaches_a_worker_in_another_process() -> None:
    with triggering() as engine, workers(1, **LONG_LEASE):  # and does not wait for it to renew its lease
        handle = await programs.sleep.trigger(60)
        await _sleeping(1)
        assert await handle.cancel("from outside")
        assert await ended(handle, 30) == "CANCELED"
        await engine.close()


@pytest.mark.slow
async def test_a_stopped_worker_loses_its_lease_and_cannot_write_any_more() -> None:
    with triggering() as engine, workers(1, TEST_LEASE="1") as (stopped,):
        handle = await programs.sleep.trigger(2)
        await _sleeping(1)
        stopped.kill(signal.SIGSTOP)
        try:
            with workers(1, TEST_LEASE="1"):
                await _sleeping(2)
                stopped.kill(signal.SIGCONT)
                result = await handle.wait()
        finally:
            stopped.kill(signal.SIGCONT)
        await engine.close()
    assert (result.status, result.output) == ("COMPLETED", 2)
    assert final_states()[handle.id] == 1
