"""The trace of a run as columns, and the tree that is made of them."""

from __future__ import annotations

import tempfile
from array import array
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlog.stores.base import Batch, Event, Reader, Run
from runlog.stores.one_run import STATUSES
from runlog.stores.sqlite import SQLiteStore
from runlog.stores.tree import build_tree, walk
from runlog.web.api.trace import HAS_EXCEPTION, HAS_LINKS, IS_CUT, MESSAGE_CUT, trace_page
from runlog.web.api.types import TracePage
from tests.cli.sample import EXCEPTION, Writer, completed, failed, running, save, save_all
from tests.helpers import times
from tests.reading.test_outline import families
from tests.web.asking import Asked

KINDS = ("log", "open", "span")
NOWHERE = bytes(8)


def events(page: TracePage) -> Iterator[Event]:
    """What a page says of each event, as far as a tree needs it."""
    numbers = {name: array("d", b64decode(getattr(page, name))) for name in ("id", "start", "duration")}
    small = {name: b64decode(getattr(page, name)) for name in ("kind", "level", "status", "flags")}
    names, spans, parents = array("I", b64decode(page.name)), b64decode(page.span), b64decode(page.parent)
    messages = iter(page.messages)
    for row in range(page.count):
        kind = KINDS[small["kind"][row]]
        span, parent = spans[8 * row : 8 * row + 8], parents[8 * row : 8 * row + 8]
        duration = numbers["duration"][row]
        yield Event(
            sequence=int(numbers["id"][row]),
            id=int(numbers["id"][row]),
            kind=kind,
            run_id=page.run_id,
            trace_id=None,
            span_id=None if span == NOWHERE else span,
            parent_id=None if parent == NOWHERE else parent,
            time=int(numbers["start"][row]) + round(page.origin * 1e6),
            duration=None if duration < 0 else int(duration),
            level=small["level"][row],
            status=STATUSES[small["status"][row]],
            name=page.names[names[row]],
            message=next(messages) if kind == "log" else "",
            attributes={},
            extra={"flags": small["flags"][row]},
        )


def pages(reader: Reader, run: Run, limit: int) -> list[TracePage]:
    found = [trace_page(reader, run, 0, limit)]
    while found[-1].more:
        found.append(trace_page(reader, run, found[-1].cursor, limit))
    return found


def drawn(run: Run, records: list[Event]) -> list[tuple[Any, ...]]:
    return [
        (depth, node.event.kind, node.event.name, node.event.id, node.event.time, node.event.duration, node.orphan)
        for depth, node in walk(build_tree(run, records))
    ]


@settings(max_examples=times(12, 200), deadline=None)
@given(families(), st.integers(1, 9))
def test_the_tree_of_its_columns_is_the_run_s(family: tuple[list[Run], list[Event]], limit: int) -> None:
    runs, records = family
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "log.db")
        store.write(Batch(runs=runs, events=[*records, *(log(run, event) for run in runs for event in records)]))
        for run in (store.run(item.run_id) for item in runs):
            whole = store.events(run.run_id)
            for event in whole:
                event.sequence = event.id
            found = pages(store, run, limit)
            assert drawn(run, [event for page in found for event in events(page)]) == drawn(run, whole)
            assert found[-1].remaining == 0
            assert all(page.remaining > 0 for page in found[:-1])
        store.close()


def log(run: Run, above: Event) -> Event:
    return Event(0, "log", run.run_id, None, None, above.span_id, above.time, None, 9, None, "logger", "said", {})


pytestmark = pytest.mark.anyio


async def shown(asked: Asked, path: str) -> tuple[TracePage, list[Event]]:
    answer = await asked.get(path)
    assert answer.status == 200, answer.body
    page = TracePage(
        **{**answer.json, "children": [], "accessories": [tuple(item) for item in answer.json["accessories"]]}
    )
    return page, list(events(page))


async def test_spans_show_their_status_and_their_error(project: Path, asked: Asked) -> None:
    save_all(project)
    page, found = await shown(asked, f"/api/runs/{failed().run_id}/trace")
    [row, *_] = [row for row, event in enumerate(found) if event.name == "HTTP POST /charge"]
    assert (found[row].status, found[row].duration) == ("error", 150_000_000)
    assert (row, "ConnectError: All connection attempts failed") in page.accessories
    assert (found[row].extra or {})["flags"] == HAS_EXCEPTION
    page, found = await shown(asked, f"/api/runs/{completed().run_id}/trace")
    assert [text for _, text in page.accessories] == ["200"]


async def test_a_log_shows_the_title_of_its_exception(project: Path, asked: Asked) -> None:
    run = completed()
    run.log(12, 50, "could not reach it")
    run.events[-1].extra = {"exception": EXCEPTION}
    save(project, [run])
    page, found = await shown(asked, f"/api/runs/{run.run_id}/trace")
    [row] = [row for row, event in enumerate(found) if event.message == "could not reach it"]
    assert [text for at, text in page.accessories if at == row] == ["ConnectError: All connection attempts failed"]


async def test_messages_are_rendered(project: Path, asked: Asked) -> None:
    save_all(project)
    page, _ = await shown(asked, f"/api/runs/{failed().run_id}/trace")
    assert page.messages[0] == "charging 995 cents"


