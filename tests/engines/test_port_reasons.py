"""What every engine promises about why runs do not execute."""

from __future__ import annotations

import time
from typing import Any

import pytest

from runlog.engines.base import Delivery, Engine, Interrupt, Outcome
from runlog.engines.reasons import words
from runlog.errors import PayloadError, RunNotFound
from runlog.tasks.metadata import METADATA_LIMIT
from runlog.tasks.states import MetadataChange
from tests.engines.conftest import SECOND, Opener, claim_one, eventually, new_run, work_on

pytestmark = pytest.mark.anyio


async def why(engine: Engine, run_id: str) -> tuple[str | None, dict[str, Any] | None]:
    run = await engine.explain(run_id)
    return run.reason, run.cause


async def test_without_a_worker_a_run_says_so_from_its_first_record_on(opener: Opener) -> None:
    engine, changes = opener()
    new = new_run()
    await engine.submit([new])
    assert (changes[0].reason, changes[0].cause) == ("no worker has run yet", {"code": "no_worker"})
    assert await why(engine, new.run_id) == ("no worker has run yet", {"code": "no_worker"})


async def test_when_the_last_worker_was_seen_is_remembered(opener: Opener) -> None:
    engine, _ = opener()
    await engine.submit([new_run()])
    await claim_one(engine)
    await engine.close()
    other, changes = opener()
    new = new_run()
    await other.submit([new])
    assert changes[0].cause is not None
    assert changes[0].cause["code"] == "no_worker"
    assert new.created - 60 * SECOND < changes[0].cause["seen"] < new.created
    assert "no worker has polled for " in str(changes[0].reason)


async def test_with_a_worker_the_first_record_has_no_reason(opener: Opener) -> None:
    engine, changes = opener()
    await engine.submit([new_run("other")])
    await claim_one(engine, "other")
    new = new_run()
    await engine.submit([new])
    assert (changes[-1].run_id, changes[-1].reason, changes[-1].cause) == (new.run_id, None, None)


async def test_each_thing_that_a_queued_run_waits_for_has_its_reason(engine: Engine) -> None:
    first, second, third = (new_run(queue="mail", concurrency_key="k") for _ in range(3))
    await engine.submit([first])
    await engine.claim(work_on("work", queues=("mail", "default"), limits={"mail": 1}), 1)
    unknown, elsewhere, busy = new_run("unknown"), new_run(queue="elsewhere"), new_run()
    delayed, pinned = new_run(delay=60), new_run(version="v9")
    await engine.submit([second, third, unknown, elsewhere, busy, delayed, pinned])
    limit = {"code": "queue_limit", "queue": "mail", "limit": 1, "key": "k"}
    assert await why(engine, second.run_id) == (
        "queue `mail` is at its limit 1 for the key `k`",
        {**limit, "ahead": 0},
    )
    assert await why(engine, third.run_id) == (
        "queue `mail` is at its limit 1 for the key `k`, 1 ahead",
        {**limit, "ahead": 1},
    )
    assert (await why(engine, unknown.run_id))[1] == {"code": "unknown_task", "task": "unknown"}
    assert await why(engine, elsewhere.run_id) == (
        "no running worker takes from queue `elsewhere`",
        {"code": "no_worker_for_queue", "queue": "elsewhere"},
    )
    assert await why(engine, busy.run_id) == ("all workers are busy", {"code": "workers_busy", "ahead": 0})
    assert (await why(engine, pinned.run_id))[1] == {"code": "version", "version": "v9"}
    assert (await why(engine, delayed.run_id))[1] == {"code": "delayed", "until": delayed.available}
    await engine.pause("mail")
    assert await why(engine, second.run_id) == ("queue `mail` is paused", {"code": "queue_paused", "queue": "mail"})


async def test_what_a_run_says_itself_stays(engine: Engine) -> None:
    new = new_run()
    await engine.submit([new])
    delivery = await claim_one(engine)
    assert await why(engine, new.run_id) == (None, None)
    cause: dict[str, Any] = {"code": "run", "run_ids": ["run_x"], "count": 1}
    engine.mark(delivery, "WAITING", "waiting for run run_x", cause)
    assert await why(engine, new.run_id) == ("waiting for run run_x", cause)
    engine.mark(delivery, "EXECUTING")
    assert await why(engine, new.run_id) == (None, None)
    retry: dict[str, Any] = {"code": "retry", "until": time.time_ns() + 60 * SECOND, "attempt": 1, "max_attempts": 3}
    await engine.finish(delivery, Outcome("DELAYED", available=retry["until"], reason="failed: E", cause=retry))
    assert await why(engine, new.run_id) == ("failed: E", retry)
    with pytest.raises(RunNotFound):
        await engine.explain("run_x")


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_run_that_does_not_get_its_turn_says_so_once_in_its_records(opener: Opener) -> None:
    engine, changes = opener()
    work = work_on("work", limits={"mail": 1})
    first, second = new_run(queue="mail"), new_run(queue="mail")
    await engine.submit([first, second])
    (delivery,) = await engine.claim(work, 10)

    def told() -> list[dict[str, Any] | None]:
        with changes.lock:
            return [change.cause for change in changes if change.run_id == second.run_id]

    async def is_told(code: str) -> bool:
        return ((await engine.get(second.run_id)).cause or {}).get("code") == code

    await eventually(lambda: is_told("queue_limit"))
    await engine.pause("mail")
    await eventually(lambda: is_told("queue_paused"))
    assert told() == [
        {"code": "no_worker"},
        {"code": "queue_limit", "queue": "mail", "limit": 1, "ahead": 0},
        {"code": "queue_paused", "queue": "mail"},
    ]
    await engine.pause("mail", paused=False)
    await engine.finish(delivery, Outcome("COMPLETED"))
    await engine.claim(work, 10)
    assert told()[-1] is None


