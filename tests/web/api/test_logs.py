"""Log lines across runs: pages, levels over time, the lines beside one."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from runlog.stores.base import DEBUG, ERROR, INFO, LEVEL_NAMES, PLUGIN_EVENT, WORKER_EVENT, Batch, Event
from tests.web.api.made import BASE, MINUTE, RUNS, SECOND, events_of, made, refused, run_of, write
from tests.web.asking import Asked

__all__ = ["made"]

pytestmark = pytest.mark.anyio
QUERIES = ("", "level:error", "level:>=warn task:task-1", "user:*", "it -slow", "kind:span", "task:task-2")
LATER = (BASE + (RUNS + 9) * 20 * SECOND) / 1e6


async def pages(asked: Asked, query: str, limit: int, *, between: list[Batch] | None = None) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await asked.get(f"/api/logs?q={quote(query)}&limit={limit}{cursor}")).json
        lines += page["items"]
        if page["cursor"] is None:
            return lines
        cursor = f"&cursor={page['cursor']}"
        if between:
            write(asked, between.pop())


async def test_a_line_says_what_lists_show(made: Asked) -> None:
    first = (await made.get("/api/logs?q=run:run_07+level:info")).json["items"][0]
    assert (first["message"], first["attributes"], first["level"]) == ("user u 0 came", [["user", "u 0"]], INFO)
    assert (first["run_id"], first["task"], first["name"]) == ("run_07", "task-1", "logger")
    assert (first["time"], first["time_text"]) == ((run_of(7).created + SECOND) / 1e6, "2026-09-21T14:16:21.000000000Z")


@pytest.mark.parametrize("query", QUERIES)
async def test_pages_have_every_line_once_while_others_come(made: Asked, query: str) -> None:
    whole = [line["id"] for line in await pages(made, query, 1000)]
    new = [Batch(events_of(number), [run_of(number)]) for number in range(RUNS, RUNS + 9)]
    lines = await pages(made, query, 2, between=new)
    assert [line["id"] for line in lines] == whole == sorted(whole, reverse=True)
    assert {line["kind"] for line in lines} == {"span" if "kind" in query else "log"}


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("buckets", [3, 60])
async def test_levels_over_time_are_those_of_the_whole_list(made: Asked, query: str, buckets: int) -> None:
    lines = await pages(made, query, 1000)
    histogram = (await made.get(f"/api/logs/histogram?q={quote(query)}&to={LATER}&buckets={buckets}")).json
    assert (histogram["total"], histogram["searched_to"]) == (len(lines), None)
    width = histogram["width"]
    assert {(bucket["time"], level): n for bucket in histogram["buckets"] for level, n in bucket["counts"].items()} == (
        Counter((line["time"] // width * width, LEVEL_NAMES[line["level"]]) for line in lines)
    )


async def test_lines_of_a_time_that_begins_within_a_minute(made: Asked) -> None:
    start, end = BASE + MINUTE // 3, BASE + 5 * MINUTE + 1
    asked = f"from={start / 1e6}&to={end / 1e6}"
    lines = (await made.get(f"/api/logs?{asked}&limit=1000")).json["items"]
    assert all(start <= line["time"] * 1e6 < end for line in lines)
    assert len(lines) > 10
    for buckets in (2, 50):
        assert (await made.get(f"/api/logs/histogram?{asked}&buckets={buckets}")).json["total"] == len(lines)


async def test_the_lines_beside_one(made: Asked) -> None:
    lines = await pages(made, "", 1000)
    middle = next(line for line in lines if line["level"] == ERROR)
    place = lines.index(middle)
    beside = (await made.get(f"/api/logs/around?event={middle['id']}&before=3&after=2")).json["items"]
    assert beside == lines[place - 2 : place + 4][::-1]
    of_run = (await made.get(f"/api/logs/around?event={middle['id']}&run={middle['run_id']}")).json["items"]
    assert of_run == [line for line in lines[::-1] if line["run_id"] == middle["run_id"]]
    [span, *_] = await pages(made, "kind:span", 1000)
    assert span in (await made.get(f"/api/logs/around?event={span['id']}&before=1&after=1")).json["items"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/api/logs?limit=1001", 400, "the most is 1000"),
        ("/api/logs?cursor=1.2", 400, "is not a cursor"),
        ("/api/logs?q=level:loud", 400, "is none of debug"),
        ("/api/logs?from=2&to=2", 400, "there is no time in it"),
        ("/api/logs/histogram?q=(", 400, "is missing here"),
        ("/api/logs/around", 400, "'event' is missing"),
        ("/api/logs/around?event=1&before=201", 400, "the most is 200"),
        ("/api/logs/around?event=99999", 404, "no event 99999"),
        (f"/api/logs/around?event={2**63}", 400, "is too large"),
    ],
)
async def test_what_cannot_be_asked(made: Asked, path: str, status: int, said: str) -> None:
    assert said in refused(await made.get(path), status)


async def test_lines_with_much_in_them_fit_into_their_answers(asked: Asked) -> None:
    run = run_of(1)
    event = events_of(1)[0]
    lines = [
        msgspec.structs.replace(
            event, message="\x01" * 2500, attributes={f"{key}{'k' * 300}": ["v" * 50_000] for key in range(10)}
        )
        for _ in range(1000)
    ]
    write(asked, Batch(lines, [run]))
    found = await pages(asked, "", 1000)
    assert len({line["id"] for line in found}) == len(found) == len(lines)
    assert (found[0]["cut"], len(found[0]["message"]), found[0]["more_attributes"]) == (True, 2000, 2)
    key, value = found[0]["attributes"][0]
    assert (len(key), key[-1], len(value), value[-1]) == (201, "…", 201, "…")


def told(number: int, name: str) -> Event:
    """What a worker tells of itself, as it is recorded."""
    at = run_of(number).created
    return Event(0, "log", None, None, None, None, at, None, DEBUG, None, name, "told", {"event.name": name})


@pytest.mark.parametrize("query", ["", "level:debug", "told OR failed", "kind:span"])
@pytest.mark.parametrize("buckets", [3, 60])
async def test_what_runlog_tells_of_itself_is_left_out_unless_asked_for(made: Asked, query: str, buckets: int) -> None:
    own = [told(number, name) for number in range(5, 9) for name in (WORKER_EVENT, PLUGIN_EVENT)]
    mine = msgspec.structs.replace(told(3, "logger"), attributes={})
    write(made, Batch([*own, mine]))
    logs, counts = f"q={quote(query)}&limit=1000", f"q={quote(query)}&to={LATER}&buckets={buckets}"
    less, more = [(await made.get(f"/api/logs?{logs}&own={flag}")).json["items"] for flag in (0, 1)]
    own_found = [line["id"] for line in more if line["name"].startswith("runlog.")]
    assert len(own_found) == (0 if query == "kind:span" else len(own))
    assert [line["id"] for line in less] == [line["id"] for line in more if line["id"] not in own_found]
    counted, all_counted = [(await made.get(f"/api/logs/histogram?{counts}&own={flag}")).json for flag in (0, 1)]
    assert (counted["total"], counted["own"]) == (len(less), len(own_found))
    assert (all_counted["total"], all_counted["own"]) == (len(more), 0)


async def test_a_query_about_names_finds_what_runlog_tells_of_itself(made: Asked) -> None:
    write(made, Batch([told(5, WORKER_EVENT)]))
    assert len((await made.get(f"/api/logs?q=name:{WORKER_EVENT}")).json["items"]) == 1
    assert (await made.get(f"/api/logs/histogram?q=name:{WORKER_EVENT}&to={LATER}")).json["total"] == 1
