"""One span or log, whole."""

from __future__ import annotations

from array import array
from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from runlog.stores import open_reader
from tests.cli.sample import EXCEPTION, Writer, completed, failed, save, save_all
from tests.web.asking import Asked

pytestmark = pytest.mark.anyio


async def detail(asked: Asked, run_id: str, name: str, kind: str = "span") -> dict[str, Any]:
    reader = open_reader(asked.settings)
    try:
        events = reader.events(run_id)
    finally:
        reader.close()
    [number, *_] = [event.id for event in events if name in (event.name, event.message) and event.kind == kind]
    answer = await asked.get(f"/api/events/{number}")
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


async def test_a_span(project: Path, asked: Asked) -> None:
    save_all(project)
    found = await detail(asked, failed().run_id, "HTTP POST /charge")
    assert (found["task"], found["status"], found["duration"]) == ("charge-card", "error", 150_000_000)
    assert found["exception"]["type"] == EXCEPTION["type"]
    assert found["attributes"][0] == ["http.request.method", "POST"]
    assert found["terms"] == ["http.request.method:POST", "url.full:https://pay.example/charge", "order:7"]
    assert found["end_text"] > found["time_text"]


async def test_a_log_is_rendered_and_keeps_its_template(project: Path, asked: Asked) -> None:
    save_all(project)
    found = await detail(asked, failed().run_id, "charging {cents} cents", "log")
    assert (found["message"], found["template"]) == ("charging 995 cents", "charging {cents} cents")
    assert found["kind"] == "log"
    plain = await detail(asked, failed().run_id, "could not charge", "log")
    assert (plain["message"], plain["template"]) == ("could not charge", None)


async def test_the_terms_of_its_values_find_it(project: Path, asked: Asked) -> None:
    run = completed()
    run.log(11, 5, "odd", status='a "b" c*', level_=1, attr="x", nothing=None, flag=True, many=["a", "b"], part=1.5)
    save(project, [run])
    found = await detail(asked, run.run_id, "odd", "log")
    assert found["terms"][0].startswith("attr.status:")
    for term in found["terms"]:
        matching = (await asked.get(f"/api/runs/{run.run_id}/matches?q={quote(term)}")).json
        assert list(array("d", b64decode(matching["ids"]))) == [found["id"]], term


async def test_links_and_triggered_runs_are_resolved(project: Path, asked: Asked) -> None:
    parent, child, other = Writer(1, "parent", "COMPLETED"), Writer(2, "child", "COMPLETED"), Writer(3, "o", "FAILED")
    child.run.parent_run_id = parent.run_id
    link = {"trace_id": (other.run.trace_id or b"").hex(), "span_id": (other.run.span_id or b"").hex()}
    lost = {"trace_id": "ab" * 16, "span_id": "cd" * 8, "attributes": {"why": "retry"}}
    extra = {
        "kind": "PRODUCER",
        "links": [link, lost],
        "events": [{"name": "sent", "time": parent.created, "attributes": {"n": 1}}],
    }
    parent.span(10, 99, "child.trigger()", 1, 2, attributes={"runlog.child.run_id": child.run_id}, extra=extra)
    save(project, [parent, child, other])
    found = await detail(asked, parent.run_id, "child.trigger()")
    assert [(run["run_id"], run["task"]) for run in found["triggered"]] == [(child.run_id, "child")]
    assert found["triggered_total"] == 1
    assert [link["run_id"] for link in found["links"]] == [other.run_id, None]
    assert found["links"][1]["attributes"] == [["why", "retry"]]
    assert found["events"][0]["name"] == "sent"


async def test_what_is_too_much_for_an_answer_is_cut_and_says_so(project: Path, asked: Asked) -> None:
    run = completed()
    run.log(11, 5, "large")
    run.events[-1].attributes = {f"value{number}": "x" * 300_000 for number in range(30)}
    save(project, [run])
    found = await detail(asked, run.run_id, "large", "log")
    assert len(found["attributes"]) == 30
    assert dict(map(tuple, found["truncated"])) == {f"value{number}": 300_000 for number in range(30)}


@pytest.mark.parametrize("number", ["999999", "0", "-1", "x", "1.5", "9" * 19, "9" * 30, "%D9%A3", "1%00"])
async def test_an_event_that_is_not_there(project: Path, asked: Asked, number: str) -> None:
    save_all(project)
    for path in (f"/api/events/{number}", f"/api/events/{number}/comparison"):
        answer = await asked.get(path)
        assert (answer.status, answer.code) == (404, "not-found"), answer.body


async def test_a_duration_is_compared_with_its_like(project: Path, asked: Asked) -> None:
    runs = []
    for number in range(1, 11):
        run = Writer(number, "sync" if number < 9 else "other", "COMPLETED")
        run.span(10, 99, "step", 1, 10 * number)
        run.span(11, 99, "step two", 1, 1)
        runs.append(run)
    save(project, runs)
    reader = open_reader(asked.settings)
    [number] = [event.id for event in reader.events(runs[5].run_id) if event.name == "step"]
    reader.close()
    found = (await asked.get(f"/api/events/{number}/comparison")).json
    assert (found["count"], found["searched_to"]) == (7, None)
    assert found["slower_than"] == pytest.approx(5 / 7)
    assert (found["fastest"], found["slowest"]) == (10_000_000, 80_000_000)
    few = (await asked.get(f"/api/events/{number + 1}/comparison")).json
    assert few["slower_than"] == 0


async def test_a_log_takes_no_time(project: Path, asked: Asked) -> None:
    save_all(project)
    found = await detail(asked, failed().run_id, "could not charge", "log")
    assert (await asked.get(f"/api/events/{found['id']}/comparison")).status == 400