async def test_cancelled_runs_say_by_whom(engine: Engine) -> None:
    parent, free = new_run("parent"), new_run()
    await engine.submit([parent, free])
    await claim_one(engine, "parent")
    child = new_run(parent_run_id=parent.run_id, waited=True)
    await engine.submit([child])
    taken = await engine.claim(work_on("work"), 10)
    held: dict[str, Delivery] = {delivery.run.run_id: delivery for delivery in taken}
    await engine.cancel(parent.run_id)
    await engine.cancel(free.run_id)
    await engine.finish(held[child.run_id], Outcome("CANCELED"))
    await engine.finish(held[free.run_id], Outcome("DELAYED", available=0))
    assert (await engine.get(child.run_id)).cause == {"code": "canceled", "by": parent.run_id}
    assert (await engine.get(free.run_id)).cause == {"code": "canceled"}


def test_words_are_never_missing() -> None:
    assert words({"code": "new_code"}, 0) == "new code"
    assert words({"code": "token"}, 0) == "token"
    assert words({}, 0) == "None"
    assert words({"code": "no_worker", "seen": 0}, 40 * SECOND) == "no worker has polled for 40 s"
    assert words({"code": "process", "exit_code": -9, "peak": 54 * 2**20}, 0) == (
        "its process was killed by SIGKILL (it used up to 54 MiB of memory)"
    )
    assert words({"code": "process", "exit_code": None, "peak": 0}, 0) == "its process could not be started"
    assert words({"code": "queue_limit", "queue": "mail", "limit": 5, "ahead": 1234}, 0) == (
        "queue `mail` is at its limit 5, 1,234 ahead"
    )


async def test_stacks_are_asked_for_each_time_and_wherever_the_attempt_is(opener: Opener) -> None:
    engine, _ = opener()
    elsewhere, _ = opener()
    new = new_run()
    await engine.submit([new])
    assert not await engine.ask_for_stacks(new.run_id)
    delivery = await claim_one(engine)
    told: list[Interrupt] = []
    assert await engine.ask_for_stacks(new.run_id)  # before anybody watches
    engine.watch(delivery, told.append)
    await eventually(lambda: _has(told, 1))
    assert await elsewhere.ask_for_stacks(new.run_id)
    await eventually(lambda: _has(told, 2))
    assert await engine.ask_for_stacks(new.run_id)
    await eventually(lambda: _has(told, 3))
    assert [interrupt.kind for interrupt in told] == ["stacks"] * 3
    await engine.cancel(new.run_id)
    assert told[-1].kind == "cancel"
    await engine.finish(delivery, Outcome("CANCELED"))
    assert not await engine.ask_for_stacks(new.run_id)
    with pytest.raises(RunNotFound):
        await engine.ask_for_stacks("run_x")


async def _has(told: list[Interrupt], count: int) -> bool:
    return len(told) >= count


async def test_metadata_and_tags_change_in_one_commit_and_come_with_the_next_delivery(opener: Opener) -> None:
    engine, changes = opener()
    new = new_run(metadata=b'{"step":1}', tags=("a",), options={"batch_id": "b"})
    await engine.submit([new])
    assert (changes[0].metadata, changes[0].options) == (b'{"step":1}', {"batch_id": "b"})
    first = await claim_one(engine)
    assert (first.run.metadata, first.run.options) == (b'{"step":1}', {"batch_id": "b"})
    steps = [MetadataChange("increment", "step", 2), MetadataChange("append", "log", "x")]
    await engine.change_metadata(new.run_id, steps, ["b", "a"])
    assert (changes[-1].metadata, changes[-1].tags, changes[-1].status) == (
        b'{"step":3,"log":["x"]}',
        ("a", "b"),
        "EXECUTING",
    )
    await engine.change_metadata(new.run_id, [], ["c"])
    assert (changes[-1].metadata, changes[-1].tags) == (None, ("a", "b", "c"))
    with pytest.raises(PayloadError):
        await engine.change_metadata(new.run_id, [MetadataChange("set", "big", "x" * METADATA_LIMIT)])
    await engine.finish(first, Outcome("QUEUED"))
    second = await claim_one(engine)
    assert (second.run.metadata, second.run.tags) == (b'{"step":3,"log":["x"]}', ("a", "b", "c"))
    await engine.finish(second, Outcome("COMPLETED"))
    await engine.change_metadata(new.run_id, steps, ["late"])
    run = await engine.get(new.run_id)
    assert (run.metadata, run.tags, run.options) == (b'{"step":3,"log":["x"]}', ("a", "b", "c"), {"batch_id": "b"})
    with pytest.raises(RunNotFound):
        await engine.change_metadata("run_x", steps)
