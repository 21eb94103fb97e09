from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextvars import copy_context
from typing import Any, TypeVar

import anyio
import pytest
from anyio import to_thread

from runlog.executor.attempt import current_attempt
from runlog.executor.threads import Threads
from runlog.executor.trouble.loops import LoopView
from runlog.executor.trouble.records import place_of, write_stacks
from runlog.executor.trouble.stacks import MAX_STACKS, Snapshot, describe, standing, take
from runlog.tracing.trace import trace
from tests.executor.trouble.acting import Acting, lookout, running
from tests.recorded import in_run, recording

pytestmark = pytest.mark.anyio
T = TypeVar("T")


async def elsewhere(call: Callable[[], T]) -> T:
    """Call in another thread, as the watchdog does."""
    return await to_thread.run_sync(call)


async def described(view: LoopView, attempt: Any) -> dict[str, Any]:
    return await elsewhere(lambda: describe(take(view), attempt))


def functions(stack: dict[str, Any]) -> list[str]:
    return [frame["function"].rpartition(".")[2] for frame in stack["frames"]]


def own(stacks: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [stack for stack in stacks[kind] if stack.get("run")]


async def fetch(ready: anyio.Event) -> None:
    ready.set()
    await anyio.sleep(60)  # the line of fetch


async def caller(ready: anyio.Event) -> None:
    await fetch(ready)


async def numbers() -> AsyncIterator[int]:
    await anyio.sleep(60)
    yield 1


async def reader(ready: anyio.Event) -> None:
    ready.set()
    async for _ in numbers():
        pass


async def deep(ready: anyio.Event, depth: int) -> None:
    await (deep(ready, depth - 1) if depth else fetch(ready))


async def started(group: anyio.abc.TaskGroup, function: Callable[[anyio.Event], Any], attempt: Any = None) -> None:
    """Start a task, in an attempt or in none, and wait until it is where it waits."""
    ready = anyio.Event()
    token = current_attempt.set(attempt)
    group.start_soon(function, ready)
    current_attempt.reset(token)
    await ready.wait()
    await anyio.wait_all_tasks_blocked()


async def test_a_task_is_followed_through_all_that_it_awaits() -> None:
    attempt: Any = Acting()
    async with anyio.create_task_group() as group:
        await started(group, caller, attempt)
        await started(group, reader)
        stacks = await described(LoopView(), attempt)
        group.cancel_scope.cancel()
    (mine,) = own(stacks, "tasks")
    assert stacks["tasks"][0] is mine
    names = functions(mine)
    assert names.index("caller") < names.index("fetch") < names.index("sleep")
    line = next(frame for frame in mine["frames"] if frame["function"] == "fetch")
    assert line["source"] == "await anyio.sleep(60)  # the line of fetch"
    assert line["file"] == __file__
    (other,) = [stack for stack in stacks["tasks"] if "reader" in functions(stack)]
    assert "run" not in other
    assert functions(other).index("reader") < functions(other).index("numbers") < functions(other).index("sleep")
    assert standing(stacks).words == f"fetch (test_stacks.py:{line['line']}) awaits sleep"
    assert standing(stacks).attributes["code.function.name"] == "fetch"


async def test_tasks_at_one_place_are_one_stack() -> None:
    attempt: Any = Acting()
    async with anyio.create_task_group() as group:
        for _ in range(30):
            await started(group, caller)
        stacks = await described(LoopView(), attempt)
        group.cancel_scope.cancel()
    (stack,) = [stack for stack in stacks["tasks"] if "fetch" in functions(stack)]
    assert stack["count"] == 30


async def test_a_blocked_loop_shows_what_blocks_it() -> None:
    attempt: Any = Acting()
    view, go_on, taken = LoopView(), threading.Event(), list[Snapshot]()

    def look() -> None:
        blocking.wait(20)
        taken.append(take(view))
        go_on.set()

    blocking = threading.Event()
    thread = threading.Thread(target=look)
    thread.start()

    async def block() -> None:
        current_attempt.set(attempt)
        await anyio.sleep(0)
        blocking.set()
        go_on.wait(20)

    async with anyio.create_task_group() as group:
        group.start_soon(block)
    thread.join()
    stacks = describe(taken[0], attempt)
    (thread_stack,) = own(stacks, "threads")
    assert "(event loop)" in thread_stack["name"]
    assert "block" in functions(thread_stack)
    (task,) = own(stacks, "tasks")
    assert task["running"]
    words = standing(stacks).words
    assert "block (test_stacks.py:" in words
    assert words.endswith("runs go_on.wait(20)")


async def test_the_thread_of_a_sync_task_is_the_runs() -> None:
    attempt: Any = Acting()
    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(20)

    async with anyio.create_task_group() as group:
        with in_run("run_1") as scope:
            attempt.scope = scope
            group.start_soon(Threads(1).run, work)
            await elsewhere(lambda: begun.wait(20))
            stacks = await described(LoopView(), attempt)
        go_on.set()
    (stack,) = own(stacks, "threads")
    assert functions(stack)[-3:-1] == ["work", "wait"] or "work" in functions(stack)
    assert "work (test_stacks.py:" in standing(stacks).words


async def test_stacks_are_bounded_and_say_what_is_left_out() -> None:
    attempt: Any = Acting()

    source = "".join(f"async def place{n}(ready): await deep(ready, 60)\n" for n in range(MAX_STACKS + 20))
    places: dict[str, Any] = {"deep": deep}
    exec(source, places)
    async with anyio.create_task_group() as group:
        for number in range(MAX_STACKS + 20):
            await started(group, places[f"place{number}"])
        stacks = await described(LoopView(), attempt)
        group.cancel_scope.cancel()
    assert len(stacks["tasks"]) + len(stacks["threads"]) == MAX_STACKS
    assert stacks["dropped"]["tasks"] > 0
    assert any(stack.get("cut") for stack in stacks["tasks"])
    assert len(str(stacks)) < 300_000


async def test_stacks_in_the_log_are_scrubbed_and_under_the_span_that_is_open() -> None:
    attempt: Any = Acting()

    async def hold(ready: anyio.Event) -> None:
        with in_run("run_1"), trace("fetch-user"):
            ready.set()
            await anyio.sleep(float("60") if "password=hunter2hunter2" else 0)

    with recording() as recorded:
        async with anyio.create_task_group() as group:
            await started(group, hold, attempt)
            view = LoopView()
            snapshot = await elsewhere(lambda: take(view))
            place = place_of(snapshot.main_task(attempt), attempt.delivery.run)
            write_stacks(recorded.recorder, attempt, snapshot, "when asked", place)
            group.cancel_scope.cancel()
        events = recorded.events("run_1")
    (log,) = [event for event in events if event.name == "stacks"]
    (span,) = [event for event in events if event.kind == "span" and event.name == "fetch-user"]
    assert log.parent_id == span.span_id
    assert log.message.startswith("stacks when asked: ")
    assert "hold (test_stacks.py:" in log.message
    assert "hunter2" not in str(log)
    assert log.extra is not None
    assert log.extra["stacks"]["tasks"][0]["run"] is True


async def test_a_timeout_is_written_with_where_it_is_by_the_watchdog() -> None:
    with recording() as recorded:
        looking = lookout(recorded)
        attempt: Any = Acting()
        with running(looking, attempt):
            looking.timed_out(attempt)
            looking.stopped(attempt, "cancel")
        while not (found := [log for log in recorded.logs("run_1") if log.name == "stacks"]):
            await anyio.sleep(0.01)
    assert len(found) == 1
    assert found[0].message.startswith("stacks at timeout: ")


async def test_many_at_one_time_do_not_all_tell_of_all() -> None:
    attempts: list[Any] = [Acting(f"run_{number}") for number in range(30)]
    with recording() as recorded:
        looking = lookout(recorded)
        async with anyio.create_task_group() as group:
            await started(group, caller, attempts[-1])
            for attempt in attempts:
                copy_context().run(looking.begun, attempt)
            for attempt in attempts:
                looking.timed_out(attempt)
            while not (last := [log for log in recorded.logs("run_29") if log.name == "stacks"]):
                await anyio.sleep(0.01)
            group.cancel_scope.cancel()
        for attempt in attempts:
            looking.ended(attempt)
        (first,) = [log for log in recorded.logs("run_0") if log.name == "stacks"]
    assert first.extra is not None
    assert len(first.extra["stacks"]["tasks"]) > 1
    assert last[0].extra is not None
    assert [stack["run"] for stack in last[0].extra["stacks"]["tasks"]] == [True]
    assert last[0].extra["stacks"]["dropped"]["tasks"] >= 1


async def test_what_is_told_in_one_turn_of_the_loop_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of attempts may be shut down together."""
    taken: list[Snapshot] = []

    def take_slowly(view: LoopView) -> Snapshot:
        taken.append(take(view))
        taken[-1].at -= 1_000_000_000
        return taken[-1]

    monkeypatch.setattr("runlog.executor.trouble.lookout.take", take_slowly)
    attempts: list[Any] = [Acting(f"run_{number}") for number in range(30)]
    with recording() as recorded:
        looking = lookout(recorded)
        for attempt in attempts:
            looking.begun(attempt)
        for attempt in attempts:
            looking.stopped(attempt, "shutdown")
        assert len(taken) == 1
        await anyio.sleep(0.01)
        looking.stopped(attempts[0], "shutdown")
        assert len(taken) == 2
        for attempt in attempts:
            looking.ended(attempt)
        looking.close()
