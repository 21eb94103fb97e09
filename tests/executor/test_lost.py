"""Attempts whose run is another worker's by the time they end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apsw
import pytest

from runlog.executor.trouble import Lookout
from tests.executor.bench import Bench

pytestmark = pytest.mark.anyio


@contextmanager
def unseen(bench: Bench) -> Iterator[None]:
    """The engine's thread sees nothing of what happens meanwhile."""
    thread: Any = bench.engine._thread
    with thread._busy:
        yield
        thread.attempts._confirmed = 0.0


def take_away(bench: Bench) -> None:
    """Be another worker that takes all runs."""
    connection = apsw.Connection(str(bench.settings.queue_path))
    connection.set_busy_timeout(5000)
    connection.execute("UPDATE state SET token = token + 1")
    connection.close()


@pytest.mark.parametrize("how", ["returns", "raises"])
async def test_an_attempt_that_ends_before_it_is_told_of_its_lost_lease_is_marked_as_lost(
    bench: Bench, how: str
) -> None:
    bench.executor = bench.new_executor(observer=Lookout(bench.engine, bench.settings))
    told: list[str] = []

    @bench.task(id="late")
    async def late() -> str:
        with unseen(bench):
            take_away(bench)
        if how == "raises":
            raise ValueError("too late")
        return "too late"

    late.on_complete(lambda: told.append("complete"))
    async with bench.worker():
        handle = await late.trigger()
        await bench.until(lambda: "EXECUTING" in bench.statuses(handle.id) and not bench.executor.running)
    span = bench.span(handle.id, "Attempt 1")
    assert span.status == "canceled"
    assert span.extra is not None
    assert span.extra["status_message"] == "its lease ran out, and another worker took the run"
    (said,) = bench.logs(handle.id)
    assert said.startswith("attempt 1 has lost its lease, and what it still does is lost: ")
    assert bench.statuses(handle.id)[-1] == "EXECUTING", "its end is the other worker's to tell"
    assert not told, "hooks of an end are called where it ends"


async def test_an_end_that_the_engine_refuses_is_said_in_the_run(bench: Bench) -> None:
    """The lease is lost after it was looked at, in a hook say."""
    thread: Any = None

    @bench.task(id="late")
    async def late() -> str:
        return "in time"

    @late.on_success
    async def linger() -> None:
        nonlocal thread
        thread = bench.engine._thread
        thread._busy.acquire()
        take_away(bench)

    async with bench.worker():
        handle = await late.trigger()
        await bench.until(lambda: thread is not None and not bench.executor.running)
        thread._busy.release()
        await bench.engine.flush()
    (said,) = bench.logs(handle.id)
    assert said.startswith("attempt 1 had lost its lease when it ended: ")
    assert bench.statuses(handle.id)[-1] == "EXECUTING"
