"""Who follows the changes of runs sees each run as it last was, in order, whatever writes and deletes meanwhile."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from runlog.errors import QueryTimeout
from runlog.stores.base import Batch
from runlog.stores.query import parse
from runlog.stores.sqlite import SQLiteStore
from runlog.stores.sqlite.connected import reading
from tests.stores.sqlite.records import NOW, log, opened, run, span


@pytest.fixture
def store(tmp_path: Path) -> SQLiteStore:
    return SQLiteStore(tmp_path / "log.db")


def test_states_and_counters_are_changes_and_nothing_else_is(store: SQLiteStore) -> None:
    def changed(batch: Batch) -> list[str]:
        _, before = store.position()
        store.write(batch)
        found, after = store.changes(before)
        assert store.position()[1] == after
        return [run.run_id for run in found]

    assert store.changes(0) == ([], 0)
    assert changed(Batch(runs=[run("run_a"), run("run_b")])) == ["run_a", "run_b"]
    assert changed(Batch(runs=[run("run_b", 2), run("run_a", 2)])) == ["run_b", "run_a"]
    assert changed(Batch(events=[log("x", "run_a")])) == ["run_a"]
    assert changed(Batch(events=[log("x", "run_a"), log("x", "run_c")], runs=[run("run_b", 3)])) == [
        "run_b",
        "run_a",
        "run_c",
    ]
    assert changed(Batch(runs=[run("run_a", 2)])) == []  # known
    assert changed(Batch(events=[log("of no run"), opened(1, "run_a")], runs=[run("run_b", 2)])) == []
    assert changed(Batch(events=[span(1, "run_a")], runs=[run("run_a", 1)])) == ["run_a"]
    [unknown] = [run for run in store.changes(0)[0] if run.run_id == "run_c"]
    assert (unknown.version, unknown.task, unknown.logs) == (0, "", 1)


def test_two_writers_are_followed_without_gap_or_return(tmp_path: Path) -> None:
    writers = [SQLiteStore(tmp_path / "log.db") for _ in range(2)]
    reader = SQLiteStore(tmp_path / "log.db", readonly=True)
    seen: dict[str, list[int]] = {}
    after = 0
    for step in range(1, 41):
        writer = writers[step % 2]
        runs = [run(f"run_{number}", step) for number in range(step % 7, step % 7 + 5)]
        writer.write(Batch(runs=runs, events=[log("x", f"run_{step % 5}")]))
        if step % 3 == 0:  # in pages smaller than what is new
            while page := reader.changes(after, 4)[0]:
                numbers = [run.run_id for run in page]
                assert len(set(numbers)) == len(numbers)
                for found in page:
                    seen.setdefault(found.run_id, []).append(found.version * 1000 + found.logs)
                after = reader.changes(after, 4)[1]
    for found in reader.changes(after)[0]:
        seen.setdefault(found.run_id, []).append(found.version * 1000 + found.logs)
    assert {run_id: states[-1] for run_id, states in seen.items()} == {
        found.run_id: found.version * 1000 + found.logs for found in reader.runs().items
    }
    assert all(states == sorted(set(states)) for states in seen.values())


def test_a_number_is_not_given_again_after_its_run_is_gone(store: SQLiteStore) -> None:
    store.write(Batch(runs=[run("run_a", status="COMPLETED", ended=NOW, tags=("x",))]))
    _, position = store.position()
    assert store.prune(older_than=NOW + 10).runs == 1
    assert store.position()[1] == position
    store.write(Batch(runs=[run("run_b", created=NOW)]))
    assert [run.run_id for run in store.changes(position)[0]] == ["run_b"]
    assert store.runs(parse("tag:x")).items == []


def test_reading_ends_when_its_time_is_over_and_the_reader_stays_usable(tmp_path: Path) -> None:
    SQLiteStore(tmp_path / "log.db").write(Batch(runs=[run()]))
    reader = SQLiteStore(tmp_path / "log.db", readonly=True)
    endless = "WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    class Slow(SQLiteStore):
        @reading
        def count(self) -> None:
            self._connection.execute(endless).fetchall()

    slow = Slow(tmp_path / "log.db", readonly=True)
    started = time.monotonic()
    with pytest.raises(QueryTimeout), slow.within(60), slow.within(0.02):
        slow.count()
    assert time.monotonic() - started < 10
    with slow.within(60):
        assert slow.run("run_a").run_id == "run_a"
    with pytest.raises(QueryTimeout), reader.within(0), slow.within(0):
        reader.run("run_a")
    assert reader.run("run_a").run_id == "run_a"
