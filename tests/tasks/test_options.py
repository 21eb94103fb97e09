"""What triggers ask for, and what they refuse."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from runlog.errors import PayloadError, TaskError
from runlog.tasks import Debounce, IdempotencyKey, Item, Queue, TaskDecorator, trigger
from runlog.tasks.states import TaskDeclaration
from runlog.tasks.submitter import DebounceRequest, KeyRequest
from tests.tasks.conftest import Requests

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def anyio_backend() -> str:
    return "asyncio"  # nothing here waits


async def test_what_is_not_said_is_as_the_task_says(task: TaskDecorator, requests: Requests) -> None:
    @task(ttl=timedelta(hours=1), priority=5, tags=["own"], version="v2")
    async def tell() -> None: ...

    await tell.trigger()
    asked = requests.last
    assert (asked.task, asked.queue, asked.ttl, asked.priority) == ("tell", "tell", 3600, 5)
    assert (asked.tags, asked.version, asked.delay, asked.run_at) == (("own",), "v2", 0, None)
    assert (asked.idempotency, asked.debounce, asked.metadata) == (None, None, None)

    await tell.trigger(ttl=60, priority=-1, tags=["more", "own"], version="v3")
    asked = requests.last
    assert (asked.ttl, asked.priority, asked.tags, asked.version) == (60, -1, ("own", "more"), "v3")


async def test_every_option_reaches_the_request(task: TaskDecorator, requests: Requests) -> None:
    @task
    async def tell() -> None: ...

    moment = datetime(2030, 1, 1, 12, 0, 0, 1, tzinfo=timezone(timedelta(hours=2)))
    await tell.trigger(
        run_at=moment,
        queue=Queue("mail", concurrency=5),
        concurrency_key="user-7",
        idempotency_key="order-7",
        idempotency_ttl=timedelta(days=1),
        metadata={"step": 1, "when": datetime(2030, 1, 1, tzinfo=UTC), "odd": math.nan},
        max_attempts=7,
        max_duration=timedelta(minutes=1),
    )
    asked = requests.last
    assert asked.run_at == int(datetime(2030, 1, 1, 10, tzinfo=UTC).timestamp()) * 1_000_000_000 + 1000
    assert (asked.queue, asked.concurrency_key) == ("mail", "user-7")
    assert asked.idempotency == KeyRequest("order-7", None, 86_400)
    assert json.loads(asked.metadata or b"") == {"step": 1, "when": "2030-01-01T00:00:00Z", "odd": "NaN"}
    assert (asked.max_attempts, asked.max_duration) == (7, 60)

    await tell.trigger(
        debounce=Debounce("user-7", delay=timedelta(seconds=5), mode="trailing", max_delay=60), queue="mail"
    )
    asked = requests.last
    assert (asked.delay, asked.debounce) == (5, DebounceRequest("user-7", "trailing", 60))

    await tell.trigger(idempotency_key=IdempotencyKey("k", scope="attempt", ttl=3), idempotency_ttl=9)
    assert requests.last.idempotency == KeyRequest("k", "attempt", 3)
    await tell.trigger(idempotency_key="k")
    assert requests.last.idempotency == KeyRequest("k", None, 30 * 86_400)

    await tell.trigger_and_wait(delay=5)
    assert (requests.last.delay, requests.verbs[-1]) == (5, "trigger_and_wait")


async def test_a_task_that_is_known_by_its_id_only(requests: Requests) -> None:
    await trigger("nobody-knows-it", {"a": 1}, priority=timedelta(minutes=1), tags=["t"])
    asked = requests.last
    assert (asked.task, asked.queue, asked.payload) == ("nobody-knows-it", "nobody-knows-it", b'{"a":1}')
    assert (asked.priority, asked.tags) == (60, ("t",))
    assert asked.queue_is_guess
    await trigger("nobody-knows-it", queue="mail")
    assert (requests.last.queue, requests.last.queue_is_guess) == ("mail", False)


async def test_what_a_worker_declared_counts_for_a_task_that_is_known_by_its_id_only(requests: Requests) -> None:
    requests.declared["mailing"] = TaskDeclaration("mail", 60.0, ("news",), 5.0, "v2")
    await trigger("mailing", 1)
    asked = requests.last
    assert (asked.queue, asked.queue_is_guess, asked.ttl, asked.tags, asked.priority, asked.version) == (
        "mail", False, 60.0, ("news",), 5.0, "v2",
    )  # fmt: skip
    await trigger("mailing", 1, queue="other", ttl=7, tags=["vip"], priority=-1, version="v3")
    asked = requests.last
    assert (asked.queue, asked.ttl, asked.tags, asked.priority, asked.version) == (
        "other",
        7,
        ("news", "vip"),
        -1,
        "v3",
    )


_WRONG: list[tuple[dict[str, Any], str]] = [
    ({"delay": -1}, "delay is -1"),
    ({"delay": math.nan}, "delay is nan"),
    ({"delay": math.inf}, "over 100 years"),
    ({"delay": 1e300}, "over 100 years"),
    ({"delay": "5m"}, "seconds, or a timedelta"),
    ({"delay": True}, "seconds, or a timedelta"),
    ({"run_at": datetime(2030, 1, 1, tzinfo=UTC).replace(tzinfo=None)}, "no time zone"),
    ({"run_at": datetime(9999, 1, 1, tzinfo=UTC)}, "over 100 years"),
    ({"run_at": "2030-01-01"}, "it is a datetime"),
    ({"delay": 5, "run_at": datetime(2030, 1, 1, tzinfo=UTC)}, "both delay and run_at"),
    ({"delay": 5, "debounce": Debounce("k", delay=1)}, "both delay and debounce"),
    ({"ttl": 0}, "more than 0"),
    ({"ttl": -5}, "ttl is -5"),
    ({"tags": ["t"] * 11}, "10 at most"),
    ({"tags": ["x" * 129]}, "129 characters"),
    ({"tags": "text"}, "list of texts"),
    ({"queue": ""}, "cannot be a queue's name"),
    ({"queue": 5}, "cannot be a queue's name"),
    ({"queue": Queue(concurrency=1)}, "has no name"),
    ({"concurrency_key": ""}, "the concurrency key is empty"),
    ({"concurrency_key": "x" * 2049}, "2,049 characters"),
    ({"concurrency_key": 7}, "a key is a text"),
    ({"priority": math.inf}, "over 100 years"),
    ({"priority": 10**400}, "over 100 years"),
    ({"priority": math.nan}, "number of seconds"),
    ({"priority": 1e20}, "over 100 years"),
    ({"idempotency_key": ""}, "the idempotency key is empty"),
    ({"idempotency_key": "x" * 2049}, "2,049 characters"),
    ({"idempotency_key": "k", "idempotency_ttl": 0}, "more than 0"),
    ({"idempotency_ttl": 5}, "without idempotency_key"),
    ({"debounce": "k"}, "it is a Debounce"),
    ({"max_attempts": 0}, "1 or more"),
    ({"max_attempts": 2.5}, "1 or more"),
    ({"max_attempts": 2**70}, "at most"),
    ({"max_duration": 0}, "more than 0"),
    ({"version": "two words"}, "cannot be a version"),
    ({"version": "\ud800"}, "cannot be a version"),
    ({"queue": "\ud800"}, "cannot be a queue's name"),
    ({"tags": ["\ud800"]}, "cannot be written as UTF-8"),
    ({"concurrency_key": "\udcff"}, "cannot be written as UTF-8"),
    ({"idempotency_key": "\ud800"}, "cannot be written as UTF-8"),
]


@pytest.mark.parametrize(("options", "message"), _WRONG)
async def test_wrong_options_are_refused_before_a_run_exists(
    task: TaskDecorator, requests: Requests, options: dict[str, Any], message: str
) -> None:
    @task
    async def tell() -> None: ...

    for call in (tell.trigger, tell.trigger_and_wait):
        with pytest.raises(TaskError, match=message):
            await call(**options)
    with pytest.raises(TaskError, match=message):
        await tell.batch_trigger([None, Item(None, **options)])
    assert requests.all == []


@pytest.mark.parametrize("metadata", [5, {1: 2}, {"it": object()}, {"it": "x" * 256_000}])
async def test_metadata_that_cannot_be_kept_is_refused(task: TaskDecorator, requests: Requests, metadata: Any) -> None:
    @task
    async def tell() -> None: ...

    with pytest.raises(PayloadError, match="metadata"):
        await tell.trigger(metadata=metadata)
    assert requests.all == []


async def test_an_unknown_option_is_a_type_error_with_a_hint(task: TaskDecorator, requests: Requests) -> None:
    @task
    async def tell() -> None: ...

    with pytest.raises(TypeError, match="no option 'dealy'; did you mean 'delay'"):
        await tell.trigger(dealy=5)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="there is delay, run_at"):
        await tell.batch_trigger([None], xyz=5)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: IdempotencyKey("k", scope="task"), "run, attempt, global"),  # type: ignore[arg-type]
        (lambda: IdempotencyKey("k", ttl=0), "more than 0"),
        (lambda: IdempotencyKey(7), "a key is a text"),  # type: ignore[arg-type]
        (lambda: Debounce("", delay=5), "the debounce key is empty"),
        (lambda: Debounce("k", delay=0), "more than 0"),
        (lambda: Debounce("k", delay=5, mode="last"), "leading and trailing"),  # type: ignore[arg-type]
        (lambda: Debounce("k", delay=5, max_delay=4), "shorter than the delay"),
    ],
)
def test_wrong_keys_are_refused_where_they_are_made(make: Any, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        make()


async def test_items_of_a_batch_have_options_of_their_own(task: TaskDecorator, requests: Requests) -> None:
    @task(tags=["own"])
    async def take(number: int = 0) -> None: ...

    moment = datetime(2030, 1, 1, tzinfo=UTC)
    batch = await take.batch_trigger(
        [1, Item(2, run_at=moment, tags=["item"], idempotency_key="k"), Item(priority=9)],
        delay=60,
        tags=["batch"],
        priority=3,
    )
    assert len(batch) == 3
    first, second, third = requests.all
    assert (first.payload, first.delay, first.priority, first.tags) == (b"1", 60, 3, ("own", "batch"))
    assert (second.payload, second.delay, second.run_at) == (b"2", 0, int(moment.timestamp()) * 1_000_000_000)
    assert (second.priority, second.tags) == (3, ("own", "batch", "item"))
    assert second.idempotency is not None
    assert first.idempotency is None
    assert (third.payload, third.delay, third.priority) == (None, 60, 9)
    assert requests.verbs == ["batch_trigger"]

    results = await take.batch_trigger_and_wait([Item(5, delay=1)])
    assert [result.ok for result in results] == [True]
    assert requests.last.delay == 1
    assert repr(Item(5, delay=1)) == "Item(5, delay=1)"
    assert repr(Item(delay=1)) == "Item(delay=1)"