async def test_what_has_not_ended_is_open_and_what_ends_in_the_page_is_no_longer(project: Path, asked: Asked) -> None:
    run = running()
    run.span(13, 12, "over", 15, None)
    run.span(13, 12, "over", 15, 3)
    save(project, [run])
    _, found = await shown(asked, f"/api/runs/{run.run_id}/trace")
    assert [event.name for event in found if event.kind == "open"] == ["Attempt 1", "run()", "poll"]
    assert [event.kind for event in found if event.name == "over"] == ["span"]
    first, found = await shown(asked, f"/api/runs/{run.run_id}/trace?limit=5")
    assert found[-1].name == "over"
    assert found[-1].kind == "open"
    _, rest = await shown(asked, f"/api/runs/{run.run_id}/trace?after={first.cursor}")
    assert [(event.name, event.kind) for event in rest] == [("over", "span")]


async def test_what_is_cut_or_linked_is_flagged(project: Path, asked: Asked) -> None:
    run = completed()
    run.log(11, 5, "x" * 501)
    run.log(11, 6, "{text}", text="y" * 2000)
    run.log(11, 7, "z" * 500)
    frames = [{"file": "/app/x.py", "line": 1, "function": "f", "source": "y" * 300}] * 30
    long: dict[str, Any] = {
        "exception": {**EXCEPTION, "frames": frames},
        "truncated": {"a": 9},
        "dropped": None,
        "links": [{}],
        "icon": "🔥",
    }
    run.span(14, 11, "much", 9, 1, extra=long)
    run.span(15, 11, "less", 9, 1, extra={"dropped": {"events": 2}, "kind": "CLIENT"})
    run.span(16, 11, "odd", 9, 1, extra={"exception": "text", "icon": 5})
    save(project, [run])
    page, found = await shown(asked, f"/api/runs/{run.run_id}/trace")
    flags = {event.name if event.kind == "span" else event.message[:1]: (event.extra or {})["flags"] for event in found}
    assert (flags["x"], flags["y"], flags["z"]) == (MESSAGE_CUT, MESSAGE_CUT, 0)
    assert (flags["much"], flags["less"]) == (HAS_EXCEPTION | IS_CUT | HAS_LINKS, IS_CUT)
    assert [len(message) for message in page.messages][-3:] == [500, 500, 500]
    [row] = [row for row, event in enumerate(found) if event.name == "much"]
    assert [text for number, text in page.accessories if number == row] == [
        "🔥",
        "ConnectError: All connection attempts failed",
    ]


async def test_a_page_has_as_much_as_an_answer_may(project: Path, asked: Asked) -> None:
    run = completed()
    for number in range(6000):
        run.log(11, 5, f"\x1b[31m{number} " + "é" * 490)
    save(project, [run])
    after, seen = 0, 0
    while True:
        page, found = await shown(asked, f"/api/runs/{run.run_id}/trace?after={after}")
        assert found
        seen, after = seen + sum(event.kind == "log" for event in found), page.cursor
        if not page.more:
            break
        assert page.remaining <= 6010 - seen
    assert seen == 6002


async def test_only_what_is_inside_a_span(project: Path, asked: Asked) -> None:
    run = completed()
    save(project, [run])
    inside = run.span_id(12).hex()
    _, found = await shown(asked, f"/api/runs/{run.run_id}/trace?under={inside}")
    assert [event.name for event in found] == ["fetch-user", "HTTP GET /users/1"]
    page, found = await shown(asked, f"/api/runs/{run.run_id}/trace?under={inside}&limit=1")
    assert (page.more, page.remaining) == (True, 1)
    _, found = await shown(asked, f"/api/runs/{run.run_id}/trace?under={'ab' * 8}")
    assert found == []


async def test_only_the_way_to_a_span(project: Path, asked: Asked) -> None:
    run = completed()
    save(project, [run])
    inside = {event.span_id.hex(): event for event in run.events if event.span_id is not None}
    way, span = [], run.span_id(13).hex()
    while span in inside:
        way.append(inside[span].name)
        span = (inside[span].parent_id or b"").hex()
    page, found = await shown(asked, f"/api/runs/{run.run_id}/trace?to={run.span_id(13).hex()}")
    assert len(way) > 2
    assert {event.name for event in found} == set(way)
    assert not page.more
    _, found = await shown(asked, f"/api/runs/{run.run_id}/trace?to={'ab' * 8}")
    assert found == []


async def test_the_runs_that_it_triggered_are_on_the_first_page(project: Path, asked: Asked) -> None:
    parent, *children = (Writer(number, "parent" if number == 1 else "child", "COMPLETED") for number in range(1, 4))
    parent.span(10, 99, "Attempt 1", 12, 400)
    for child in children:
        child.run.parent_run_id, child.run.parent_span_id = parent.run_id, parent.span_id(10)
    save(project, [parent, *children])
    page = (await asked.get(f"/api/runs/{parent.run_id}/trace")).json
    assert {row["run_id"] for row in page["children"]} == {child.run_id for child in children}
    assert page["children"][0]["parent_span_id"] == parent.span_id(10).hex()
    assert page["children_total"] == 2
    later = (await asked.get(f"/api/runs/{parent.run_id}/trace?after={page['cursor']}")).json
    assert (later["children"], later["count"], later["cursor"]) == ([], 0, page["cursor"])


@pytest.mark.parametrize(
    "bad",
    [
        "after=-1",
        "after=x",
        "limit=0",
        "limit=25001",
        "under=xyz",
        "under=abc",
        "to=xyz",
        f"to={'ab' * 8}&under={'ab' * 8}",
        "nothing=1",
    ],
)
async def test_what_cannot_be_asked_for(project: Path, asked: Asked, bad: str) -> None:
    save_all(project)
    answer = await asked.get(f"/api/runs/{failed().run_id}/trace?{bad}")
    assert (answer.status, answer.code) == (400, "bad-request")
