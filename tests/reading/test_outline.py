"""The outline of a run: a few of its spans, which tell the same as all of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from runlog.reading.loading import load_tree
from runlog.reading.outline import load_outline
from runlog.reading.sentences import failing_exception, headline
from runlog.stores.base import ERROR, INFO, Batch, Event, Run
from runlog.stores.sqlite import SQLiteStore
from runlog.stores.tree import Node, failure
from tests.helpers import times

NOW = 1_000_000
KINDS = ("A", "B")


@st.composite
def exceptions(draw: st.DrawFn) -> dict[str, Any]:
    made: dict[str, Any] = {"type": draw(st.sampled_from(KINDS)), "message": "", "frames": []}
    if draw(st.booleans()):
        made["cause"] = {"type": draw(st.sampled_from(KINDS)), "message": "", "frames": []}
    return made


@st.composite
def spans(draw: st.DrawFn, run_id: str, first: int, above: list[int]) -> list[Event]:
    """Spans inside one another, some of which failed, were cancelled, left open, or are under one that is unknown."""
    events = []
    for number in range(first, first + draw(st.integers(0, 7))):
        status = draw(st.sampled_from(("error", "error", "error", "ok", "canceled", "unfinished")))
        kind = draw(st.sampled_from(("span", "span", "span", "open")))
        parent = draw(st.sampled_from([*above, 9999, number]))
        extra = {"exception": draw(exceptions())} if status == "error" and draw(st.booleans()) else None
        name = draw(st.sampled_from((f"s{number}", f"Attempt {number}", "process")))
        duration = draw(st.integers(0, 5)) if kind == "span" else None
        event = Event(number, kind, run_id, b"t" * 16, sid(number), sid(parent), 0, duration, INFO, None, name, "", {})
        event.time, event.level = draw(st.integers(0, 9)), draw(st.sampled_from((INFO, ERROR)))
        event.status, event.extra = status if kind == "span" else None, extra
        events.append(event)
        above.append(number)
    return events


@st.composite
def families(draw: st.DrawFn) -> tuple[list[Run], list[Event]]:
    """A run, runs that it waited for, and theirs."""
    statuses = ("FAILED", "FAILED", "FAILED", "CRASHED", "CANCELED", "TIMED_OUT", "EXECUTING", "WAITING", "COMPLETED")
    runs: list[Run] = []
    events: list[Event] = []
    for number in range(draw(st.integers(1, 4))):
        run_id, root = f"run_{number}", 1000 + number
        status = draw(st.sampled_from(statuses))
        ended = None if status in ("EXECUTING", "WAITING") else number + draw(st.integers(0, 9))
        run = Run(run_id, 1, f"task{number}", status, "q", number, 0, 2, b"t" * 16, sid(root), started=0, ended=ended)
        run.error = {"type": "app.Broken", "message": "no"}
        if runs:
            parent = draw(st.sampled_from(runs))
            inside = [int.from_bytes(event.span_id or b"") for event in events if event.run_id == parent.run_id]
            run.parent_run_id, run.root_run_id = parent.run_id, runs[0].run_id
            run.parent_span_id = draw(st.sampled_from([None, *map(sid, (*inside, 9999))]))
        runs.append(run)
        events += draw(spans(run_id, 10 * (number + 1), [root]))
    return runs, draw(st.permutations(events))


def sid(number: int) -> bytes:
    return number.to_bytes(8)


def told(run: Run, root: Node) -> tuple[Any, ...]:
    if run.status == "COMPLETED":
        return (headline(run, root, NOW),)
    found = failure(root)
    return headline(run, root, NOW), found and (found.event.run_id, found.event.span_id), failing_exception(root, run)


@settings(max_examples=times(40, 400), deadline=None)
@given(families())
def test_it_tells_what_the_whole_tree_tells(family: tuple[list[Run], list[Event]]) -> None:
    runs, events = family
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "log.db")
        store.write(Batch(runs=runs, events=events))
        for run in (store.run(item.run_id) for item in runs):
            assert told(run, load_outline(store, run)) == told(run, load_tree(store, run))
            brief = load_outline(store, run, failed=False)
            assert headline(run, brief, NOW) == headline(run, load_tree(store, run), NOW)
        store.close()
