"""Queries checked and completed while they are written."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from runlog.stores.base import Batch
from tests.web.api.made import events_of, made, refused, write
from tests.web.asking import Asked

__all__ = ["made"]

pytestmark = pytest.mark.anyio


async def offered(asked: Asked, query: str, more: str = "") -> list[str]:
    """The query with each offer taken at its `|`."""
    text, position = query.replace("|", ""), query.index("|")
    answer = await asked.get(f"/api/query/complete?q={quote(text)}&position={position}{more}")
    found: dict[str, Any] = answer.json
    return [text[: found["start"]] + item["text"] + text[found["end"] :] for item in found["items"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status:fa|", ["status:FAILED"]),
        ("a status:(failed OR ex|) b", ["a status:(failed OR EXECUTING) b", "a status:(failed OR EXPIRED) b"]),
        ("task:|", ["task:task-0", "task:task-1", "task:task-2"]),
        ("task:task-1|x", ["task:task-1"]),
        ("queue:ma|", ["queue:mail"]),
        ("tag:cus|", [f'tag:"customer {number}"' for number in (1, 3)]),
        ('tag:"customer 1|', ['tag:"customer 1"']),
        ("run.error:|", ["run.error:ValueError"]),
        ("run.version:v|", ["run.version:v1", "run.version:v2"]),
        ("user:|", [f'user:"u {number}"' for number in range(7)]),
        ("us|", ["user:", "status:", "span.status:"]),
        ("level:>=w|", ["level:>=warn"]),
        ("name:lo|", ["name:load", "name:logger"]),
        ("kind:|", ["kind:log", "kind:open", "kind:span"]),
        ("run.wor|", ["run.worker:"]),
        ("run.none:|", []),
        ("trace:a|", []),
    ],
)
async def test_what_could_stand_there(made: Asked, query: str, expected: list[str]) -> None:
    found = await offered(made, query)
    assert found == expected
    for text in found:
        if not text.endswith(":"):
            assert (await made.get(f"/api/query/check?q={quote(text)}")).json["error"] is None


async def test_the_keys_that_come_first_are_those_of_the_view(made: Asked) -> None:
    assert (await offered(made, "|"))[:3] == ["status:", "task:", "queue:"]
    assert (await offered(made, "|", "&view=logs"))[0] == "level:"
    assert {"user:", "code:"} <= set(await offered(made, "|"))
    assert "there is no view" in refused(await made.get("/api/query/complete?view=x"))


async def test_an_attribute_that_is_called_as_a_field_is_offered_by_its_other_name(made: Asked) -> None:
    event = events_of(1)[0]
    event.attributes = {"name": "x", "run.odd": 1}
    write(made, Batch([event]))
    assert await offered(made, "attr.n|") == ["attr.name:"]
    assert "attr.run.odd:" in await offered(made, "run.od|")


async def test_places_are_counted_as_the_browser_does(made: Asked) -> None:
    text = '"😀" status:fa'
    answer = (await made.get(f"/api/query/complete?q={quote(text)}&position={len(text) + 1}")).json
    assert (answer["start"], answer["end"]) == (len('"😀" status:') + 1, len(text) + 1)


@pytest.mark.parametrize(
    ("query", "error", "about_events"),
    [("", None, False), ("status:failed", None, False), ("status:failed oops", None, True), ("status:zz", 7, False)],
)
async def test_a_query_is_checked_where_nothing_is_recorded_too(
    asked: Asked, query: str, error: int | None, *, about_events: bool
) -> None:
    found = (await asked.get(f"/api/query/check?q={quote(query)}")).json
    assert (found["error"] or {}).get("position") == error
    assert found["about_events"] == about_events
