"""A cancel reaches a run wherever it is, in another process too."""

from __future__ import annotations

import pytest

from tests.two_process.conftest import Scene

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


async def test_queued_and_delayed_runs_end_at_once(scene: Scene) -> None:
    handles = [await scene.trigger("plain", 1), await scene.trigger("plain", 1, delay=3600)]
    for handle in handles:
        assert await handle.cancel("not wanted")
        assert (await scene.status(handle, "CANCELED")).attempt == 0
        assert not await handle.cancel()
    await scene.ready()
    await scene.check([handle.id for handle in handles])
    assert scene.effects() == []


@pytest.mark.parametrize("task", ["sleeper", "pause", "stubborn", "parent"])
async def test_an_attempt_is_stopped(scene: Scene, task: str) -> None:
    await scene.ready()
    handle = await scene.trigger(task, 60)
    await scene.noted(task)
    if task == "parent":
        await scene.noted("sleeper")
    if task in ("parent", "pause"):
        await scene.status(handle, "WAITING")
    assert await handle.cancel("enough")
    run = await scene.status(handle, "CANCELED")
    assert (run.attempt, run.reason) == (1, "enough")
    await scene.check([handle.id])
    if task == "parent":
        child = scene.effects("sleeper")[0][1]
        await scene.check([child])
        assert scene.effects("slept") == []


async def test_a_shielded_part_is_finished_first(scene: Scene) -> None:
    await scene.ready()
    handle = await scene.trigger("shielded", 1)
    await scene.noted("shielded")
    assert await handle.cancel("enough")
    await scene.status(handle, "CANCELED")
    assert len(scene.effects("unshielded")) == 1
    await scene.check([handle.id])
