"""Subscriptions: what happens in runs, told as it happens."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import anyio
import pytest

from runlog.errors import RunNotFound
from runlog.logger import logger
from runlog.stores import open_store
from runlog.stores.base import INFO, WARN, Batch, Event, Run
from runlog.tasks.streams import stream
from runlog.tasks.submitter import News
from runlog.tasks.subscription import RunUpdate, update_of
from tests.executor.bench import Bench

pytestmark = pytest.mark.anyio


def told(updates: list[RunUpdate]) -> list[tuple[str, object]]:
    """What a user sees: states, messages, ended spans and chunks, in order, a state once."""
    seen: list[tuple[str, object]] = []
    for update in updates:
        what: object = {
            "run": update.run.status,
            "log": update.message,
            "stream": (update.name, update.chunk),
            "span": update.name,
        }[update.kind]
        if (update.kind != "span" or update.status is not None) and (update.kind, what) not in seen[-1:]:
            seen.append((update.kind, what))
    return seen


async def collect(news: AsyncGenerator[News, None]) -> list[RunUpdate]:
    with anyio.fail_after(20):
        async with aclosing(news):
            return [update_of(item) async for item in news]


async def test_everything_in_its_order_and_then_the_end(bench: Bench) -> None:
    go_on = anyio.Event()

    @bench.task(id="write", retry=1)
    async def write() -> str:
        logger.info("hello {who}", who="you")
        with logger.trace("step"):
            stream("tokens").write("a ")
            stream("tokens").write({"b": [1, 2]})
        await go_on.wait()
        logger.warn("late")
        return "done"

    async with bench.worker():
        handle = await write.trigger()
        found: list[RunUpdate] = []
        with anyio.fail_after(20):
            async with aclosing(bench.submitter.subscribe([handle.id], ())) as news:
                async for item in news:
                    found.append(update_of(item))
                    if found[-1].kind == "stream" and found[-1].chunk != "a ":
                        go_on.set()
    steps = told(found)
    assert [step for step in steps if step[0] in ("log", "stream")] == [
        ("log", "hello you"),
        ("stream", ("tokens", "a ")),
        ("stream", ("tokens", {"b": [1, 2]})),
        ("log", "late"),
    ]
    assert ("span", "Attempt 1") in steps
    assert steps[-1] == ("run", "COMPLETED")
    assert found[-1].run.output == "done"
    ids = [(update.kind, update.name, update.time, update.message, update.status) for update in found]
    assert len([entry for entry in ids if entry[0] == "log"]) == 2
    later = await collect(bench.submitter.subscribe([handle.id], ()))
    assert [step for step in told(later) if step[0] != "run"] == [step for step in steps if step[0] != "run"]
    assert told(later)[-1] == ("run", "COMPLETED")


async def test_the_reason_of_a_failure_comes_before_the_end(bench: Bench) -> None:
    @bench.task(id="fail", retry=1)
    async def fail() -> None:
        raise LookupError("no order")

    async with bench.worker():
        handle = await fail.trigger()
        steps = told(await collect(bench.submitter.subscribe([handle.id], ())))
    assert steps[-2:] == [("log", "LookupError: no order"), ("run", "FAILED")]


async def test_a_run_that_nobody_executes_is_followed_to_its_cancel(bench: Bench) -> None:
    @bench.task(id="never")
    async def never() -> None: ...

    first, second = (await never.batch_trigger([None, None])).ids
    async with anyio.create_task_group() as group:

        async def cancel() -> None:
            await bench.submitter.cancel(first, "enough")
            await bench.submitter.cancel(second)

        group.start_soon(cancel)
        found = await collect(bench.submitter.subscribe([first, second], ()))
    ends = [(update.run_id, update.run.reason) for update in found if update.run.is_terminal and update.kind == "run"]
    assert sorted(ends) == sorted([(first, "enough"), (second, "canceled")])


async def test_a_run_whose_end_the_log_never_tells_ends_by_the_queue_s_word(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "_records", lambda _: None)
    for name in ("_ENGINE_EVERY", "_LATEST"):
        monkeypatch.setattr(f"runlog.executor.subscribe.{name}", 0.0)

    @bench.task(id="lost")
    async def lost() -> str:
        return "found"

    async with bench.worker():
        handle = await lost.trigger()
        [update] = await collect(bench.submitter.subscribe([handle.id], ()))
    assert (update.run.status, update.run.output) == ("COMPLETED", "found")


async def test_an_unknown_run_is_refused(bench: Bench) -> None:
    with pytest.raises(RunNotFound):
        await collect(bench.submitter.subscribe(["run_nothing"], ()))


async def test_by_tag_from_now_on(bench: Bench) -> None:
    @bench.task(id="say")
    async def say(text: str) -> None:
        logger.info(text)

    found: list[RunUpdate] = []
    async with bench.worker():
        await (await say.trigger("before", tags=["mine"])).wait()
        async with anyio.create_task_group() as group:
            subscribed = anyio.Event()

            async def follow() -> None:
                async with aclosing(bench.submitter.subscribe(None, ("mine",))) as news:
                    async for item in news:
                        found.append(update_of(item))
                        if found[-1].message == "ready":
                            subscribed.set()

            group.start_soon(follow)
            with anyio.fail_after(20):
                while not subscribed.is_set():  # it begins at its first look
                    await (await say.trigger("ready", tags=["mine"])).wait()
            seen = len(found)
            await say.trigger("another's", tags=["other"])
            handle = await say.trigger("after", tags=["mine", "more"])
            await bench.until(lambda: any(it.run_id == handle.id and it.run.is_terminal for it in found))
            group.cancel_scope.cancel()
    assert not {"before", "another's"} & {update.message for update in found}
    assert [it.message for it in found[seen:] if it.run_id == handle.id and it.kind == "log"] == ["after"]
    for run_id in {update.run_id for update in found}:
        assert len([it for it in found if it.run_id == run_id and it.run.is_terminal and it.kind == "run"]) <= 1


def log_of(number: int, run_id: str, message: str) -> Event:
    return Event(number, "log", run_id, b"t" * 16, None, None, number, None, INFO, None, "logger", message, {})


async def test_records_from_other_processes_are_told_once_whatever_their_order(bench: Bench) -> None:
    """Events may be stored before their run's own record, and after its end."""
    run_id = "run_elsewhere"

    def state(version: int, status: str, **values: Any) -> Run:
        return Run(run_id, version, "far", status, "far", 1, version, tags=("far",), **values)

    store = open_store(bench.settings)
    store.write(Batch(runs=[Run("run_other", 1, "far", "QUEUED", "far", 1, 1)]))
    found: list[RunUpdate] = []

    def messages() -> list[str]:
        return [update.message for update in found if update.kind == "log"]

    async with anyio.create_task_group() as group:

        async def follow() -> None:
            async with aclosing(bench.submitter.subscribe(None, ("far",))) as news:
                async for item in news:
                    found.append(update_of(item))  # noqa: PERF401 - it never ends

        group.start_soon(follow)
        number = 0
        with anyio.fail_after(20):
            while not found:  # until it has begun
                number += 1
                store.write(Batch(runs=[Run(f"run_{number}", 1, "far", "COMPLETED", "far", 1, 1, tags=("far",))]))
                await anyio.sleep(0.01)
        store.write(Batch([log_of(1, run_id, "one")]))
        store.write(Batch([log_of(2, run_id, "two")], [state(1, "EXECUTING")]))
        await bench.until(lambda: messages() == ["one", "two"])
        store.write(Batch([], [state(2, "CANCELED", reason="enough")]))
        store.write(Batch([log_of(3, run_id, "three")]))
        store.write(Batch([Event(4, "log", run_id, None, None, None, 2, None, WARN, None, "runlog", "enough", {})]))
        await bench.until(lambda: any(update.run.status == "CANCELED" and update.kind == "run" for update in found))
        store.write(Batch([log_of(5, run_id, "from a thread left behind")]))
        await bench.until(lambda: messages()[-1:] == ["from a thread left behind"])
        group.cancel_scope.cancel()
    store.close()
    assert messages() == ["one", "two", "three", "enough", "from a thread left behind"]
    assert [it.run.status for it in found if it.run_id == run_id and it.kind == "run"] == ["EXECUTING", "CANCELED"]
