"""What the submitter asks the engine for, and what it records of the answer."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from runlog.engines.base import Debounce as EngineDebounce
from runlog.engines.base import Engine, NewRun, Submitted
from runlog.errors import PayloadError, TaskError
from runlog.executor import EngineSubmitter
from runlog.stores.base import Event, Run
from runlog.tasks import Debounce, IdempotencyKey, Item, Registry, Retry, TaskDecorator
from runlog.tasks.submitter import current_submitter
from runlog.tracing.provider import TracerProvider
from tests.executor.bench import Bench
from tests.recorded import Recorded, recording

pytestmark = pytest.mark.anyio
SECOND = 1_000_000_000


class Answers:
    """An engine that keeps the new runs, and says of each what a test told it to."""

    def __init__(self) -> None:
        self.runs: list[NewRun] = []
        self.stands_for: dict[str, Submitted] = {}
        """Payload → the earlier run."""

    @property
    def last(self) -> NewRun:
        return self.runs[-1]

    async def submit(self, runs: Sequence[NewRun]) -> list[Submitted]:
        self.runs += runs
        return [
            self.stands_for.get((run.payload or b"").decode()) or Submitted(run.run_id, run.trace_id, run.span_id)
            for run in runs
        ]

    async def wait(self, run_ids: Sequence[str]) -> list[Run]:
        runs: list[Any] = [Run(run_id, 1, "t", "COMPLETED", "q", 0, 0, output=b'"done"') for run_id in run_ids]
        return runs


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    with recording(limits={"payload": 100}) as opened:
        yield opened


@pytest.fixture
def engine(recorded: Recorded) -> Iterator[Answers]:
    answers = Answers()
    provider = TracerProvider(recorded.recorder)
    token = current_submitter.set(EngineSubmitter(cast("Engine", answers), provider, recorded.settings))
    yield answers
    current_submitter.reset(token)


@pytest.fixture
def task() -> TaskDecorator:
    return TaskDecorator(Registry())


async def test_the_options_of_a_trigger_reach_the_engine(engine: Answers, task: TaskDecorator) -> None:
    @task
    async def tell() -> None: ...

    moment = datetime(2030, 1, 1, tzinfo=UTC)
    await tell.trigger(
        run_at=moment,
        ttl=60,
        queue="mail",
        concurrency_key="user-7",
        priority=1.5,
        metadata={"step": 1},
        max_attempts=7,
        max_duration=9,
        version="v2",
    )
    run = engine.last
    assert run.available == int(moment.timestamp()) * SECOND
    assert run.expires == run.available + 60 * SECOND
    assert (run.queue, run.concurrency_key, run.priority) == ("mail", "user-7", int(1.5 * SECOND))
    assert (run.metadata, run.version) == (b'{"step":1}', "v2")
    assert run.options == {
        "concurrency_key": "user-7",
        "priority": 1.5,
        "ttl": 60.0,
        "max_attempts": 7,
        "max_duration": 9.0,
        "version": "v2",
    }


async def test_what_is_not_asked_for_is_not_in_the_options(engine: Answers, task: TaskDecorator) -> None:
    @task
    async def tell() -> None: ...

    before = time.time_ns()
    await tell.trigger(delay=timedelta(seconds=5))
    run = engine.last
    assert before + 5 * SECOND <= run.available <= time.time_ns() + 5 * SECOND
    assert (run.options, run.expires, run.idempotency, run.debounce, run.metadata) == (None, None, None, None, None)
    assert run.queue == "tell"


async def test_a_ttl_of_a_time_that_is_past_counts_from_now(engine: Answers, task: TaskDecorator) -> None:
    @task(ttl=60)
    async def tell() -> None: ...

    await tell.trigger(run_at=datetime(1950, 1, 1, tzinfo=UTC))
    assert engine.last.available == 0
    assert engine.last.expires is not None
    assert engine.last.expires >= engine.last.created + 60 * SECOND


async def test_a_debounced_trigger_is_delayed_under_its_key(engine: Answers, task: TaskDecorator) -> None:
    @task
    async def tell() -> None: ...

    await tell.trigger(debounce=Debounce("user-7", delay=5, mode="trailing", max_delay=timedelta(minutes=1)))
    run = engine.last
    assert run.debounce == EngineDebounce("user-7", trailing=True, until=60 * SECOND)
    assert run.available - run.created == 5 * SECOND
    assert run.options == {"debounce_key": "user-7"}


async def test_the_runs_of_a_batch_share_an_id(engine: Answers, task: TaskDecorator, recorded: Recorded) -> None:
    @task
    async def take(number: int) -> str:
        return str(number)

    await take.batch_trigger([1, Item(2, priority=5)])
    first, second = engine.runs
    assert first.options == {"batch_id": (second.options or {})["batch_id"]}
    assert str(first.options["batch_id"]).startswith("batch_")
    assert (second.options or {})["priority"] == 5
    (span,) = _spans(recorded)
    assert (span.name, span.attributes["runlog.batch.id"]) == ("take.batch_trigger()", first.options["batch_id"])

    results = await take.batch_trigger_and_wait([3])
    assert [result.unwrap() for result in results] == ["done"]
    assert (engine.last.options or {})["batch_id"] != first.options["batch_id"]


async def test_a_payload_over_the_limit_is_refused_with_its_batch(engine: Answers, task: TaskDecorator) -> None:
    @task
    async def take(text: str) -> None: ...

    with pytest.raises(PayloadError, match="the limit is 100"):
        await take.batch_trigger(["fits", "x" * 100])
    assert engine.runs == []


# Keys.


async def test_outside_a_run_keys_are_global(engine: Answers, task: TaskDecorator) -> None:
    @task
    async def tell() -> None: ...

    before = time.time_ns()
    for key in ("k", IdempotencyKey("k", scope="global"), IdempotencyKey("k", ttl=60), "other"):
        await tell.trigger(idempotency_key=key)
    first, same, short, other = [run.idempotency for run in engine.runs if run.idempotency]
    assert first.key == same.key == short.key != other.key
    assert first.expires - before >= 30 * 86_400 * SECOND > short.expires - before
    assert engine.runs[0].options == {"idempotency_key": "k", "idempotency_scope": "global"}


@pytest.mark.parametrize("scope", ["run", "attempt"])
async def test_outside_a_run_there_is_no_run_to_count_in(engine: Answers, task: TaskDecorator, scope: Any) -> None:
    @task
    async def tell() -> None: ...

    with pytest.raises(TaskError, match="outside a run"):
        await tell.trigger(idempotency_key=IdempotencyKey("k", scope=scope))
    assert engine.runs == []


async def test_keys_count_in_a_run_an_attempt_or_everywhere(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int, NewRun]] = []
    submit: Callable[[Sequence[NewRun]], Awaitable[list[Submitted]]] = bench.engine.submit

    async def keeping(runs: Sequence[NewRun]) -> list[Submitted]:
        asked.extend((run.task, len(asked), run) for run in runs)
        return await submit(runs)

    monkeypatch.setattr(bench.engine, "submit", keeping)

    @bench.task
    async def child() -> None: ...

    @bench.task(retry=Retry(2, min_delay=0, max_delay=0))
    async def parent(number: int) -> None:
        for scope in (None, "run", "attempt", "global"):
            await child.trigger(idempotency_key=IdempotencyKey("k", scope=cast("Any", scope)))
        raise ValueError("once more")

    async with bench.worker():
        for number in (1, 2):
            await (await parent.trigger(number)).wait()
    keys = [run.idempotency.key for name, _, run in asked if name == "child" and run.idempotency]
    default, run, attempt, everywhere = (set(keys[start::4]) for start in range(4))
    assert len(keys) == 16
    assert default == run
    assert (len(run), len(attempt), len(everywhere)) == (2, 4, 1)
    assert not run & attempt
    scopes = [run.options["idempotency_scope"] for name, _, run in asked if name == "child" and run.options]
    assert scopes[:4] == ["run", "run", "attempt", "global"]


# Earlier runs.


@pytest.mark.parametrize(("why", "word"), [("idempotency", "cached"), ("debounce", "debounced")])
async def test_an_earlier_run_is_a_span_that_links_to_it(
    engine: Answers, task: TaskDecorator, recorded: Recorded, why: Any, word: str
) -> None:
    @task
    async def take(number: int) -> str:
        return str(number)

    engine.stands_for["1"] = Submitted("run_earlier", b"\x01" * 16, b"\x02" * 8, cached=why)
    handle = await take.trigger(1)
    assert handle.id == "run_earlier"
    stood, trigger = _spans(recorded)
    assert (stood.name, trigger.name) == (f"take ({word})", "take.trigger()")
    assert stood.parent_id == trigger.span_id
    assert [(link["trace_id"], link["span_id"]) for link in (stood.extra or {})["links"]] == [("01" * 16, "02" * 8)]
    assert stood.attributes["runlog.child.run_id"] == trigger.attributes["runlog.child.run_id"] == "run_earlier"
    assert not (trigger.extra or {}).get("links")

    batch = await take.batch_trigger([1, 2])
    assert batch.ids == ["run_earlier", engine.last.run_id]
    assert await take.trigger_and_wait(1) == "done"


def _spans(recorded: Recorded) -> list[Event]:
    """Those that ended, in that order."""
    return [event for event in recorded.events(None) if event.kind == "span"]
