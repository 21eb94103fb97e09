"""What every engine promises about tokens and schedules; see `runlog.engines.base`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from runlog.engines.base import WAIT_PREFIX, Engine, Idempotency, NewRun
from runlog.errors import ProjectNotOpen, ScheduleNotFound, TokenNotFound
from runlog.tasks.states import ScheduleState, Token
from tests.engines.conftest import SECOND, Opener, new_run

pytestmark = pytest.mark.anyio

NINE, TEN, ELEVEN = (hour * 3600 * SECOND for hour in (9, 10, 11))


def nightly(**changes: Any) -> ScheduleState:
    values: dict[str, Any] = {
        "schedule_id": "nightly",
        "task": "report",
        "cron": "0 * * * *",
        "timezone": "UTC",
        "planned": NINE,
        "seen": NINE,
    }
    return ScheduleState(**{**values, **changes})


async def known(engine: Engine, schedule_id: str = "nightly") -> ScheduleState:
    return next(one for one in await engine.schedules() if one.schedule_id == schedule_id)


async def waits(engine: Engine, token_id: str, ended: list[Token], begun: anyio.Event | None = None) -> None:
    if begun is not None:
        begun.set()
    with anyio.fail_after(20):
        ended.append(await engine.wait_for_token(token_id))


async def test_a_token_is_completed_once_and_who_waits_is_told(engine: Engine) -> None:
    token = await engine.create_token("token_a", run_id="run_1", tags=("mail", "eu"))
    assert (token.status, token.run_id, token.tags) == ("PENDING", "run_1", ("mail", "eu"))
    ended: list[Token] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(waits, engine, "token_a", ended)
        tasks.start_soon(waits, engine, "token_a", ended)
        await anyio.wait_all_tasks_blocked()
        assert await engine.complete_token("token_a", b'{"ok": true}')
    assert [(one.status, one.output, one.tags) for one in ended] == [("COMPLETED", b'{"ok": true}', ("mail", "eu"))] * 2
    assert not await engine.complete_token("token_a", b"2")
    assert (await engine.wait_for_token("token_a")).output == b'{"ok": true}'
    assert [one.status for one in await engine.tokens(["token_a"])] == ["COMPLETED"]


async def test_a_token_that_another_process_completes_is_noticed(opener: Opener) -> None:
    (here, _), (there, _) = opener(), opener()
    await here.create_token("token_a")
    ended: list[Token] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(waits, here, "token_a", ended)
        await anyio.wait_all_tasks_blocked()
        assert await there.complete_token("token_a", b"1")
    assert ended[0].output == b"1"


async def test_a_token_times_out_for_all_who_wait_and_is_completed_no_more(opener: Opener) -> None:
    (here, _), (there, _) = opener(), opener()
    expires = time.time_ns() + SECOND // 5
    await here.create_token("token_a", expires=expires)
    ended: list[Token] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(waits, here, "token_a", ended)
        tasks.start_soon(waits, there, "token_a", ended)
    assert [(one.status, one.ended) for one in ended] == [("TIMED_OUT", expires)] * 2
    assert time.time_ns() >= expires
    assert not await here.complete_token("token_a")


async def test_a_token_whose_time_is_over_says_so_though_nobody_waited(engine: Engine) -> None:
    await engine.create_token("token_a", expires=time.time_ns() - 1)
    assert [one.status for one in await engine.tokens()] == ["TIMED_OUT"]
    assert not await engine.complete_token("token_a", b"1")
    assert (await engine.wait_for_token("token_a")).status == "TIMED_OUT"


async def test_a_key_gives_the_same_token_until_it_expires(engine: Engine) -> None:
    once = Idempotency("global:approve", time.time_ns() + 60 * SECOND)
    first = await engine.create_token("token_a", expires=5 * SECOND + time.time_ns(), idempotency=once)
    again = await engine.create_token("token_b", expires=9 * SECOND + time.time_ns(), idempotency=once)
    assert again == first
    with pytest.raises(TokenNotFound):
        await engine.tokens(["token_b"])
    gone = Idempotency("global:other", time.time_ns() - 1)
    await engine.create_token("token_c", idempotency=gone)
    assert (await engine.create_token("token_d", idempotency=gone)).token_id == "token_d"


async def test_tokens_are_listed_newest_first_without_those_of_waits(engine: Engine) -> None:
    for name in ("token_a", "token_b", f"{WAIT_PREFIX}c"):
        await engine.create_token(name)
    assert [one.token_id for one in await engine.tokens()] == ["token_b", "token_a"]
    assert [one.token_id for one in await engine.tokens(limit=1)] == ["token_b"]
    assert [one.token_id for one in await engine.tokens([f"{WAIT_PREFIX}c"])] == [f"{WAIT_PREFIX}c"]


async def test_a_token_that_does_not_exist_is_named(engine: Engine) -> None:
    for call in (engine.wait_for_token, engine.complete_token):
        with pytest.raises(TokenNotFound, match="token_x"):
            await call("token_x")


async def test_who_waits_for_a_token_is_told_that_the_engine_is_closed(engine: Engine) -> None:
    await engine.create_token("token_a")
    errors: list[Exception] = []

    async def wait() -> None:
        try:
            await engine.wait_for_token("token_a")
        except ProjectNotOpen as error:
            errors.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        await engine.close()
    assert errors


async def test_a_wait_that_is_cancelled_leaves_the_token_as_it_is(engine: Engine) -> None:
    await engine.create_token("token_a")
    with anyio.move_on_after(0.05):
        await engine.wait_for_token("token_a")
    assert await engine.complete_token("token_a")


async def test_tokens_are_forgotten_with_the_runs_of_their_time(engine: Engine, tmp_path: Path) -> None:
    run = new_run()
    await engine.submit([run])
    old, future = time.time_ns() - 1, time.time_ns() + 60 * SECOND
    await engine.create_token("token_open")
    await engine.create_token("token_over", expires=old)
    await engine.create_token("token_done")
    await engine.complete_token("token_done")
    await engine.create_token("token_of_a_run", run_id=run.run_id)
    await engine.create_token("token_of_a_forgotten_run", run_id="run_x")
    await engine.prune(future)
    assert [one.token_id for one in await engine.tokens()] == ["token_of_a_run", "token_open"]


async def test_a_schedule_is_known_once_it_is_declared(opener: Opener) -> None:
    (here, _), (there, _) = opener(), opener()
    assert await here.keep_schedules([nightly()]) == [nightly()]
    assert await there.schedules() == [nightly()]
    assert await there.keep_schedules([nightly(planned=TEN, seen=TEN)]) == [nightly(seen=TEN)]


async def test_a_new_cron_counts_from_its_declaration_on_and_an_older_one_changes_nothing(engine: Engine) -> None:
    await engine.keep_schedules([nightly()])
    newer = nightly(cron="30 * * * *", planned=TEN, seen=TEN)
    assert await engine.keep_schedules([newer]) == [newer]
    assert await engine.keep_schedules([nightly(seen=ELEVEN)]) == [nightly(cron=newer.cron, planned=TEN, seen=ELEVEN)]


async def test_a_planned_time_is_served_once_over_all_workers(opener: Opener) -> None:
    engines = [opener()[0] for _ in range(3)]
    await engines[0].keep_schedules([nightly()])
    runs = [new_run("report") for _ in range(6)]
    fired: list[NewRun] = []

    async def fire(engine: Engine, run: NewRun) -> None:
        if await engine.fire("nightly", TEN, run):
            fired.append(run)

    async with anyio.create_task_group() as tasks:
        for number, run in enumerate(runs):
            tasks.start_soon(fire, engines[number % 3], run)
    assert len(fired) == 1
    state = await known(engines[1])
    assert (state.planned, state.last, state.run_id) == (TEN, TEN, fired[0].run_id)
    assert (await engines[2].get(fired[0].run_id)).status == "QUEUED"
    assert [change.run_id for change in await engines[0].changes((0, 0), 10)] == [fired[0].run_id]
    assert not await engines[0].fire("nightly", NINE, new_run("report")), "a time before is done with"


async def test_a_time_that_is_left_out_leaves_the_newest_run_as_it_is(engine: Engine) -> None:
    await engine.keep_schedules([nightly()])
    run = new_run("report")
    assert await engine.fire("nightly", TEN, run)
    assert await engine.fire("nightly", ELEVEN, None)
    state = await known(engine)
    assert (state.planned, state.last, state.run_id) == (ELEVEN, TEN, run.run_id)


async def test_a_paused_schedule_is_not_fired_and_what_was_planned_meanwhile_is_left_out(engine: Engine) -> None:
    await engine.keep_schedules([nightly()])
    await engine.pause_schedule("nightly")
    assert (await known(engine)).paused
    assert not await engine.fire("nightly", TEN, new_run("report"))
    await engine.pause_schedule("nightly", paused=False)
    state = await known(engine)
    assert not state.paused
    assert not await engine.fire("nightly", TEN, new_run("report")), "it was planned while it was paused"
    assert await engine.fire("nightly", time.time_ns() + SECOND, new_run("report"))
    with pytest.raises(ScheduleNotFound):
        await engine.pause_schedule("weekly")


async def test_a_schedule_that_nobody_declares_any_more_is_forgotten(engine: Engine) -> None:
    await engine.keep_schedules([nightly(), nightly(schedule_id="paused"), nightly(schedule_id="new", seen=ELEVEN)])
    await engine.pause_schedule("paused")
    await engine.prune(TEN)
    assert [one.schedule_id for one in await engine.schedules()] == ["new", "paused"]
