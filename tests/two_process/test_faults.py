"""Workers that die, stop, hang, are replaced, or have a clock that jumps: nothing acknowledged is lost, nothing ends
twice."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path

import anyio
import pytest

from runlog.stores.query import parse
from tests.helpers import times
from tests.two_process.conftest import LEASE, Scene, _log, attempts_of

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]
KILLS = times(6, 20)


async def load(scene: Scene) -> list[str]:
    """Trigger some of everything that survives the death of its workers."""
    handles = [await scene.trigger("plain", random.randint(0, 30)) for _ in range(6)]
    handles += [await scene.trigger("in-thread", random.randint(0, 30)) for _ in range(3)]
    handles += [await scene.trigger("family", random.randint(0, 30)) for _ in range(2)]
    handles += [await scene.trigger("limited", random.randint(0, 20)) for _ in range(3)]
    handles += [await scene.trigger("flaky"), await scene.trigger("plain", 1, delay=random.random())]
    return [handle.id for handle in handles]


async def all_ended(scene: Scene, run_ids: list[str], timeout: float = 180) -> Counter[str]:
    from runlog.tasks.submitter import get_submitter

    with anyio.fail_after(timeout):
        return Counter(run.status for run in await get_submitter().wait(run_ids))


async def test_workers_killed_at_random_instants_lose_nothing(scene: Scene) -> None:
    run_ids = await load(scene)
    workers = await scene.ready(3)
    for _ in range(KILLS):
        run_ids += await load(scene)
        await anyio.sleep(random.uniform(0, 0.3))
        victim = workers.pop(random.randrange(len(workers)))
        victim.kill()
        workers += scene.start(1)
    statuses = await all_ended(scene, run_ids)
    assert set(statuses) <= {"COMPLETED", "CRASHED"}
    assert statuses["COMPLETED"] > 0.9 * len(run_ids)
    for what in ("plain", "flaky", "family", "thread"):
        assert max(attempts_of(scene, what).values()) == 1, "an attempt has one number, and begins once"
    assert_limit(scene, 2)
    await scene.check(run_ids)


def assert_limit(scene: Scene, limit: int) -> None:
    """Never more at once than the queue allows; what a killed process left without an end has ended with it."""
    running: set[tuple[str, str]] = set()
    for what, run, attempt, *_ in scene.effects():
        if what == "begin":
            running = {(other, number) for other, number in running if other != run} | {(run, attempt)}
        elif what == "end":
            running.discard((run, attempt))
        if what == "begin":
            dead = [pair for pair in running if not _ends(scene, pair)]
            assert len(running) - len(dead) <= limit, running


def _ends(scene: Scene, pair: tuple[str, str]) -> bool:
    return ["end", *pair] in [line[:3] for line in scene.effects("end")]


async def test_a_run_that_kills_its_workers_is_crashed_after_three(scene: Scene) -> None:
    handle = await scene.trigger("deadly")
    await scene.ready(4)
    run = await scene.status(handle, "CRASHED")
    assert [line[2] for line in scene.effects("deadly")] == ["1", "2", "3"]
    assert run.cause is not None
    assert run.cause["code"] == "crashes"
    await scene.check([handle.id])


async def test_sigterm_puts_back_what_is_long_and_uses_up_no_attempt(scene: Scene) -> None:
    (worker,) = await scene.ready()
    handles = [
        await scene.trigger("sleeper", 60),
        await scene.trigger("pause", 60),
        await scene.trigger("stubborn", 60),
    ]
    short = await scene.trigger("sleeper", 0.1)
    for what, count in (("sleeper", 2), ("pause", 1), ("stubborn", 1)):
        await scene.noted(what, count)
    await scene.status(handles[1], "WAITING")
    worker.signal(signal.SIGTERM)
    assert worker.ended() == 0
    runs = [await scene.status(handle, "QUEUED") for handle in handles]
    assert [run.attempt for run in runs] == [0, 0, 0]
    assert (await scene.status(short, "COMPLETED")).attempt == 1
    for handle in handles:
        await handle.cancel()
    await scene.check([handle.id for handle in (*handles, short)])


async def test_a_worker_that_is_told_to_end_keeps_its_leases_as_long_as_something_runs(scene: Scene) -> None:
    (ending,) = await scene.ready(1, "--grace", "60")
    handle = await scene.trigger("sleeper", 3 * LEASE)
    await scene.noted("sleeper")
    await scene.ready()  # who would take it
    ending.signal(signal.SIGTERM)
    assert ending.ended() == 0
    assert (await handle.wait()).output == 1
    assert len(scene.effects("sleeper")) == 1


async def test_a_second_signal_does_not_wait(scene: Scene) -> None:
    (worker,) = await scene.ready(1, "--grace", "60")
    handle = await scene.trigger("sleeper", 60)
    await scene.noted("sleeper")
    worker.signal(signal.SIGTERM)
    await anyio.sleep(0.1)
    worker.signal(signal.SIGTERM)
    assert worker.ended(30) == 128 + signal.SIGTERM
    await scene.ready()
    await scene.noted("sleeper", 2)
    await handle.cancel()
    assert (await scene.status(handle, "CANCELED")).attempt == 2


async def test_a_run_of_five_leases_runs_once_and_so_does_one_that_blocks_its_loop(scene: Scene) -> None:
    await scene.ready(2)
    handles = [await scene.trigger(task, 5 * LEASE) for task in ("sleeper", "blocking")]
    assert [(await handle.wait()).output for handle in handles] == [1, 1]
    assert [len(scene.effects(task)) for task in ("sleeper", "blocking")] == [1, 1]
    await scene.check([handle.id for handle in handles])


async def test_a_stopped_worker_is_fenced(scene: Scene) -> None:
    """Its run goes on elsewhere, and what it does after its lease is marked."""
    (stopped,) = await scene.ready()
    handle = await scene.trigger("gated")
    await scene.noted("gated")
    stopped.signal(signal.SIGSTOP)
    await scene.ready()
    await scene.noted("gated", 2)
    stopped.signal(signal.SIGCONT)
    with anyio.fail_after(60):
        while "Attempt 1" not in _ended_spans(handle.id):
            await anyio.sleep(0.02)
    (scene.folder / "gate").touch()
    result = await handle.wait()
    assert (result.status, result.output) == ("COMPLETED", 2)
    await scene.check([handle.id])
    spans = _ended_spans(handle.id)
    assert spans["Attempt 1"] == "canceled"
    assert spans["Attempt 2"] in ("ok", "unset")


async def test_a_worker_goes_on_without_the_runs_of_a_queue_that_was_deleted(scene: Scene, project: Path) -> None:
    await scene.ready()
    running, waiting = await scene.trigger("sleeper", 60), await scene.trigger("plain", 1, delay=60)
    await scene.noted("sleeper")
    (project / ".runlog" / "queue.db").unlink()
    for handle in (running, waiting):
        with anyio.fail_after(60):
            while _logged(handle.id) != ("CRASHED", "its queue was deleted"):
                await anyio.sleep(0.02)
    with anyio.fail_after(60):
        while _ended_spans(running.id).get("Attempt 1") != "canceled":
            await anyio.sleep(0.02)
    handle = await scene.trigger("plain", 1)
    assert (await handle.wait()).output == 1
    with _log() as log:
        said = log.search(parse('level:error "was deleted or replaced"')).items[0]
        said_of_run = [event.message for event in log.events(running.id) if event.kind == "log"]
    assert said.attributes["runs"] == 2
    assert "runlog replay --query" in said.message
    assert said_of_run.count("its queue was deleted") == 1


def _logged(run_id: str) -> tuple[str, str | None]:
    with _log() as log:
        run = log.run(run_id)
        return run.status, run.reason


def _ended_spans(run_id: str) -> dict[str, str | None]:
    with _log() as log:
        return {event.name: event.status for event in log.events(run_id) if event.kind == "span"}


async def test_an_unknown_task_waits_for_the_new_version(scene: Scene, project: Path) -> None:
    """A rolling deploy: the old worker leaves alone what it does not know, and what is pinned to the new version."""
    config, new_task = project / "runlog.toml", "\n\n@task(retry=1)\nasync def novel() -> str:\n    return 'new'\n"
    old = project / "old"
    old.mkdir()
    (old / "project.py").write_text((project / "project.py").read_text())
    (old / "runlog.toml").write_text(config.read_text().replace("///.runlog", f"///{project}/.runlog"))
    (project / "project.py").write_text((project / "project.py").read_text() + new_task)
    (worker,) = await scene.ready(1, "-C", str(old), "--version", "v1")
    handle = await scene.trigger("novel")
    pinned = await scene.trigger("plain", 1, version="v2")
    assert (await scene.status(handle, "PENDING_VERSION")).attempt == 0
    assert (await scene.status(pinned, "PENDING_VERSION")).attempt == 0
    by_old = await scene.trigger("plain", 1)
    assert (await scene.status(by_old, "COMPLETED")).code_version == "v1"
    await scene.ready(1, "--version", "v2")
    worker.signal(signal.SIGTERM)
    assert (await handle.wait()).output == "new"
    assert (await scene.status(pinned, "COMPLETED")).code_version == "v2"
    await scene.check([handle.id, pinned.id, by_old.id])


@pytest.mark.parametrize("step", [3600, -3600])
async def test_a_clock_that_jumps_loses_and_doubles_nothing(
    scene: Scene, project: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.ready(2, FOLLOW_CLOCK="1")
    handles = [await scene.trigger("sleeper", 2 * LEASE), await scene.trigger("pause", 1.5 * LEASE)]
    await scene.noted("sleeper")
    await scene.noted("pause")
    real, offset = time.time_ns, [0]
    monkeypatch.setattr(
        time, "time_ns", lambda: real() + offset[0]
    )  # the clock is the machine's: this process has it too

    def set_clock(seconds: int) -> None:
        (project / "clock").write_text(str(seconds))
        offset[0] = seconds * 1_000_000_000

    set_clock(step)
    handles += [await scene.trigger("plain", 1)]
    statuses = await all_ended(scene, [handles[0].id, handles[2].id], 60)
    assert statuses == {"COMPLETED": 2}
    assert len(scene.effects("sleeper")) == 1
    set_clock(0)
    assert await all_ended(scene, [handles[1].id], 60) == {"COMPLETED": 1}
    assert len(scene.effects("pause")) == 1


async def test_four_workers_share_one_queue(scene: Scene) -> None:
    await scene.ready(4)
    run_ids = [(await scene.trigger("limited", 5)).id for _ in range(40)]
    run_ids += [(await scene.trigger("plain", 1)).id for _ in range(100)]
    assert await all_ended(scene, run_ids) == {"COMPLETED": 140}
    assert set(attempts_of(scene, "plain").values()) == {1}
    assert len({line[3] for line in scene.effects("plain")}) > 1
    assert_limit(scene, 2)
    await scene.check(run_ids)
