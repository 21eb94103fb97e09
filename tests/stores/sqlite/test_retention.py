"""Old runs go whole, with exactly their entries in the indexes; what has not ended stays."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from runlog.stores.base import Batch
from runlog.stores.query import parse
from runlog.stores.sqlite import SQLiteStore, check_log, retention
from tests.stores.sqlite.records import MINUTE, NOW, log, opened, run, span


@pytest.fixture
def store(tmp_path: Path) -> SQLiteStore:
    return SQLiteStore(tmp_path / "log.db")


def terms(store: SQLiteStore) -> list[str]:
    """Every term that the indexes hold."""
    connection = store._connection
    return [row[0] for table in ("word", "attr") for row in connection.execute(f"SELECT term FROM {table}_terms")]


def assert_sound(store: SQLiteStore) -> None:
    database = store._database
    assert database is not None
    with database.transaction() as connection:
        for table in ("word", "attr"):
            connection.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")
    assert check_log(store.path, thorough=True).problems == ()


def ended(number: int, time: int) -> Batch:
    run_id = f"run_{number}"
    state = run(run_id, status="COMPLETED", created=time, started=time, ended=time, payload=number, output="o")
    events = [log(f"hello {number} Ünïcode", run_id, time=time, key=f"V {number}", l=[1, "two", None], e=[], f=1.5)]
    return Batch(events=[*events, opened(number, run_id, time=time), span(number, run_id, time=time)], runs=[state])


def test_runs_that_ended_before_a_time_are_deleted_with_all_they_had(store: SQLiteStore) -> None:
    for number in range(20):
        store.write(ended(number, NOW + number * MINUTE))
    pruned = store.prune(older_than=NOW + 15 * MINUTE)
    assert (pruned.runs, pruned.events) == (15, 45)
    assert [item.run_id for item in store.runs().items] == [f"run_{number}" for number in (19, 18, 17, 16, 15)]
    assert store.search(parse("hello key:*")).items[-1].run_id == "run_15"
    assert store.search(parse('key:"V 3" OR 3')).items == []
    assert sorted(term for term in terms(store) if term.isdigit()) == ["15", "16", "17", "18", "19"]
    minutes = [
        ((bucket.time - NOW) // MINUTE, bucket.counts)
        for bucket in store.event_histogram(None, NOW, MINUTE, 20).buckets
    ]
    assert minutes == [(minute, {"info": 2}) for minute in range(15, 20)]
    assert_sound(store)
    assert check_log(store.path).pruned_runs == 15
    assert check_log(store.path).pruned_events == 45


def test_when_all_is_deleted_nothing_is_left(store: SQLiteStore) -> None:
    random = Random(5)
    for number in range(60):
        batch = ended(number, NOW)
        for event in batch.events:
            event.attributes = {
                "".join(chr(random.randrange(1, 0xD000)) for _ in range(random.choice((1, 5, 300)))): random.choice(
                    [
                        "",
                        "x" * 500,
                        0.1,
                        1e308,
                        10**25,
                        True,
                        None,
                        [],
                        ["a", "a", 1.0],
                        {"nested": [1, {"b": 2.0}]},
                        b"\xff",
                        "É",
                    ]
                )
                for _ in range(3)
            }
            event.name = event.message = "".join(chr(random.randrange(1, 0xD000)) for _ in range(30))
        store.write(batch)
    assert terms(store)
    store.prune(older_than=2**62)
    assert terms(store) == []
    connection = store._connection
    for table in ("run", "run_data", "event", "tally", "open_span"):
        assert connection.execute(f"SELECT count(*) FROM {table}").get == 0, table
    assert_sound(store)


def test_what_has_not_ended_and_what_is_younger_stays(store: SQLiteStore) -> None:
    store.write(Batch(events=[log("old", "run_live", time=0)], runs=[run("run_live", created=0)]))
    store.write(Batch(events=[log("none", time=NOW - 1), log("young", time=NOW), span(9, time=NOW - 5000)]))
    store.write(Batch(events=[log("unknown", "run_lost", time=5)]))
    pruned = store.prune(older_than=NOW)
    assert (pruned.runs, pruned.events) == (1, 3)
    assert [event.message for event in store.search(None).items] == ["young", "old"]


def test_ids_are_never_given_twice(store: SQLiteStore) -> None:
    store.write(ended(1, NOW))
    store.prune(older_than=2**62)
    assert store.last_event_id() == 3
    later = ended(2, NOW)
    store.write(later)
    assert [event.id for event in later.events] == [4, 5, 6]
    assert [event.id for event in store.tail(None, after=3)[0]] == [4, 5, 6]


def test_a_size_is_kept_by_deleting_the_oldest_first(store: SQLiteStore) -> None:
    for number in range(40):
        batch = ended(number, NOW + number * MINUTE)
        batch.events += [log("x" * 2000 + str(n), f"run_{number}", time=NOW + number * MINUTE) for n in range(20)]
        batch.events += [log("y" * 2000, time=NOW + number * MINUTE)]
        store.write(batch)
    before = store.statistics().size
    pruned = store.prune(max_size=before // 2)
    assert pruned.freed > 0
    assert store.statistics().size <= before // 2
    left = [int(item.run_id[4:]) for item in store.runs(limit=100).items]
    assert left == list(range(39, 39 - len(left), -1))
    assert 0 < len(left) < 40
    assert abs(len(store.events(None)) - len(left)) <= 2  # a minute is the finest step between them
    assert_sound(store)


def test_a_run_with_many_events_goes_in_several_transactions(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_EVENTS", 10)
    for number in range(3):
        store.write(ended(number, NOW))
    store.write(Batch(events=[log(f"m{n}", "run_1", k=n) for n in range(95)]))
    pruned = store.prune(older_than=NOW + 1)
    assert (pruned.runs, pruned.events) == (3, 104)
    assert terms(store) == []


def test_an_event_of_a_pruned_run_is_kept_and_goes_with_the_next_pass(store: SQLiteStore) -> None:
    store.write(ended(1, NOW))
    store.prune(older_than=NOW + 1)
    store.write(Batch(events=[log("late", "run_1", time=NOW)]))
    assert [event.message for event in store.events("run_1")] == ["late"]
    assert store.prune(older_than=NOW + 1).events == 1


def test_an_empty_log_can_be_pruned(store: SQLiteStore) -> None:
    assert store.prune(older_than=2**62, max_size=0).runs == 0
