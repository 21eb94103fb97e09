"""What every engine promises about what workers declare of their tasks."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from runlog.engines.base import Engine, NewRun, Outcome, Work
from runlog.tasks.states import TaskDeclaration
from tests.engines.conftest import Opener, claim_one, eventually, new_run, nothing_to_claim, work_on

pytestmark = pytest.mark.anyio

DONE = Outcome("COMPLETED")
MAIL = TaskDeclaration("mail", 60.0, ("news",), 5.0, "v2")


def mailing(declared: TaskDeclaration = MAIL, limit: int | None = 1) -> Work:
    return work_on("work", limits={declared.queue: limit}, declared={"work": declared})


def guessed(task: str = "work", **changes: Any) -> NewRun:
    return new_run(task, queue=task, queue_is_guess=True, **changes)


async def claim(engine: Engine, work: Work, limit: int = 10) -> list[str]:
    with anyio.fail_after(20):
        return [delivery.run.run_id for delivery in await engine.claim(work, limit)]


async def queue_of(engine: Engine, run: NewRun) -> str:
    return (await engine.get(run.run_id)).queue


async def test_a_declaration_outlives_its_worker_and_the_newest_counts(opener: Opener) -> None:
    engine, _ = opener()
    worker, _ = opener()
    assert await engine.declaration("work") is None
    await nothing_to_claim(worker, mailing())
    assert await engine.declaration("work") == MAIL
    await nothing_to_claim(worker, mailing(TaskDeclaration("post")))
    await worker.close()
    assert await engine.workers() == []
    assert await engine.declaration("work") == TaskDeclaration("post")
    assert await engine.declaration("other") is None


async def test_a_run_whose_queue_is_a_guess_goes_to_the_declared_one(engine: Engine) -> None:
    await nothing_to_claim(engine, mailing())
    unknown, given, guess = guessed("unheard"), new_run(queue="work"), guessed()
    await engine.submit([unknown, given, guess])
    assert [await queue_of(engine, run) for run in (unknown, given, guess)] == ["unheard", "work", "mail"]


async def test_runs_that_were_there_before_the_first_worker_move_to_the_declared_queue(opener: Opener) -> None:
    engine, _ = opener()
    runs = [guessed() for _ in range(3)]
    delayed, given = guessed(delay=3600), new_run(queue="work")
    await engine.submit([*runs, delayed, given])
    worker, told = opener()
    assert await claim(worker, mailing()) == [runs[0].run_id, given.run_id]
    assert await nothing_to_claim(worker, mailing())
    assert [await queue_of(engine, run) for run in (*runs, delayed, given)] == ["mail"] * 4 + ["work"]
    moved = {run.run_id: (run.status, run.queue, run.version) for run in told if run.version == 2}
    assert moved[runs[1].run_id] == ("QUEUED", "mail", 2)
    assert moved[delayed.run_id] == ("DELAYED", "mail", 2)
    assert "delayed until" in ((await engine.get(delayed.run_id)).reason or "")
    assert {state.name: state.queued for state in await engine.queues()} == {"mail": 2, "work": 0}


async def test_also_runs_that_no_running_worker_knows_and_each_in_its_turn(opener: Opener) -> None:
    engine, _ = opener()
    elsewhere, _ = opener()
    runs = [guessed(), guessed()]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(elsewhere.claim, work_on("other"), 1)
        await engine.submit(runs)
        await eventually(lambda: _is_pending(engine, runs))
        assert await claim(engine, mailing()) == [runs[0].run_id]
        assert (await engine.explain(runs[1].run_id)).cause == {
            "code": "queue_limit", "queue": "mail", "limit": 1, "ahead": 0,
        }  # fmt: skip
        tasks.cancel_scope.cancel()


async def _is_pending(engine: Engine, runs: list[NewRun]) -> bool:
    return {(await engine.get(run.run_id)).status for run in runs} == {"PENDING_VERSION"}


async def test_a_run_that_has_begun_stays_where_it_is(engine: Engine) -> None:
    run = guessed()
    await engine.submit([run])
    delivery = await claim_one(engine)
    await engine.finish(delivery, Outcome("QUEUED", available=0))
    assert await claim(engine, mailing()) == [run.run_id]
    assert await queue_of(engine, run) == "work"


async def test_the_queue_that_they_leave_has_room_for_others(engine: Engine) -> None:
    await nothing_to_claim(engine, work_on("nothing", limits={"work": 1}))
    leaving, staying = [guessed() for _ in range(3)], new_run(queue="work")
    await engine.submit([*leaving, staying])
    assert await claim(engine, mailing(limit=None)) == [run.run_id for run in (*leaving, staying)]


async def test_none_is_claimed_before_all_have_moved(opener: Opener) -> None:
    engine, _ = opener()
    await engine.submit([guessed() for _ in range(1200)])
    worker, _ = opener()
    assert len(await claim(worker, mailing(), 1000)) == 1
    assert await nothing_to_claim(worker, mailing())
    assert [(state.name, state.executing, state.queued) for state in await engine.queues()] == [("mail", 1, 1199)]


async def test_a_cancel_without_a_reason_has_one_in_words(opener: Opener) -> None:
    engine, changes = opener()
    runs = [new_run(), new_run(), new_run(), new_run()]
    await engine.submit(runs)
    first, second, third = [await claim_one(engine) for _ in range(3)]
    for run in runs:
        await engine.cancel(run.run_id)
    await engine.finish(first, Outcome("CANCELED"))
    await engine.finish(second, Outcome("QUEUED", crashed=True))
    await engine.finish(third, Outcome("CANCELED", reason="it said so"))
    reasons = {run.run_id: run.reason for run in changes if run.status == "CANCELED"}
    assert [reasons[run.run_id] for run in runs] == ["canceled", "canceled", "it said so", "canceled"]
