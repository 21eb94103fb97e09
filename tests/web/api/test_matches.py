"""Which events of a run a query finds."""

from __future__ import annotations

import struct
from base64 import b64decode
from typing import Any
from urllib.parse import quote

import pytest

from runlog.stores.base import Batch, Event, Run
from runlog.stores.sqlite import SQLiteStore
from tests.web.asking import Answer, Asked

pytestmark = pytest.mark.anyio
TRACE = bytes(16)


@pytest.fixture
def log(asked: Asked) -> None:
    """Two runs with the same four events each."""
    path = asked.settings.log_path
    path.parent.mkdir(exist_ok=True)
    store = SQLiteStore(path)
    batch = Batch(spool_id="made")
    for number, run_id in enumerate(("run_a", "run_b")):
        batch.runs.append(Run(run_id, 1, "import", "EXECUTING", "default", 10, 10, trace_id=TRACE))
        batch.events += events(run_id, bytes([number + 1]) * 8)
    store.write(batch)
    store.close()


def events(run_id: str, span: bytes) -> list[Event]:
    def log(message: str, level: int, attributes: dict[str, Any]) -> Event:
        return Event(0, "log", run_id, TRACE, None, span, 21, None, level, None, "logger", message, attributes)

    return [
        Event(0, "open", run_id, TRACE, span, None, 20, None, 9, None, "load", "", {}),
        log("first user", 9, {"user": "u_1"}),
        log("second user", 13, {"user": "u_2"}),
        Event(0, "span", run_id, TRACE, span, None, 20, 9, 9, "ok", "load", "", {"user": "u_1"}),
    ]


async def asked_for(asked: Asked, query: str, more: str = "") -> Answer:
    return await asked.get(f"/api/runs/run_b/matches?q={quote(query)}{more}")


def ids(answer: Answer) -> list[float]:
    packed = b64decode(answer.json["ids"])
    return list(struct.unpack(f"<{len(packed) // 8}d", packed))


@pytest.mark.parametrize(
    ("query", "found"),
    [("user:u_1", [8, 6]), ("level:>=warn", [7]), ("second", [7]), ("user:u_9", []), ("", [8, 7, 6])],
)
async def test_the_events_of_the_run_that_match_are_named(
    asked: Asked, log: None, query: str, found: list[float]
) -> None:
    answer = await asked_for(asked, query)
    assert (ids(answer), answer.json["cursor"]) == (found, None)


async def test_those_before_follow_by_the_cursor(asked: Asked, log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runlog.web.api.matches._EVENTS", 2)
    first = await asked_for(asked, "user:*")
    assert ids(first) == [8, 7]
    assert ids(await asked_for(asked, "user:*", f"&cursor={first.json['cursor']}")) == [6]


async def test_a_query_that_is_wrong_is_refused_with_the_place(asked: Asked, log: None) -> None:
    answer = await asked_for(asked, "user:(")
    assert (answer.status, answer.code) == (400, "bad-query")
    assert answer.json["error"]["position"] is not None
    assert (await asked.get("/api/runs/run_x/matches?q=a")).code == "not-found"
