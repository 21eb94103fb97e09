"""Reading: runs by a part of their id, events by cursor, the tail, histograms, completions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runlog.config import Settings
from runlog.errors import RunNotFound, StoreError
from runlog.stores import open_reader, open_store
from runlog.stores.base import ERROR, Batch, Store
from runlog.stores.lists import Counted
from runlog.stores.query import parse
from runlog.stores.sqlite import SQLiteStore, leads, run_list, run_plan, run_walk, search
from runlog.system.ids import new_run_id
from tests.stores.sqlite.records import MINUTE, NOW, log, opened, run, span


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return SQLiteStore(tmp_path / "log.db")


@pytest.mark.parametrize("short", ["run_01abc", "01abc", "01ABCDEF", "cdef", " run_01abcdef ", "run_01abcdef"])
def test_a_run_is_found_by_either_end_of_its_id(store: Store, short: str) -> None:
    store.write(Batch(runs=[run("run_01abcdef"), run("run_01xyz")]))
    assert store.run(short).run_id == "run_01abcdef"


def test_a_whole_id_is_found_though_others_begin_like_it(store: Store) -> None:
    store.write(Batch(runs=[run("run_1"), run("run_12")]))
    assert store.run("run_1").run_id == "run_1"


def test_an_ambiguous_id_names_the_runs_it_fits(store: Store) -> None:
    store.write(Batch(runs=[run(f"run_0{number}") for number in range(8)]))
    with pytest.raises(RunNotFound, match="more than one run fits '0'") as caught:
        store.run("0")
    assert str(caught.value).count("run_0") == 5
    assert "…" in str(caught.value)


@pytest.mark.parametrize("unknown", ["nothing", "", "run_", "%", "run_\udcff", "\0"])
def test_an_unknown_id_is_said_with_what_to_do(store: Store, unknown: str) -> None:
    with pytest.raises(RunNotFound, match="no runs yet"):
        store.run(unknown)
    store.write(Batch(runs=[run("run_xyz")]))
    with pytest.raises(RunNotFound, match="newest run is run_xyz"):
        store.run(unknown)


def test_runs_are_listed_newest_first_page_by_page(store: Store) -> None:
    ids = [new_run_id(milliseconds) for milliseconds in range(5)]
    store.write(Batch(runs=[run(run_id, created=NOW + number // 2) for number, run_id in enumerate(ids)]))
    listed, cursor = [], None
    while True:
        page = store.runs(cursor=cursor, limit=2)
        listed += [item.run_id for item in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert listed == ids[::-1]


def test_a_runs_events_come_in_order_page_by_page(store: Store) -> None:
    store.write(Batch(events=[log(str(n), "run_a" if n % 2 else "run_b", time=NOW - n) for n in range(10)]))
    first = store.events("run_a", limit=3)
    rest = store.events("run_a", after=first[-1].id)
    assert [event.message for event in first + rest] == ["1", "3", "5", "7", "9"]
    assert store.events("run_unknown") == []
    assert store.events(None) == []


def test_a_search_without_an_index_stops_in_time_and_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_FIRST_SLICE", 100)
    for start in range(0, 2000, 500):
        store.write(Batch(events=[log("x", time=NOW + n, amount=n) for n in range(start, start + 500)]))
    query = parse("amount:<1")
    page = store.search(query, budget=0)
    assert page.items == []
    assert page.searched_to == NOW + 1900
    looked = [page.searched_to]
    while page.cursor is not None and not page.items:
        page = store.search(query, cursor=page.cursor, budget=0)
        looked += [page.searched_to] if page.searched_to else []
    assert looked == sorted(looked, reverse=True)
    assert [event.time for event in page.items] == [NOW]


@pytest.mark.parametrize("query", ["x", "-y", "amount:<1"])
def test_a_search_in_a_run_looks_at_nothing_else(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(search, "_FIRST_SLICE", 10)
    events = [log("x", "run_a" if n == 50 else "run_b", amount=0) for n in range(100)]
    store.write(Batch(events, [run("run_a"), run("run_b")]))
    asked: list[tuple[str, Any]] = []

    def note(_: object, sql: str, values: Any) -> bool:
        asked.append((sql, values))
        return True

    store._connection.exec_trace = note
    page = store.search(parse(f"run.id:run_a {query}"), budget=0)
    store._connection.exec_trace = None
    assert len(page.items) == 1
    assert store.search(parse(f"run.id:run_c {query}")).items == []
    plans = [store._connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall() for sql, values in asked]
    assert not [step for plan in plans for *_, step in plan if str(step).startswith("SCAN r")]


@pytest.mark.parametrize("query", ["run.worker:w", "run.worker:w x", "status:executing run.worker:w"])
def test_a_list_of_runs_without_an_index_stops_in_time_and_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(run_plan, "_FIRST_SLICE", 8)
    monkeypatch.setattr(run_plan, "_SLICE_TIME", 0)
    monkeypatch.setattr(leads, "FEW", 20)
    monkeypatch.setattr(run_list, "_MOST_EVENTS", 20)
    monkeypatch.setattr(run_walk, "_MOST_EVENTS", 20)
    runs = [run(f"run_{n:02}", created=NOW + n // 3, worker="w" if n in (3, 4, 60) else None) for n in range(100)]
    store.write(Batch([log("x", one.run_id) for one in runs], runs))
    found, looked, cursor = [], [], None
    while True:
        page = store.runs(parse(query), cursor=cursor, limit=2, budget=0)
        found += [item.run_id for item in page.items]
        looked += [] if page.searched_to is None else [page.searched_to]
        if page.cursor is None:
            break
        cursor = page.cursor
    assert found == ["run_60", "run_04", "run_03"]
    assert looked == sorted(looked, reverse=True)
    assert len(looked) > 5
    counted = store.count_runs(parse(query), budget=0)
    assert counted.count < 3
    assert counted.searched_to is not None
    assert store.count_runs(parse(query)) == Counted(3, None)


@pytest.mark.parametrize("cursor", ["x", "", "1.2.3", "9" * 30, "-"])
def test_a_foreign_cursor_is_refused(store: Store, cursor: str) -> None:
    store.write(Batch(events=[log("a")], runs=[run()]))
    with pytest.raises(StoreError, match="not a cursor"):
        store.search(None, cursor=cursor)
    with pytest.raises(StoreError, match="not a cursor"):
        store.runs(cursor=cursor)


def test_a_tail_goes_on_where_it_stopped(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path)
    writer = open_store(settings)
    writer.write(Batch(events=[log("old")], runs=[run()]))
    reader = open_reader(settings)
    position = reader.last_event_id()
    assert reader.tail(None, after=position) == ([], position)
    writer.write(Batch(events=[log("a", "run_a"), opened(1, "run_a"), log("b", level=ERROR)]))
    events, position = reader.tail(None, after=position)
    assert [(event.kind, event.message) for event in events] == [("log", "a"), ("open", ""), ("log", "b")]
    assert reader.tail(None, after=position) == ([], position)
    writer.write(Batch(events=[log("c", "run_a"), log("d")]))
    events, position = reader.tail(parse("task:send"), after=position)
    assert [event.message for event in events] == ["c"]
    assert position == 6
    assert [event.message for event in reader.tail(None, after=0, limit=2)[0]] == ["old", "a"]
    assert len(reader.tail(None, after=2, limit=2)[0]) == 2


def test_a_reader_follows_a_log_that_was_started_anew(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path)
    writer = open_store(settings)
    writer.write(Batch(events=[log(str(number)) for number in range(10)]))
    reader = open_reader(settings)
    position = reader.last_event_id()
    for path in settings.log_path.parent.glob("log.db*"):
        path.unlink()
    with pytest.raises(StoreError, match="nothing has been recorded here yet"):
        reader.tail(None, after=position)
    writer.write(Batch(events=[log("new")]))
    events, position = reader.tail(None, after=position)
    assert ([event.message for event in events], position) == (["new"], 1)


def test_nothing_recorded_yet_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nothing has been recorded here yet[\s\S]*runlog demo"):
        open_reader(Settings(root=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_histogram_has_equal_buckets_of_whole_minutes(store: Store) -> None:
    events = [
        log("a", "run_a", time=NOW),
        log("b", time=NOW + 59_000_000_000),
        log("c", "run_a", time=NOW + 5 * MINUTE),
    ]
    events += [span(1, "run_a", time=NOW, level=ERROR), opened(2, time=NOW), log("out", time=NOW + 6 * MINUTE)]
    store.write(Batch(events=events, runs=[run()]))
    found = store.event_histogram(None, NOW, 2 * MINUTE, 3)
    assert [(bucket.time - NOW) // MINUTE for bucket in found.buckets] == [0, 4]
    assert [bucket.counts for bucket in found.buckets] == [{"info": 2, "error": 1}, {"info": 1}]
    of_task = store.event_histogram(parse("task:send"), NOW, 2 * MINUTE, 3)
    assert [bucket.counts for bucket in of_task.buckets] == [{"info": 1, "error": 1}, {"info": 1}]


def test_known_keys_and_values(store: Store) -> None:
    attributes: dict[str, Any] = {
        "user.id": "U_5",
        "user": "ünï",
        "a=b": "c=d",
        "list": ["x", "y"],
        "empty": [],
        "é": True,
        "long": "v" * 200,
    }
    store.write(
        Batch(
            events=[
                log("a", None, **attributes),
                log("b", None, **dict[str, Any]({"user.id": "u_6"})),
                opened(1, hidden=1),
            ]
        )
    )
    assert sorted(store.keys()) == sorted(attributes)
    assert store.keys("user") == ["user.id", "user"]
    assert store.keys(limit=2) == store.keys()[:2]
    assert store.values("user.id") == ["U_5", "u_6"]
    assert store.values("user.id", "u") == ["u_6"]
    assert store.values("a=b") == ["c=d"]
    assert store.values("list") == ["x", "y"]
    assert store.values("user") == ["ünï"]
    assert store.values("empty") == store.values("long") == store.values("absent") == []


def test_statistics(store: Store) -> None:
    store.write(Batch(events=[log("a"), opened(1), span(2)], runs=[run()], spool_id="s"))
    statistics = store.statistics()
    assert (statistics.runs, statistics.events, statistics.open_spans, statistics.schema) == (1, 2, 1, 3)
    assert statistics.size > 4096


def test_text_that_utf8_cannot_hold_finds_nothing(store: Store) -> None:
    store.write(Batch(events=[log("a", "run_a", key="v")], runs=[run()]))
    for text in (
        "\udcff",
        'key:"\udcff"',
        "\udcff:v",
        "\udcff:>3",
        "task:\udcff",
        "name:\udcff*",
        "key:\udcff*",
        "-\udcffa",
    ):
        query = parse(text) if text[-1] != "\udcff" or ":" in text else parse("key:v task:\udcff")
        assert [event.message for event in store.search(query).items] in ([], ["a"])
    assert store.event_histogram(parse("task:\udcff"), NOW, MINUTE, 1).buckets == []
    assert store.events("\udcff") == []
    assert store.keys("\udcff") == store.values("\udcff") == store.values("key", "\udcff") == []
