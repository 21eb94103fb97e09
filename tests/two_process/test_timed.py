"""Schedules and waits over several workers, some of which are killed."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import anyio
import pytest

from runlog.tasks import wait
from runlog.tasks.submitter import get_submitter
from tests.two_process.conftest import Scene

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


@pytest.fixture
def timed(scene: Scene) -> Scene:
    shutil.copyfile(Path(__file__).with_name("timed.py"), scene.folder / "timed.py")
    config = scene.folder / "runlog.toml"
    config.write_text(config.read_text().replace('["project"]', '["project", "timed"]'))
    return scene


async def test_a_run_whose_workers_are_killed_waits_for_the_same_things_until_the_same_time(timed: Scene) -> None:
    (worker,) = await timed.ready()
    handle = await timed.trigger("patient")
    await timed.noted("token")
    await timed.status(handle, "WAITING")
    worker.kill()

    token = timed.effects("token")[0][4]
    assert await wait.complete_token(token, 41), "nobody has to live for that"
    (worker,) = await timed.ready()
    await timed.noted("answered")
    first = await timed.status(handle, "WAITING")
    worker.kill()

    await timed.ready()
    await timed.noted("answered", 2)
    second = await timed.status(handle, "WAITING")
    assert first.cause == second.cause
    assert (second.cause or {})["code"] == "until"
    assert second.attempt == 3
    assert [line[4] for line in timed.effects("token")] == [token] * 3
    assert len(timed.effects("plain")) == 1, "the later attempts got the child of the first"
    assert await handle.cancel()
    assert (await handle.wait()).status == "CANCELED"


async def test_a_planned_time_is_run_once_over_four_workers(timed: Scene) -> None:
    clock = timed.folder / "clock"
    clock.write_text("0")
    await timed.ready(4, FOLLOW_CLOCK="1")
    with anyio.fail_after(60):
        while not await get_submitter().schedules():
            await anyio.sleep(0.01)
    for number in (1, 2):
        clock.write_text(str(60 * number))
        await timed.noted("tick", number)
    state = (await get_submitter().schedules())[0]
    ticks = [int(line[4]) for line in timed.effects("tick")]
    assert len(ticks) == len(set(ticks)) >= 2
    assert state.last == max(ticks) * 10**9
    assert all(tick % 60 == 0 and tick <= time.time() + 120 for tick in ticks)
