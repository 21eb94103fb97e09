"""What every engine promises about queues: their limits, who comes first, and pausing."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import anyio
import pytest

from runlog.engines.base import Delivery, Engine, NewRun, Outcome, Work
from runlog.tasks.states import QueueState
from tests.engines.conftest import SECOND, Opener, eventually, new_run, nothing_to_claim, work_on

pytestmark = pytest.mark.anyio

DONE = Outcome("COMPLETED")


def limited(**limits: int | None) -> Work:
    return work_on("work", "other", limits=limits)


async def claim(engine: Engine, work: Work, limit: int = 10) -> list[Delivery]:
    with anyio.fail_after(20):
        return await engine.claim(work, limit)


async def ids(engine: Engine, work: Work, limit: int = 10) -> list[str]:
    return [delivery.run.run_id for delivery in await claim(engine, work, limit)]


def names(*runs: NewRun) -> list[str]:
    return [run.run_id for run in runs]


async def test_no_more_runs_of_a_queue_execute_than_its_limit_and_the_next_comes_as_one_ends(engine: Engine) -> None:
    work = limited(mail=2)
    runs = [new_run(queue="mail") for _ in range(5)]
    await engine.submit(runs)
    taken = await claim(engine, work)
    assert [delivery.run.run_id for delivery in taken] == names(*runs[:2])
    assert await nothing_to_claim(engine, work)
    for number, delivery in enumerate(taken):
        assert await engine.finish(delivery, DONE)
        assert await ids(engine, work) == names(runs[2 + number])


async def test_the_limit_is_that_of_each_concurrency_key(engine: Engine) -> None:
    work = limited(mail=1)
    runs = [new_run(queue="mail", concurrency_key=key) for key in ("a", "a", "b", None, None)]
    await engine.submit(runs)
    taken = await claim(engine, work)
    assert [(delivery.run.run_id, delivery.run.concurrency_key) for delivery in taken] == [
        (runs[0].run_id, "a"),
        (runs[2].run_id, "b"),
        (runs[3].run_id, None),
    ]
    await engine.finish(taken[0], DONE)
    assert await ids(engine, work) == names(runs[1])


async def test_a_full_queue_is_in_nobodys_way(engine: Engine) -> None:
    work = limited(mail=1, free=None)
    await engine.submit([new_run(queue="mail") for _ in range(30)])
    free = [new_run(queue="free"), new_run("other", queue="free")]
    await engine.submit(free)
    taken = await claim(engine, work, 3)
    assert sorted(delivery.run.queue for delivery in taken) == ["free", "free", "mail"]


async def test_priority_is_a_head_start_also_among_those_that_wait_for_room(engine: Engine) -> None:
    work = limited(mail=1)
    first, late, urgent = (new_run(queue="mail", priority=priority) for priority in (0, 0, 60 * SECOND))
    await engine.submit([first])
    (running,) = await claim(engine, work)
    await engine.submit([late])
    await engine.submit([urgent])
    await engine.finish(running, DONE)
    (running,) = await claim(engine, work)
    assert running.run == urgent
    await engine.finish(running, DONE)
    assert await ids(engine, work) == names(late)


async def test_who_is_first_is_not_displaced_by_a_run_of_another_task_that_nobody_takes(opener: Opener) -> None:
    engine, _ = opener()
    elsewhere, _ = opener()
    blocked, mine = new_run("other", queue="mail"), new_run(queue="mail")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(elsewhere.claim, work_on("third", "other", queues=("none",), limits={"mail": 1}), 1)
        await eventually(lambda: _registered(engine))
        await engine.submit([blocked, mine])
        assert await ids(engine, work_on("work", limits={"mail": 1})) == names(mine)
        tasks.cancel_scope.cancel()


async def _registered(engine: Engine) -> bool:
    return bool(await engine.workers())


async def test_a_worker_may_take_from_some_queues_only(engine: Engine) -> None:
    mail, other = new_run(queue="mail"), new_run(queue="other")
    await engine.submit([other, mail])
    assert await ids(engine, work_on("work", queues=("mail",))) == names(mail)
    assert await ids(engine, work_on("work")) == names(other)


async def test_the_newest_declaration_of_a_limit_counts_for_what_waits_already(engine: Engine) -> None:
    runs = [new_run(queue="mail") for _ in range(6)]
    await engine.submit(runs)
    (first,) = await claim(engine, limited(mail=None), 1)
    assert await nothing_to_claim(engine, limited(mail=1))  # what executes already counts
    assert await ids(engine, limited(mail=3)) == names(*runs[1:3])
    assert await nothing_to_claim(engine, limited(mail=2))
    await engine.finish(first, DONE)
    assert await nothing_to_claim(engine, limited(mail=2))
    assert await ids(engine, limited(mail=None)) == names(*runs[3:])


async def test_a_paused_queue_hands_out_nothing_and_what_executes_goes_on(opener: Opener) -> None:
    engine, _ = opener()
    elsewhere, _ = opener()
    work = limited(mail=2)
    runs = [new_run(queue="mail") for _ in range(2)]
    await engine.submit(runs[:1])
    (running,) = await claim(engine, work)
    await elsewhere.pause("mail")
    await engine.submit(runs[1:])
    free = new_run()
    await engine.submit([free])
    assert await ids(engine, work) == names(free)
    engine.mark(running, "WAITING")
    with anyio.fail_after(20):
        await engine.resume(running)
    assert await engine.finish(running, DONE)
    assert await nothing_to_claim(engine, work)

    async def go_on() -> None:
        await anyio.wait_all_tasks_blocked()
        await elsewhere.pause("mail", paused=False)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(go_on)
        assert await ids(engine, work) == names(runs[1])


@pytest.mark.parametrize("how", ["finish", "retry", "cancel", "crash", "close"])
async def test_whatever_ends_an_attempt_frees_its_place(opener: Opener, how: str) -> None:
    engine, _ = opener()
    other, _ = opener()
    work = limited(mail=1)
    first, second = new_run(queue="mail"), new_run(queue="mail")
    await engine.submit([first, second])
    (running,) = await claim(engine, work, 1)
    assert await nothing_to_claim(other, work)
    match how:
        case "finish":
            await engine.finish(running, Outcome("FAILED", error={"type": "E", "message": "e"}))
        case "retry":
            await engine.finish(running, Outcome("DELAYED", available=time.time_ns() + 60 * SECOND))
        case "cancel":
            await other.cancel(first.run_id)
            await engine.finish(running, Outcome("CANCELED"))
        case "crash":
            later = time.time_ns() + 60 * SECOND
            await engine.finish(running, Outcome("QUEUED", crashed=True, available=later))
        case "close":
            await engine.close()
            assert await ids(other, work) == names(first)  # it keeps its place among the others
            return
    assert await ids(other, work) == names(second)


async def test_a_queued_run_that_is_cancelled_or_put_off_leaves_its_turn_to_the_next(engine: Engine) -> None:
    work = limited(mail=1)
    runs = [new_run(queue="mail") for _ in range(4)]
    await engine.submit(runs)
    (running,) = await claim(engine, work)
    await engine.cancel(runs[1].run_id)
    await engine.finish(running, DONE)
    assert await engine.reschedule(runs[2].run_id, time.time_ns() + 60 * SECOND)
    assert await ids(engine, work) == names(runs[3])


async def test_a_run_that_waits_gives_its_place_back_and_goes_on_before_new_ones(opener: Opener) -> None:
    engine, changes = opener()
    elsewhere, _ = opener()
    work = limited(mail=1)
    waiting, running, new = (new_run(queue="mail") for _ in range(3))
    await engine.submit([waiting, running, new])
    (first,) = await claim(engine, work)
    engine.mark(first, "WAITING", "waits", {"code": "run", "run_ids": ["run_x"], "count": 1})
    (second,) = await claim(elsewhere, work)
    assert second.run == running
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(engine.resume, first)
        await eventually(lambda: _has_cause(engine, waiting.run_id, "resuming"))
        await elsewhere.finish(second, DONE)
        assert await nothing_to_claim(elsewhere, work)
    assert (await engine.get(waiting.run_id)).status == "EXECUTING"
    assert changes.of(waiting.run_id) == ["QUEUED", "EXECUTING", "WAITING", "WAITING", "EXECUTING"]
    await engine.finish(first, DONE)
    assert await ids(elsewhere, work) == names(new)


async def _has_cause(engine: Engine, run_id: str, code: str) -> bool:
    return ((await engine.get(run_id)).cause or {}).get("code") == code


async def test_those_who_go_on_do_so_in_the_order_in_which_they_asked(engine: Engine) -> None:
    work = limited(mail=1)
    runs = [new_run(queue="mail") for _ in range(4)]
    await engine.submit(runs)
    waiting = []
    for _ in range(3):
        (delivery,) = await claim(engine, work)
        engine.mark(delivery, "WAITING")
        waiting.append(delivery)
    (last,) = await claim(engine, work)
    went: list[Delivery] = []

    async def resume(delivery: Delivery) -> None:
        await engine.resume(delivery)
        went.append(delivery)
        await engine.finish(delivery, DONE)

    async with anyio.create_task_group() as tasks:
        for delivery in (waiting[2], waiting[0], waiting[1]):
            tasks.start_soon(resume, delivery)
            await eventually(partial(_has_cause, engine, delivery.run.run_id, "resuming"))
        await engine.finish(last, DONE)
    assert went == [waiting[2], waiting[0], waiting[1]]


async def test_who_gives_up_going_on_waits_again_and_blocks_nobody(engine: Engine) -> None:
    work = limited(mail=1)
    waiting, running, new = (new_run(queue="mail") for _ in range(3))
    await engine.submit([waiting, running, new])
    (first,) = await claim(engine, work)
    engine.mark(first, "WAITING", "waits for something", {"code": "run", "count": 1})
    (second,) = await claim(engine, work)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(engine.resume, first)
        await eventually(lambda: _has_cause(engine, waiting.run_id, "resuming"))
        tasks.cancel_scope.cancel()
    await eventually(lambda: _has_cause(engine, waiting.run_id, "run"))
    assert (await engine.get(waiting.run_id)).reason == "waits for something"
    await engine.finish(second, DONE)
    (third,) = await claim(engine, work)
    assert third.run == new
    engine.mark(first, "EXECUTING")  # being ended: there need not be a place
    await eventually(lambda: _has_status(engine, waiting.run_id, "EXECUTING"))
    assert await engine.finish(first, DONE)


async def _has_status(engine: Engine, run_id: str, status: str) -> bool:
    return (await engine.get(run_id)).status == status


async def test_who_has_lost_its_run_does_not_wait_to_go_on(engine: Engine) -> None:
    work = limited(mail=1)
    await engine.submit([new_run(queue="mail")])
    (delivery,) = await claim(engine, work)
    await engine.finish(delivery, DONE)
    with anyio.fail_after(20):
        await engine.resume(delivery)


async def test_three_levels_of_waits_in_a_queue_of_one_place_come_to_their_end(engine: Engine) -> None:
    work = limited(mail=1)

    async def execute(delivery: Delivery) -> None:
        depth = int(delivery.run.payload or b"0")
        if depth < 3:
            child = new_run(queue="mail", payload=b"%d" % (depth + 1), parent_run_id=delivery.run.run_id, waited=True)
            engine.mark(delivery, "WAITING", "waits")
            await engine.submit([child])
            await engine.wait([child.run_id])
            await engine.resume(delivery)
        await engine.finish(delivery, DONE)

    parents = [new_run(queue="mail", payload=b"0") for _ in range(3)]
    await engine.submit(parents)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:

            async def work_on_all() -> None:
                while True:
                    for delivery in await engine.claim(work, 10):
                        tasks.start_soon(execute, delivery)

            tasks.start_soon(work_on_all)
            ended = await engine.wait(names(*parents))
            tasks.cancel_scope.cancel()
    assert [run.status for run in ended] == ["COMPLETED"] * 3


async def test_queues_are_told_with_what_is_in_them(engine: Engine) -> None:
    work = limited(mail=2, idle=7)
    await engine.submit([new_run(queue="mail") for _ in range(5)])
    await engine.submit([new_run(queue="mail", delay=60), new_run(queue="free")])
    taken = await claim(engine, work)
    waits = next(delivery for delivery in taken if delivery.run.queue == "mail")
    engine.mark(waits, "WAITING")
    await engine.pause("free")
    assert await engine.queues() == [
        QueueState("free", None, paused=True, executing=1, queued=0, delayed=0, waiting=0),
        QueueState("idle", 7, paused=False, executing=0, queued=0, delayed=0, waiting=0),
        QueueState("mail", 2, paused=False, executing=1, queued=3, delayed=1, waiting=1),
    ]


async def test_workers_are_told_with_what_they_take(opener: Opener) -> None:
    engine, _ = opener()
    await engine.submit([new_run()])
    work = work_on("work", queues=("default",), limits={"default": 3}, version="v1")
    await claim(engine, work)
    elsewhere, _ = opener()
    (worker,) = await elsewhere.workers()
    assert (worker.alive, worker.work, worker.running) == (True, work, 1)
    assert worker.started <= worker.seen <= time.time_ns()
    seen: list[Any] = [worker.seen]
    await eventually(lambda: _seen_again(elsewhere, seen[0]))


async def _seen_again(engine: Engine, before: int) -> bool:
    return all(worker.seen > before for worker in await engine.workers())
