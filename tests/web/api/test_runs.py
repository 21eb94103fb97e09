"""The list of runs: its pages, its counts, and what it refuses."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import anyio
import pytest

from runlog.stores.base import Batch
from runlog.tasks import trigger
from tests.web.api.made import BASE, RUNS, SECOND, events_of, made, refused, run_of, write
from tests.web.asking import Asked

__all__ = ["made"]

pytestmark = pytest.mark.anyio
QUERIES = ("", "status:failed", "-status:completed task:(task-1 OR task-2)", "tag:vip", "user:u*", "it", "level:>=warn")


async def pages(asked: Asked, query: str, limit: int, *, between: list[Batch] | None = None) -> list[dict[str, Any]]:
    """All rows, page by page; a batch is written after each."""
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await asked.get(f"/api/runs?q={quote(query)}&limit={limit}{cursor}")).json
        assert len(page["items"]) <= limit
        rows += page["items"]
        if page["cursor"] is None:
            return rows
        cursor = f"&cursor={page['cursor']}"
        if between:
            write(asked, between.pop())


async def test_a_row_says_what_lists_show(made: Asked) -> None:
    answer = await made.get(
        f"/api/runs?q=run:run_07&columns={quote('payload.user.id,payload.text,attr.user,attr.none')}"
    )
    [row] = answer.json["items"]
    assert row["run_id"] == "run_07"
    assert (row["task"], row["status"], row["queue"], row["code_version"]) == ("task-1", "FAILED", "mail", "v1")
    assert (row["created"], row["duration"], row["queue_time"]) == (run_of(7).created / 1e6, 2 * SECOND, SECOND)
    assert (row["tags"], row["error"]) == (["vip", "customer 3"], {"type": "ValueError", "message": "no"})
    assert (row["errors"], row["warnings"], row["spans"], row["logs"]) == (1, 0, 1, 2)
    assert dict(row["columns"]) == {"payload.user.id": 7, "payload.text": "x" * 500 + "…", "attr.user": "u 0"}
    assert answer.json["position"] == f"{made_events()}.{RUNS}"


def made_events() -> int:
    return sum(len(events_of(number)) for number in range(RUNS))


@pytest.mark.parametrize("query", QUERIES)
async def test_pages_have_every_run_once_while_others_come_and_change(made: Asked, query: str) -> None:
    whole = [row["run_id"] for row in await pages(made, query, 200)]
    new = [Batch(events_of(number), [run_of(number), run_of(number - RUNS, 2)]) for number in range(RUNS, RUNS + 12)]
    assert [row["run_id"] for row in await pages(made, query, 3, between=new)] == whole
    assert whole == sorted(whole, reverse=True)
    assert len(whole) > 4


@pytest.mark.parametrize("query", QUERIES)
async def test_counts_are_those_of_the_whole_list(made: Asked, query: str) -> None:
    rows = await pages(made, query, 7)
    asked = f"q={quote(query)}"
    assert (await made.get(f"/api/runs/count?{asked}")).json == {"count": len(rows), "searched_to": None}
    histogram = (await made.get(f"/api/runs/histogram?{asked}&buckets=7&to={(BASE + RUNS * 20 * SECOND) / 1e6}")).json
    assert (histogram["total"], histogram["searched_to"]) == (len(rows), None)
    for bucket in histogram["buckets"]:
        inside = [row for row in rows if bucket["time"] <= row["created"] < bucket["time"] + histogram["width"]]
        assert sum(bucket["counts"].values()) == len(inside)
        assert set(bucket["counts"]) == {row["status"] for row in inside}
    facets = (await made.get(f"/api/runs/facets?{asked}&keys=user")).json["facets"]
    assert [facet["key"] for facet in facets] == ["status", "task", "queue", "tag", "run.version", "run.error", "user"]
    for facet in facets:
        assert (facet["counted"], facet["searched_to"], facet["more"]) == (len(rows), None, False)
        about_events = facet["key"] == "user" and query in ("user:u*", "it", "level:>=warn")
        for value in () if about_events else facet["values"]:  # both terms would have to be true of one event
            kept = f"({query}) {value['term']}" if query else value["term"]
            assert (await made.get(f"/api/runs/count?q={quote(kept)}")).json["count"] == value["count"], kept


async def test_only_runs_created_in_a_time(made: Asked) -> None:
    start, end = run_of(4).created, run_of(9).created
    asked = f"from={start / 1e6}&to={end / 1e6}"
    page = (await made.get(f"/api/runs?{asked}&q=-status:failed")).json
    assert [row["run_id"] for row in page["items"]] == ["run_08", "run_06", "run_05", "run_04"]
    assert (await made.get(f"/api/runs/count?{asked}")).json["count"] == 5
    histogram = (await made.get(f"/api/runs/histogram?{asked}&buckets=5")).json
    assert (histogram["start"], histogram["end"], histogram["total"]) == (start / 1e6, end / 1e6, 5)
    [status, *_] = (await made.get(f"/api/runs/facets?{asked}")).json["facets"]
    assert sum(value["count"] for value in status["values"]) == status["counted"] == 5


async def test_a_run_that_waits_says_why_as_of_now(asked: Asked) -> None:
    await asked.services.project.open()
    run_id = (await trigger("nowhere")).id
    with anyio.fail_after(10):
        while (answer := await asked.get("/api/runs")).status != 200 or not answer.json["items"]:
            await anyio.sleep(0.01)  # until it is stored
    [row] = answer.json["items"]
    assert (row["run_id"], row["status"], row["cause"]) == (run_id, "QUEUED", "no_worker")
    assert "no worker" in row["reason"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/runs?limit=0", "limit='0' is too small"),
        ("/api/runs?limit=201", "the most is 200"),
        ("/api/runs?cursor=x", "'x' is not a cursor"),
        ("/api/runs?cursor=1.2.3", "is not a cursor"),
        ("/api/runs?q=status:", "a value is missing"),
        ("/api/runs?from=2&to=1", "there is no time in it"),
        ("/api/runs?from=1e300", "is too large"),
        ("/api/runs?from=yesterday", "is not a number"),
        ("/api/runs?columns=tags", "there is no column 'tags'"),
        ("/api/runs?columns=attr.", "there is no column 'attr.'"),
        (f"/api/runs?columns={','.join(f'attr.{n}' for n in range(21))}", "21 columns are too many"),
        ("/api/runs/count?q=(", "is missing here"),
        ("/api/runs/histogram?buckets=401", "the most is 400"),
        ("/api/runs/facets?keys=level", "attr.level"),
        ("/api/runs/facets?keys=run.dur", "it is a duration"),
        ("/api/runs/facets?keys=run.none", "a run has no field"),
        ("/api/runs/facets?keys=a,b,c,d,e,f,g,h,i", "9 more facets are too many"),
    ],
)
async def test_what_cannot_be_asked(made: Asked, path: str, said: str) -> None:
    assert said in refused(await made.get(path))


async def test_an_error_in_the_query_is_at_its_place_as_the_browser_counts(made: Asked) -> None:
    answer = await made.get(f"/api/runs?q={quote('a:😀 status:zz')}")
    assert "is none of" in refused(answer)
    assert answer.json["error"]["position"] == len("a:😀 status:") + 1


@pytest.mark.parametrize("path", ["", "/count", "/histogram", "/facets"])
async def test_a_project_without_a_log_says_so(asked: Asked, path: str) -> None:
    assert "nothing is recorded yet" in refused(await asked.get(f"/api/runs{path}"), 404)
