"""A log of an older schema is brought to the newest: what it has is found and counted as if it had been written now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest

from runlog.stores.base import Batch
from runlog.stores.query import parse
from runlog.stores.sqlite import SQLiteStore
from runlog.stores.sqlite.schema import APPLICATION_ID, MIGRATIONS
from runlog.system.sqlite import Database
from tests.stores.sqlite.records import MINUTE, NOW, log, run, span

_RUN = """
    INSERT INTO run (run_id, version, task, status, queue, created, changed, attempt, tags, error, options)
    VALUES (?, ?, ?, ?, 'default', ?, ?, 1, ?, ?, ?)
"""
_EVENT = """
    INSERT INTO event (run, kind, sequence, time, level, name, message, attributes) VALUES (?, ?, 0, ?, ?, '', '', '{}')
"""
_TALLY = "INSERT INTO tally (minute, task, level, count, lowest, highest) VALUES (?, ?, ?, ?, ?, ?)"


@pytest.fixture
def schema_2(tmp_path: Path) -> Path:
    path = tmp_path / "log.db"
    database = Database(path, APPLICATION_ID, MIGRATIONS[:2])
    runs: list[tuple[Any, ...]] = [
        ("run_a", 3, "send", "FAILED", NOW, NOW, '["vip","x"]', '{"type":"E","message":"m"}', '{"batch_id":"b1"}'),
        ("run_b", 1, "send", "QUEUED", NOW + 1, NOW, "[]", None, '{"replay_of":"run_a"}'),
        ("run_unknown", 0, "", "EXECUTING", NOW + 2, NOW, "[]", None, None),
    ]
    events = [(1, 0, NOW, 9), (1, 2, NOW, 9), (None, 0, NOW, 9), (3, 0, NOW + MINUTE, 17), (1, 0, -1, 9)]
    minute = NOW // MINUTE
    tally = [(minute, "send", 9, 2, 1, 2), (minute, "", 9, 1, 3, 3), (minute + 1, "", 17, 1, 4, 4)]
    tally.append((-1, "send", 9, 1, 5, 5))
    with database.transaction() as connection:
        connection.executemany(_RUN, runs)
        connection.executemany(_EVENT, events)
        connection.executemany(_TALLY, tally)
    database.close()
    return path


def test_runs_of_schema_2_are_found_in_the_order_in_which_they_came(schema_2: Path) -> None:
    store = SQLiteStore(schema_2)
    found, after = store.changes(0)
    assert ([run.run_id for run in found], after) == (["run_a", "run_b", "run_unknown"], 3)
    assert store.position() == (5, 3)
    for query in ("tag:vip status:failed", "run.error:E", "run.batch:b1", "task:send -status:queued"):
        assert [run.run_id for run in store.runs(parse(query)).items] == ["run_a"], query
    assert [run.run_id for run in store.runs().items] == ["run_b", "run_a"]
    store.write(Batch(runs=[run("run_unknown", task="late", created=NOW + 2)], events=[log("x", "run_b")]))
    assert [run.run_id for run in store.changes(after)[0]] == ["run_unknown", "run_b"]
    assert [run.run_id for run in store.runs().items] == ["run_unknown", "run_b", "run_a"]
    store.close()


def test_logs_of_schema_2_are_told_from_spans_in_the_tally(schema_2: Path) -> None:
    store = SQLiteStore(schema_2)
    store.write(Batch(events=[log("x", "run_a"), span(1, "run_a")]))
    store.close()
    rows = apsw.Connection(str(schema_2)).execute("SELECT minute, task, level, count, logs FROM tally").fetchall()
    minute = NOW // MINUTE
    assert rows == [(-1, "send", 9, 1, 1), (minute, "", 9, 1, 1), (minute, "send", 9, 4, 2), (minute + 1, "", 17, 1, 1)]
