"""What every engine promises about runs that stand for later triggers: idempotency keys and debouncing."""

from __future__ import annotations

import time
from typing import Any

import anyio
import pytest

from runlog.engines.base import Debounce, Engine, Idempotency, NewRun, Outcome, Submitted
from tests.engines.conftest import SECOND, Opener, claim_one, eventually, new_run

pytestmark = pytest.mark.anyio


def keyed(key: str = "k", *, lives: float = 60, task: str = "work", **changes: Any) -> NewRun:
    return new_run(task, idempotency=Idempotency(key, time.time_ns() + int(lives * SECOND)), **changes)


async def submit(engine: Engine, new: NewRun) -> Submitted:
    (submitted,) = await engine.submit([new])
    return submitted


def itself(new: NewRun) -> Submitted:
    return Submitted(new.run_id, new.trace_id, new.span_id)


def cached(new: NewRun, why: Any = "idempotency") -> Submitted:
    return Submitted(new.run_id, new.trace_id, new.span_id, why)


async def test_runs_of_a_task_with_one_key_are_one_run(opener: Opener) -> None:
    engine, changes = opener()
    first = keyed()
    assert await submit(engine, first) == itself(first)
    assert await submit(engine, keyed(payload=b'"other"')) == cached(first)
    assert (await engine.get(first.run_id)).payload == first.payload
    other_task, other_key = keyed(task="other"), keyed("l")
    assert await engine.submit([other_task, other_key]) == [itself(other_task), itself(other_key)]
    assert len(changes) == 3
    assert (await claim_one(engine)).run == first


async def test_a_batch_may_hold_one_key_twice(engine: Engine) -> None:
    first, again, free = keyed(), keyed(), new_run()
    assert await engine.submit([first, again, free]) == [itself(first), cached(first), itself(free)]


