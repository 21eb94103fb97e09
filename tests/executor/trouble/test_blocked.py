from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest

from runlog.executor.trouble import BLOCKED
from runlog.executor.trouble.beat import Beat
from runlog.stores.base import WARN, Event
from runlog.tracing.trace import trace
from tests.executor.trouble.acting import Acting, lookout, running
from tests.recorded import Recorded, recording

pytestmark = pytest.mark.anyio


def spans(recorded: Recorded, run_id: str | None, kind: str = "span") -> list[Event]:
    return [event for event in recorded.events(run_id) if event.name == BLOCKED and event.kind == kind]


def block_until(check: Callable[[], object]) -> None:
    """Block the event loop until another thread has seen it."""
    seen = threading.Event()

    def look() -> None:
        while not check():
            seen.wait(0.02)
        seen.set()

    threading.Thread(target=look).start()
    assert seen.wait(20)


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    with recording() as opened:
        yield opened


async def until(check: Callable[[], object]) -> None:
    with anyio.fail_after(20):
        while not check():
            await anyio.sleep(0.01)


async def test_who_blocks_the_loop_is_said_while_it_does(recorded: Recorded) -> None:
    looking, other = lookout(recorded), Acting("run_2")
    attempt: Any = other
    looking.begun(attempt)
    with running(looking, Acting()), trace("outer"):
        await anyio.sleep(0.01)
        block_until(lambda: spans(recorded, "run_1", "open"))
        (opened,) = spans(recorded, "run_1", "open")
        await until(lambda: spans(recorded, "run_1"))
    looking.ended(attempt)
    (span,) = spans(recorded, "run_1")
    (outer,) = [event for event in recorded.events("run_1") if event.name == "outer" and event.kind == "span"]
    assert (span.level, span.parent_id, span.trace_id) == (WARN, outer.span_id, outer.trace_id)
    assert span.span_id == opened.span_id
    assert span.duration is not None
    assert span.duration > 0.25e9
    for event in (opened, span):
        assert event.attributes["code.function.name"] == "block_until"
        assert event.attributes["blocked.by"].endswith("runs assert seen.wait(20)")
        assert "assert seen.wait(20)" in event.attributes["code.stacktrace"]
        assert "test_who_blocks_the_loop" in event.attributes["code.stacktrace"]
        assert "runlog/executor" not in event.attributes["code.stacktrace"]
    assert not spans(recorded, "run_2")


async def test_a_callback_of_the_loop_counts_for_the_only_run_that_there_is(recorded: Recorded) -> None:
    looking = lookout(recorded)
    attempt: Any = Acting()
    looking.begun(attempt)
    in_callback(lambda: block_until(lambda: spans(recorded, "run_1", "open")))
    await until(lambda: spans(recorded, "run_1"))
    looking.ended(attempt)
    assert spans(recorded, "run_1")[0].attributes["code.function.name"] == "block_until"


async def test_of_several_runs_none_is_accused_without_proof(recorded: Recorded) -> None:
    looking = lookout(recorded)
    attempts: list[Any] = [Acting("run_1"), Acting("run_2")]
    for attempt in attempts:
        looking.begun(attempt)
    in_callback(lambda: block_until(lambda: spans(recorded, None, "open")))
    await until(lambda: spans(recorded, None))
    for attempt in attempts:
        looking.ended(attempt)
    (span,) = spans(recorded, None)
    assert span.attributes["runlog.candidates"] == ["run_1", "run_2"]


def in_callback(call: Callable[[], None]) -> None:
    from runlog.system.wakeup import threadsafe_caller

    threadsafe_caller()(call)


async def test_a_loop_that_has_nothing_to_do_is_not_blocked(recorded: Recorded) -> None:
    looking = lookout(recorded)
    with running(looking, Acting()):
        await anyio.sleep(0.6)
    assert not spans(recorded, "run_1", "open")


async def test_nothing_is_looked_at_while_nothing_runs(recorded: Recorded) -> None:
    looking = lookout(recorded)
    with running(looking, Acting()):
        assert looking.is_watched
    await until(lambda: not looking.is_watched)
    with running(looking, Acting()):
        assert looking.is_watched


class Clock:
    """Of a thread that has computed, and waited for a CPU, for as long as is said."""

    used = starved = 0.0

    def __call__(self) -> float:
        return self.used

    def waited(self) -> float:
        return self.starved


def clocked() -> tuple[Beat, Clock]:
    beat, clock = Beat(), Clock()
    beat._cpu = clock  # type: ignore[assignment]
    beat.start()
    beat.ask()
    threading.Event().wait(0.3)  # the loop does not answer meanwhile
    return beat, clock


async def test_a_process_that_was_stopped_has_not_blocked_anything() -> None:
    beat, _ = clocked()
    assert beat.silent > 0.25
    assert beat.look(late=0.3) == (None, False)
    assert beat.silent < 0.25


async def test_a_loop_that_lacks_the_cpu_has_not_either() -> None:
    beat, clock = clocked()
    clock.starved = 0.3
    assert beat.silent < 0.25


async def test_code_that_keeps_the_interpreter_to_itself_has() -> None:
    beat, clock = clocked()
    clock.used = 0.3
    assert beat.look(late=0.3) == (None, True)
    assert beat.silent > 0.25
