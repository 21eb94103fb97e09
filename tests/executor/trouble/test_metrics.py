from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from runlog.executor.trouble import metrics
from runlog.executor.trouble.lookout import Lookout
from tests.executor.trouble.acting import Acting, lookout, running
from tests.recorded import recording

pytestmark = pytest.mark.anyio


async def until(check: Callable[[], object]) -> None:
    with anyio.fail_after(20):
        while not check():
            await anyio.sleep(0.01)


def sampled(looking: Lookout, attempt: Any) -> bool:
    usage = looking._running[attempt]
    return bool(usage.memory) and "event_loop.lag.max" in usage.attributes(looking._beat.lag, 1)  # type: ignore[union-attr]


async def test_an_attempt_says_what_its_process_used() -> None:
    with recording() as recorded:
        looking, attempt = lookout(recorded), Acting()
        given: Any = attempt
        looking.begun(given)
        with running(looking, Acting("run_2")):
            gc.collect()
        await anyio.sleep(metrics.LEAST)
        await until(lambda: sampled(looking, given))
        told = dict(looking.ended(given))
    assert told["process.runs"] == 2
    assert told["process.cpu.time"] > 0  # type: ignore[operator]
    assert told["cpython.gc.collections"] >= 1  # type: ignore[operator]
    assert told["cpython.gc.time"] > 0  # type: ignore[operator]
    assert told["process.memory.peak"] >= told["process.memory.usage"] > 1_000_000  # type: ignore[operator]
    assert told["process.thread.count"] >= 2  # type: ignore[operator]
    assert 0 <= told["event_loop.lag.mean"] <= told["event_loop.lag.max"]  # type: ignore[operator]


async def test_a_short_attempt_has_none() -> None:
    with recording() as recorded:
        looking = lookout(recorded)
        attempt: Any = Acting()
        looking.begun(attempt)
        assert looking.ended(attempt) == {}
        assert looking.ended(attempt) == {}  # and who was never begun


async def test_a_long_attempt_logs_them_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_LOG_EVERY", 0.2)
    with recording(log={"level": "debug"}) as recorded:
        looking = lookout(recorded)
        with running(looking, Acting()):
            await until(lambda: [log for log in recorded.logs("run_1") if log.name == "metrics"])
        log = next(log for log in recorded.logs("run_1") if log.name == "metrics")
    assert "of CPU" in log.message
    assert log.attributes["process.runs"] == 1
