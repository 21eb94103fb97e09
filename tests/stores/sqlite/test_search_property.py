"""Whatever the query and the records, the store finds what the plain evaluation says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from runlog.stores.base import Batch, Event, Run
from runlog.stores.evaluate import matches, run_matches
from runlog.stores.query import Node, Query
from runlog.stores.sqlite import SQLiteStore, compiler, search
from tests.stores.query_strategies import events, nodes, runs

ROUNDS = int(os.environ.get("RUNLOG_TEST_ROUNDS", "1"))
RUN_IDS = ("run_a", "run_b", "run_c")

Log = tuple[list[Run], list[Event]]


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """Three runs, of which one may be unknown to the log, and events in them and in none."""
    made = [draw(runs(run_id)) for run_id in RUN_IDS]
    names: list[str | None] = [*RUN_IDS, None]
    stored = draw(st.lists(st.sampled_from(names).flatmap(events), max_size=12))
    return made[: draw(st.integers(2, 3))], stored


@pytest.fixture(params=["indexes lead", "indexes lead never"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SQLiteStore:
    """A store that takes every beginning from its indexes, and one that takes none: both ways must agree."""
    if request.param == "indexes lead never":
        monkeypatch.setattr(compiler, "_MOST_DOCUMENTS", 0)
        monkeypatch.setattr(compiler, "_MOST_TERMS", 0)
        monkeypatch.setattr(search, "_FEW_EVENTS", 0)
        monkeypatch.setattr(search, "_MOST_EVENTS", 0)
        monkeypatch.setattr(search, "_MOST_RUNS", 0)
        monkeypatch.setattr(search, "_FIRST_SLICE", 3)
        monkeypatch.setattr(search, "_FAST", 0)
        monkeypatch.setattr(search, "_RUNS_A_SLICE", 1)
    return SQLiteStore(tmp_path / "log.db")


def fill(store: SQLiteStore, log: Log) -> None:
    stored_runs, stored_events = log
    store.write(Batch(events=stored_events[: len(stored_events) // 2], runs=stored_runs))
    store.write(Batch(events=stored_events[len(stored_events) // 2 :]))


def empty(store: SQLiteStore) -> None:
    """Delete everything; runs that have not ended are made to."""
    found = store.runs(limit=100).items
    for run in found:
        run.version, run.status = run.version + 1, "FAILED"
    store.write(Batch(runs=found))
    store.prune(older_than=2**62)
    assert store.last_event_id() == 0 or not store.search(None).items


@settings(max_examples=150 * ROUNDS, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(log=logs(), node=nodes())
def test_what_is_found_is_what_matches(store: SQLiteStore, log: Log, node: Node) -> None:
    empty(store)
    fill(store, log)
    query = Query(str(node), node)
    note(f"query: {query.text}")
    everything = [*store.events(None), *(event for run_id in RUN_IDS for event in store.events(run_id))]
    everything.sort(key=lambda event: -event.id)
    known = {run_id: store.run(run_id) for run_id in {event.run_id for event in everything} if run_id}
    assert sorted(event.id for event in everything) == sorted(event.id for event in log[1])

    wanted = [e.id for e in everything if matches(node, e, known[e.run_id] if e.run_id else None)]
    assert paged_events(store, query) == wanted
    assert [e.id for e in store.tail(query, after=min(wanted, default=1) - 1)[0]] == sorted(wanted)

    listed = store.runs(limit=100).items
    expected = [r.run_id for r in listed if run_matches(query, r, [e for e in everything if e.run_id == r.run_id])]
    assert {run.run_id for run in log[0]} == {run.run_id for run in listed}
    assert paged_runs(store, query) == expected


def paged_events(store: SQLiteStore, query: Query) -> list[int]:
    found, cursor = [], None
    while True:
        page = store.search(query, cursor=cursor, limit=2)
        found += [event.id for event in page.items]
        cursor = page.cursor
        if cursor is None:
            return found


def paged_runs(store: SQLiteStore, query: Query) -> list[str]:
    found, cursor = [], None
    while True:
        page = store.runs(query, cursor=cursor, limit=2)
        found += [run.run_id for run in page.items]
        cursor = page.cursor
        if cursor is None:
            return found