async def test_concurrent_triggers_with_one_key_make_one_run(opener: Opener) -> None:
    engines = [opener()[0], opener()[0]]
    runs = [keyed(str(number // 10)) for number in range(50)]
    known: set[tuple[str, str]] = set()

    async def trigger(number: int, new: NewRun) -> None:
        submitted = await submit(engines[number % 2], new)
        assert new.idempotency is not None
        known.add((new.idempotency.key, submitted.run_id))

    async with anyio.create_task_group() as tasks:
        for number, new in enumerate(runs):
            tasks.start_soon(trigger, number, new)
    assert len(known) == 5


@pytest.mark.parametrize(
    ("outcome", "stays"),
    [
        (Outcome("COMPLETED"), True),
        (Outcome("CANCELED"), True),
        (Outcome("DELAYED", available=time.time_ns() + 3600 * SECOND), True),
        (Outcome("FAILED", error={"type": "E", "message": ""}), False),
        (Outcome("TIMED_OUT"), False),
        (Outcome("CRASHED", crashed=True), False),
    ],
    ids=lambda value: value.status if isinstance(value, Outcome) else "",
)
async def test_a_key_stands_until_the_run_fails(engine: Engine, outcome: Outcome, stays: bool) -> None:
    first, second = keyed(), keyed()
    await engine.submit([first])
    await engine.finish(await claim_one(engine), outcome)
    assert await submit(engine, second) == (cached(first) if stays else itself(second))


async def test_a_key_stands_for_a_run_that_a_user_cancels_and_not_for_one_that_its_parent_does(engine: Engine) -> None:
    first, second = keyed(), keyed()
    await engine.submit([first])
    await engine.cancel(first.run_id)
    assert await submit(engine, second) == cached(first)
    parent = new_run("parent")
    await engine.submit([parent])
    child = keyed("c", parent_run_id=parent.run_id, waited=True)
    await engine.submit([child])
    await engine.cancel(parent.run_id)
    run = await engine.get(child.run_id)
    assert (run.status, run.cause) == ("CANCELED", {"code": "canceled", "by": parent.run_id})
    again = keyed("c")
    assert await submit(engine, again) == itself(again)


async def test_a_run_that_expires_gives_its_key_up(engine: Engine) -> None:
    first = keyed(expires=time.time_ns() + SECOND // 20, delay=60)
    await engine.submit([first])
    with anyio.fail_after(20):
        (ended,) = await engine.wait([first.run_id])
    assert ended.status == "EXPIRED"
    again = keyed()
    assert await submit(engine, again) == itself(again)


async def test_a_key_ends_with_its_time(engine: Engine) -> None:
    first, second, third = keyed(lives=-1), keyed(), keyed()
    await engine.submit([first])
    assert await submit(engine, second) == itself(second)
    assert await submit(engine, third) == cached(second)
    await engine.finish(await claim_one(engine), Outcome("FAILED"))  # the first one: the key is the second's
    assert await submit(engine, third) == cached(second)


async def test_a_run_is_not_forgotten_while_its_key_stands(engine: Engine) -> None:
    stands, over = keyed("stands"), keyed("over", lives=0.2)
    await engine.submit([stands, over])
    for _ in range(2):
        await engine.finish(await claim_one(engine), Outcome("COMPLETED"))

    async def is_pruned() -> bool:
        return await engine.prune(time.time_ns()) == 1

    await eventually(is_pruned)
    assert await submit(engine, keyed("stands")) == cached(stands)
    again = keyed("over")
    assert await submit(engine, again) == itself(again)


async def test_waited_children_with_a_key_outlive_an_attempt_of_their_parent_but_not_the_parent(
    engine: Engine,
) -> None:
    parent = new_run("parent")
    await engine.submit([parent])
    first = await claim_one(engine, "parent")
    mine: dict[str, Any] = {"parent_run_id": parent.run_id, "waited": True}
    kept, dropped = keyed("kept", **mine), new_run(**mine)
    await engine.submit([kept, dropped])
    again = Outcome("QUEUED", available=first.run.available)
    for delivery_outcome in (again, Outcome("QUEUED", uses_attempt=False), Outcome("QUEUED", crashed=True)):
        await engine.finish(first, delivery_outcome)
        assert (await engine.get(kept.run_id)).status == "QUEUED"
        assert (await engine.get(dropped.run_id)).status == "CANCELED"
        first = await claim_one(engine, "parent")
        assert await submit(engine, keyed("kept", **mine)) == cached(kept)
    await engine.finish(first, Outcome("FAILED"))
    assert (await engine.get(kept.run_id)).status == "CANCELED"


def debounced(delay: float = 60, *, trailing: bool = False, until: float | None = None, **changes: Any) -> NewRun:
    limit = None if until is None else int(until * SECOND)
    return new_run(delay=delay, debounce=Debounce("d", trailing=trailing, until=limit), **changes)


@pytest.mark.parametrize("trailing", [False, True])
async def test_a_delayed_run_takes_in_what_comes_under_its_key_and_is_put_off(opener: Opener, trailing: bool) -> None:
    engine, changes = opener()
    first = debounced(payload=b"1", tags=("a",))
    second = debounced(120, trailing=trailing, payload=b"2", tags=("b",))
    assert await submit(engine, first) == itself(first)
    assert await submit(engine, second) == cached(first, "debounce")
    run = await engine.get(first.run_id)
    assert (run.status, run.available) == ("DELAYED", second.available)
    assert (run.payload, run.tags) == ((b"2", ("b",)) if trailing else (b"1", ("a",)))
    assert changes[-1].payload == (b"2" if trailing else None)
    assert run.cause == {"code": "delayed", "until": second.available}


async def test_a_run_is_not_put_off_for_ever(engine: Engine) -> None:
    first = debounced(1)
    await engine.submit([first])
    await engine.submit([debounced(3600, until=10)])
    assert (await engine.get(first.run_id)).available == first.created + 10 * SECOND


async def test_a_run_that_has_started_or_was_cancelled_takes_nothing_in(engine: Engine) -> None:
    first = debounced(0)
    await engine.submit([first])
    await claim_one(engine)
    second = debounced()
    assert await submit(engine, second) == itself(second)
    await engine.cancel(second.run_id)
    third = debounced()
    assert await submit(engine, third) == itself(third)
    assert await submit(engine, debounced()) == cached(third, "debounce")


async def test_an_idempotency_key_comes_before_debouncing_and_stands_for_the_run_that_took_it_in(
    engine: Engine,
) -> None:
    first = debounced()
    await engine.submit([first])
    once = Idempotency("k", time.time_ns() + 60 * SECOND)
    assert await submit(engine, debounced(idempotency=once)) == cached(first, "debounce")
    available = (await engine.get(first.run_id)).available
    assert await submit(engine, debounced(600, idempotency=once)) == cached(first, "idempotency")
    assert (await engine.get(first.run_id)).available == available
