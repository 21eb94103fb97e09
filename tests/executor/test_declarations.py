"""Tasks that are triggered by their id alone: what they declare counts, as far as any worker has said it."""

from __future__ import annotations

import anyio
import pytest

from runlog.tasks import Queue, trigger
from tests.executor.bench import Bench

pytestmark = pytest.mark.anyio


class Busy:
    """How many are inside at once, at most."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def __aenter__(self) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await anyio.sleep(0.01)  # long enough that others would be let in

    async def __aexit__(self, *_: object) -> None:
        self.now -= 1


async def test_the_limit_holds_for_runs_that_were_triggered_before_any_worker_ran(bench: Bench) -> None:
    busy = Busy()
    handles = [await trigger("send-mail", number) for number in range(4)]
    given = await trigger("send-mail", 9, queue="send-mail")
    assert (await bench.submitter.get(handles[0].id)).queue == "send-mail"

    @bench.task(id="send-mail", queue=Queue("mail", concurrency=1))
    async def send(number: int) -> int:
        async with busy:
            return number

    async with bench.worker():
        assert [(await handle.wait()).unwrap() for handle in (*handles, given)] == [0, 1, 2, 3, 9]
    assert [bench.stored(handle.id)[0].queue for handle in (*handles, given)] == ["mail"] * 4 + ["send-mail"]
    assert busy.most <= 2  # one in each of the two queues


async def test_what_the_task_declares_counts_when_its_worker_has_gone(bench: Bench) -> None:
    @bench.task(id="send-mail", queue=Queue("mail", concurrency=1), ttl=60, priority=5, tags=["news"], version="v2")
    async def send(number: int) -> None: ...

    async with bench.worker():
        with anyio.fail_after(20):
            while await bench.engine.declaration("send-mail") is None:
                await anyio.sleep(0.005)
    run = await bench.submitter.get((await trigger("send-mail", 1, tags=["vip"])).id)
    assert (run.queue, run.tags, run.options) == (
        "mail",
        ("news", "vip"),
        {"priority": 5.0, "ttl": 60.0, "version": "v2"},
    )
    run = await bench.submitter.get((await trigger("send-mail", 1, queue="fast", ttl=7, version="v3")).id)
    assert (run.queue, run.options) == ("fast", {"priority": 5.0, "ttl": 7.0, "version": "v3"})


async def test_a_replay_goes_to_the_queue_that_was_declared_since(bench: Bench) -> None:
    old = await trigger("send-mail", 1, delay=3600)
    await old.cancel()

    @bench.task(id="send-mail", queue=Queue("mail", concurrency=1))
    async def send(number: int) -> int:
        return number

    async with bench.worker():
        replayed = await bench.submitter.replay(old.id)
        await bench.until_status(replayed, "COMPLETED")
    assert bench.stored(replayed)[0].queue == "mail"
    assert bench.stored(old.id)[0].queue == "send-mail"


async def test_a_cancel_without_a_reason_is_said_in_the_log_of_the_run(bench: Bench) -> None:
    inside = anyio.Event()

    @bench.task
    async def sleep() -> None:
        inside.set()
        await anyio.sleep_forever()

    queued = await sleep.trigger(delay=3600)
    await queued.cancel()
    async with bench.worker():
        running = await sleep.trigger()
        await inside.wait()
        await running.cancel()
        assert (await running.wait()).status == "CANCELED"
    for handle in (queued, running):
        assert bench.stored(handle.id)[0].reason == "canceled"
        assert bench.logs(handle.id)[-1] == "canceled"
