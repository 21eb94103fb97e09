"""What is written is read back, counted and indexed; one bad record harms no other."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from runlog.config import Settings
from runlog.errors import StoreError
from runlog.stores import open_reader, open_store
from runlog.stores.base import ERROR, WARN, Batch, Event, Reader, Run, Store
from runlog.stores.query import parse
from runlog.stores.sqlite import SQLiteStore
from tests.stores.sqlite.records import MINUTE, NOW, log, opened, run, sid, span


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return SQLiteStore(tmp_path / "log.db")


def found(store: Reader, query: str) -> list[str]:
    return [event.message or event.name for event in store.search(parse(query)).items]


def test_an_event_comes_back_as_it_was(store: Store) -> None:
    event = Event(
        7,
        "span",
        "run_a",
        b"\x00" * 16,
        b"\xff" * 8,
        b"\x01" * 8,
        NOW,
        5,
        ERROR,
        "error",
        "GET /a",
        "",
        {},
        {"icon": "x"},
    )
    event.attributes = {"ä": [1, "b", None], "n": 2**63 - 1, "f": 0.1, "nul": "a\0b", "t": True, "": ""}
    store.write(Batch(events=[event]))
    assert event.id == 1
    assert store.events("run_a") == [event]


def test_ids_are_given_in_the_order_of_writing(store: Store) -> None:
    first, second = [log(str(number)) for number in range(3)], [log("later", time=0)]
    store.write(Batch(events=first))
    store.write(Batch(events=second))
    assert [event.id for event in first + second] == [1, 2, 3, 4]
    assert store.last_event_id() == 4


def test_the_newest_version_of_a_run_wins_and_what_it_does_not_say_stays(store: Store) -> None:
    store.write(Batch(runs=[run(version=1, status="QUEUED", payload={"a": 1}, tags=("x", "y"))]))
    store.write(
        Batch(runs=[run(version=3, status="FAILED", error={"type": "E", "message": "m"}, ended=NOW), run(version=2)])
    )
    store.write(Batch(runs=[run(version=4, status="COMPLETED", output=[1], ended=NOW, reason="why")]))
    whole = store.run("run_a")
    assert (whole.version, whole.status, whole.reason, whole.tags) == (4, "COMPLETED", "why", ())
    assert (whole.payload, whole.output, whole.error) == ({"a": 1}, [1], {"type": "E", "message": "m"})
    [listed] = store.runs().items
    assert (listed.payload, listed.output) == (None, None)
    assert store.versions(["run_a", "run_x"]) == {"run_a": 4}


def test_states_in_one_batch_are_what_they_are_one_by_one(store: Store) -> None:
    states = [
        run(version=1, status="QUEUED", payload={"a": 1}, tags=("x",)),
        run(version=2, code_version="v7", tags=("x",), error={"type": "E", "message": "m"}),
        run("run_b", version=2, output="early"),
        run(version=3, status="COMPLETED", output=[1], reason="why"),
        run(version=5, status="COMPLETED", metadata={"m": 2}),
        run("run_b", version=1, status="QUEUED", payload="late"),
        run(version=4, status="FAILED", reason="late"),
    ]
    store.write(Batch(runs=states))
    together = [store.run("run_a"), store.run("run_b")]
    assert (together[0].payload, together[0].output, together[0].metadata) == ({"a": 1}, [1], {"m": 2})
    assert (together[0].version, together[0].reason, together[0].code_version) == (5, None, "v7")
    assert (together[1].status, together[1].payload, together[1].output) == ("EXECUTING", "late", "early")
    for state in states:
        store.write(Batch(runs=[msgspec.structs.replace(state, run_id=state.run_id + "_alone")]))
    alone = [store.run("run_a_alone"), store.run("run_b_alone")]
    assert [msgspec.structs.replace(one, run_id="", id=0) for one in alone] == [
        msgspec.structs.replace(one, run_id="", id=0) for one in together
    ]


def test_a_late_old_version_brings_its_payload_and_nothing_else(store: Store) -> None:
    store.write(Batch(runs=[run(version=2, status="COMPLETED", output=0)]))
    store.write(Batch(runs=[run(version=1, status="QUEUED", payload=False)]))
    whole = store.run("run_a")
    assert (whole.status, whole.payload, whole.output) == ("COMPLETED", False, 0)


def test_a_run_counts_its_events(store: Store) -> None:
    events = [
        log("a", "run_a", level=ERROR),
        log("b", "run_a", level=WARN),
        opened(1, "run_a"),
        span(1, "run_a"),
        log("c"),
    ]
    store.write(Batch(events=events, runs=[run()]))
    store.write(Batch(events=[span(2, "run_a", level=ERROR)]))
    counted = store.run("run_a")
    assert (counted.errors, counted.warnings, counted.spans, counted.logs) == (2, 1, 2, 2)


def test_events_may_come_before_their_run(store: Store) -> None:
    store.write(Batch(events=[log("early", "run_a"), log("none")]))
    assert store.runs().items == []
    assert store.run("run_a").version == 0
    assert store.versions(["run_a"]) == {}
    assert found(store, "-task:send") == ["none", "early"]
    store.write(Batch(runs=[run(task="send")]))
    assert found(store, "task:send") == ["early"]
    assert store.run("run_a").logs == 1
    [bucket] = store.event_histogram(parse("task:send"), NOW, MINUTE, 1).buckets
    assert bucket.counts == {"info": 1}
    [bucket] = store.event_histogram(None, NOW, MINUTE, 1).buckets
    assert bucket.counts == {"info": 2}


def test_open_spans_show_as_running_until_they_end(store: Store) -> None:
    store.write(Batch(events=[opened(1, "run_a"), opened(2, "run_a")], spool_id="s"))
    assert store.statistics().open_spans == 2
    assert found(store, "work") == []
    store.write(Batch(events=[span(1, "run_a")], spool_id="s"))
    assert store.statistics().open_spans == 1
    assert [event.kind for event in store.events("run_a")] == ["open", "open", "span"]
    assert found(store, "work") == ["work"]


def test_a_dead_processs_spans_end_as_unfinished(store: Store) -> None:
    store.write(Batch(events=[opened(1, "run_a", key="v"), opened(2)], runs=[run()], spool_id="dead", positions={0: 9}))
    store.write(Batch(events=[opened(3, "run_a")], spool_id="alive", positions={0: 5}))
    ended = store.close_spool("dead", NOW + 700)
    assert [(e.span_id, e.status, e.level, e.duration, e.kind) for e in ended] == [
        (sid(1), "unfinished", WARN, 700, "span"),
        (sid(2), "unfinished", WARN, 700, "span"),
    ]
    assert [event.id for event in ended] == [4, 5]
    assert ended[0] in store.events("run_a")
    assert found(store, "key:v span.status:unfinished") == ["work"]
    assert (store.run("run_a").warnings, store.run("run_a").spans) == (1, 1)
    assert store.positions("dead") == {}
    assert store.positions("alive") == {0: 5}
    assert store.statistics().open_spans == 1
    assert store.close_spool("dead", NOW + 900) == []


def test_many_open_spans_end_too(store: Store) -> None:
    store.write(Batch(events=[opened(number) for number in range(2500)], spool_id="dead"))
    assert len(store.close_spool("dead", 0)) == 2500
    assert store.statistics().open_spans == 0


def test_positions_are_kept_until_their_segment_is_closed(store: Store) -> None:
    store.write(Batch(events=[log()], spool_id="s", positions={1: 10, 2: 20}))
    store.write(Batch(spool_id="s", positions={1: 30}))
    store.write(Batch(spool_id="s", closed_segments=[2]))
    assert store.positions("s") == {1: 30}
    assert store.positions("other") == {}


BAD: list[Any] = [
    "lone \ud800 surrogate",
    2**70,
    -(2**63) - 1,
    10**5000,
    float("nan"),
    [float("inf")],
    object(),
    {"deep": {1, 2}},
    "x" * 11_000_000,
]


@pytest.mark.parametrize("value", BAD, ids=lambda value: str(type(value).__name__))
def test_a_value_that_cannot_be_stored_is_changed_and_the_rest_is_as_it_was(store: Store, value: Any) -> None:
    batch = Batch(
        events=[log("before", user=1), log("bad", value=value, other="kept"), log("after", user=2)], runs=[run()]
    )
    store.write(batch)
    before, bad, after = store.events(None)
    assert (before.message, after.message) == ("before", "after")
    assert before.extra is None
    assert bad.attributes["other"] == "kept"
    assert bad.attributes["value"]
    if not isinstance(value, int) or abs(value) > 2**80:  # some huge integers are fine in JSON
        assert bad.extra is None or bad.extra["repaired"]
    assert found(store, "other:kept") == ["bad"]
    assert store.run("run_a").version == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("message", "\udfff"),
        ("message", None),
        ("name", "\ud800"),
        ("run_id", "run_\ud800"),
        ("time", 2**64),
        ("time", None),
        ("level", "high"),
        ("duration", 10**30),
        ("kind", "other"),
        ("span_id", "text"),
        ("attributes", {1: 2}),
        ("extra", {"exception": object()}),
    ],
)
def test_a_field_that_cannot_be_stored_is_changed(store: Store, field: str, value: Any) -> None:
    bad = log("bad")
    setattr(bad, field, value)
    store.write(Batch(events=[log("before"), bad, log("after")]))
    assert [bad.id, store.last_event_id()] == [2, 3]
    stored = store.tail(None, after=1, limit=1)[0][0]
    assert stored.extra is not None
    assert "repaired" in stored.extra


@pytest.mark.parametrize(
    ("field", "value"),
    [("payload", "\ud800"), ("output", object()), ("reason", "\ud800"), ("created", 2**70), ("tags", 5)],
)
def test_a_run_that_cannot_be_stored_is_changed(store: Store, field: str, value: Any) -> None:
    bad = run("run_b")
    setattr(bad, field, value)
    store.write(Batch(runs=[run(), bad]))
    assert "stored with changes" in (store.run("run_b").reason or "")
    assert store.run("run_a").reason is None


def test_a_full_database_takes_nothing_of_a_batch_and_all_of_it_later(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "log.db")
    database = store._database
    assert database is not None
    pages = int(database.connection.pragma("page_count"))
    database.connection.pragma("max_page_count", pages + 5)
    batch = Batch(events=[log("x" * 5000) for _ in range(100)], runs=[run()], spool_id="s", positions={0: 1})
    with pytest.raises(StoreError, match="full"):
        store.write(batch)
    assert (store.last_event_id(), store.positions("s"), store.runs().items) == (0, {}, [])
    assert batch.events[0].id == 0
    database.connection.pragma("max_page_count", 1_000_000)
    store.write(batch)
    assert store.last_event_id() == 100


def test_a_locked_database_is_an_error_and_works_again_afterwards(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "log.db")
    assert store._database is not None
    store._database.connection.set_busy_timeout(50)
    other = apsw.Connection(str(tmp_path / "log.db"))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        store.write(Batch(events=[log("a")]))
    other.execute("ROLLBACK")
    store.write(Batch(events=[log("a")]))
    assert store.last_event_id() == 1


def test_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        settings = Settings(root=tmp_path)
        store = open_store(settings)
        store.write(Batch(events=[log("secret")]))
        reader = open_reader(settings)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in settings.log_path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["log.db", "log.db-wal", "log.db-shm", "log.db.lock"], 0o600)
    assert stat.S_IMODE(settings.folder.stat().st_mode) == 0o700
    reader.close()
    store.close()


def test_the_wal_is_copied_back_while_writing_and_emptied_when_idle(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "log.db")
    wal, written = tmp_path / "log.db-wal", 0
    while written < 40_000_000:
        store.write(Batch(events=[log("x" * 2000) for _ in range(200)]))
        written += 200 * 2000
    assert wal.stat().st_size < 20_000_000
    store.maintain()
    assert wal.stat().st_size == 0


def test_a_store_opened_for_reading_cannot_write(tmp_path: Path) -> None:
    SQLiteStore(tmp_path / "log.db").close()
    with pytest.raises(StoreError, match="opened for reading"):
        SQLiteStore(tmp_path / "log.db", readonly=True).write(Batch(events=[log()]))


def test_times_before_1970_are_tallied_like_others(store: Store) -> None:
    store.write(Batch(events=[log("old", "run_a", time=-1), log("old", "run_a", time=-MINUTE)]))
    store.write(Batch(runs=[run(task="send")]))
    [bucket] = store.event_histogram(parse("task:send"), -MINUTE, MINUTE, 1).buckets
    assert bucket.counts == {"info": 2}
    assert found(store, "time:<1969-12-31T23:59:59Z") == ["old"]


def test_runs_are_records_of_their_own(store: Store) -> None:
    made = Run(
        "run_z", 1, "t", "DELAYED", "q", 1, 2, 3, b"1" * 16, b"2" * 8, "run_p", "run_r", "w", 4, 5, 6, ("a",), "why"
    )
    store.write(Batch(runs=[made]))
    made.id = 1
    assert store.run("run_z") == made
