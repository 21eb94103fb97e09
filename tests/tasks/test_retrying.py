"""Trying a part of a run again: how often, after what, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import anyio
import httpx
import pytest

from runlog.errors import AbortRun, RetryAfter, TaskError
from runlog.tasks import Retry, retrying
from runlog.tasks.retrying import asked_delay
from tests.recorded import Recorded, in_run, recording

pytestmark = pytest.mark.anyio
QUICK = Retry(max_attempts=3, min_delay=0, max_delay=0)


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    with recording() as opened:
        yield opened


def failing(times: int, error: Exception) -> Callable[[], int]:
    """A function that raises so often, and then returns how often it was called."""
    calls: list[None] = []

    def call() -> int:
        calls.append(None)
        if len(calls) <= times:
            raise error
        return len(calls)

    return call


async def test_a_function_is_called_until_it_does_not_raise(recorded: Recorded) -> None:
    work = failing(2, ValueError("no"))

    async def fetch() -> int:
        return work()

    with in_run("run_a"):
        assert await retrying.on_throw(fetch, QUICK) == 3
    spans = [event for event in recorded.events("run_a") if event.kind == "span"]
    assert [(span.name, span.status) for span in spans] == [
        ("Try 1", "error"),
        ("Try 2", "error"),
        ("Try 3", "unset"),
        ("retry.on_throw", "unset"),
    ]
    assert {span.parent_id for span in spans[:3]} == {spans[3].span_id}
    assert [span.attributes["retry.number"] for span in spans[:3]] == [1, 2, 3]
    assert [span.attributes.get("retry.delay") for span in spans[:3]] == [0, 0, None]


@pytest.mark.parametrize(
    ("retry", "error", "calls"),
    [
        (QUICK, ValueError("no"), 3),
        (1, ValueError("no"), 1),
        (QUICK, AbortRun("enough"), 1),
        (Retry(5, min_delay=0, max_delay=0, on=(OSError,)), ValueError("no"), 1),
        (Retry(5, min_delay=0, max_delay=0, on=(OSError,)), ConnectionError("no"), 5),
        (Retry(2, min_delay=60), RetryAfter(0), 2),
    ],
)
async def test_what_is_raised_in_the_end(recorded: Recorded, retry: Retry | int, error: Exception, calls: int) -> None:
    called: list[None] = []

    async def fetch() -> None:
        called.append(None)
        raise error

    with pytest.raises(type(error)) as raised:
        await retrying.on_throw(fetch, retry)
    assert raised.value is error
    assert len(called) == calls


async def test_a_sync_function_is_for_threads(recorded: Recorded) -> None:
    work = failing(1, ValueError("no"))
    assert await anyio.to_thread.run_sync(retrying.on_throw, work, QUICK) == 2
    with pytest.raises(TaskError, match="block the event loop"):
        retrying.on_throw(work, QUICK)


async def test_a_cancel_is_no_error_to_try_again_after(recorded: Recorded) -> None:
    called: list[None] = []

    async def fetch() -> None:
        called.append(None)
        await anyio.sleep_forever()

    with anyio.move_on_after(0.05) as scope:
        await retrying.on_throw(fetch, QUICK)
    assert scope.cancelled_caught
    assert len(called) == 1


# HTTP.


def answering(*answers: httpx.Response | Exception) -> Callable[[httpx.Request], httpx.Response]:
    waiting = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        one = waiting.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    return answer


async def get(*answers: httpx.Response | Exception, **options: Any) -> httpx.Response:
    transport = httpx.MockTransport(answering(*answers))
    async with httpx.AsyncClient(transport=transport) as client:
        response: httpx.Response = await retrying.http(
            client, "get", "https://user:secret@example.com/a?key=b", **{"retry": QUICK, **options}
        )
        return response


async def test_a_request_is_sent_until_it_is_answered_well(recorded: Recorded) -> None:
    with in_run("run_a"):
        response = await get(httpx.Response(503), httpx.ConnectError("refused"), httpx.Response(200, text="ok"))
    assert response.text == "ok"
    spans = [event for event in recorded.events("run_a") if event.kind == "span"]
    assert [(span.name, span.attributes.get("http.response.status_code")) for span in spans] == [
        ("HTTP GET", 503),
        ("HTTP GET", None),
        ("HTTP GET", 200),
        ("retry.http", None),
    ]
    assert (spans[0].attributes["server.address"], spans[0].attributes["url.path"]) == ("example.com", "/a")
    assert "secret" not in str(spans[0].attributes)


async def test_the_last_answer_is_returned_and_the_last_error_raised(recorded: Recorded) -> None:
    assert (await get(*[httpx.Response(500, text=str(n)) for n in range(3)])).text == "2"
    with pytest.raises(httpx.ConnectError, match="third"):
        await get(*[httpx.ConnectError(word) for word in ("first", "second", "third")])
    assert (await get(httpx.Response(404))).status_code == 404
    assert (await get(httpx.Response(404), httpx.Response(200), statuses={404})).status_code == 200
    with pytest.raises(ValueError, match="a fault of ours"):
        await get(ValueError("a fault of ours"))


async def test_the_server_says_when_to_come_back(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(anyio, "sleep", rest)
    limited = httpx.Response(429, headers={"Retry-After": "7"})
    assert (await get(limited, httpx.Response(200), retry=Retry(3))).status_code == 200
    assert rests == [7]
    too_long = httpx.Response(429, headers={"Retry-After": "3600"})
    assert (await get(too_long, retry=Retry(3))).status_code == 429
    assert rests == [7]


async def test_a_sync_client_is_for_threads(recorded: Recorded) -> None:
    def work() -> int:
        transport = httpx.MockTransport(answering(httpx.Response(503), httpx.Response(200)))
        with httpx.Client(transport=transport) as client:
            return retrying.http(client, "GET", "https://example.com", retry=QUICK).status_code

    assert await anyio.to_thread.run_sync(work) == 200


NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "5"}, 5),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": format_datetime(datetime.fromtimestamp(NOW + 30, UTC), usegmt=True)}, 30),
        ({"retry-after": format_datetime(datetime.fromtimestamp(NOW - 30, UTC), usegmt=True)}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-5"}, 0),
        ({"ratelimit-reset": "60"}, 60),
        ({"x-ratelimit-reset": str(NOW + 90)}, 90),
        ({"x-ratelimit-reset": str((NOW + 90) * 1000)}, 90),
        ({"x-ratelimit-reset": "2023-11-14T22:13:50Z"}, 30),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"retry-after": "5", "ratelimit-reset": "60"}, 5),
    ],
)
def test_what_headers_ask_for(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_delay(headers, NOW) == (None if seconds is None else pytest.approx(seconds))
