"""Chosen columns of a list of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runlog.stores.base import Batch
from runlog.stores.sqlite import SQLiteStore
from tests.stores.sqlite.records import log, opened, run, span


def test_columns_come_from_data_and_from_the_newest_event_that_has_them(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "log.db")
    payload: dict[str, Any] = {"user": {"id": 5}, "user.id": "flat", "list": [{"a": 1}, None], "n": None}
    payload['odd "k"'] = True
    runs = [
        run("run_a", payload=payload, output="done", metadata={"step": "x"}),
        run("run_b", payload=[1, 2], output={"big": "y" * 300_000}),
        run("run_c"),
    ]
    events = [log("1", "run_a", k="old", same=1), log("2", "run_a", k="new"), log("3", "run_a", other=1)]
    events += [opened(1, "run_b", k=[1, "2"]), span(2, "run_c", attributes={"a.b": {"c": 1}})]
    store.write(Batch(events, runs))
    a, b, c = (store.run(run_id).id for run_id in ("run_a", "run_b", "run_c"))
    assert store.cells([a, b, c], ["payload.user.id", "payload.user", "payload.list.0.a", 'payload.odd "k"']) == {
        a: {"payload.user.id": "flat", "payload.user": {"id": 5}, "payload.list.0.a": 1, 'payload.odd "k"': True}
    }
    assert store.cells([a, b, c], ["output", "metadata.step", "payload.1", "output.big", "payload.n"]) == {
        a: {"output": "done", "metadata.step": "x", "payload.n": None},
        b: {"payload.1": 2},
    }
    assert store.cells([a, b, c], ["attr.k", "attr.same", "attr.a.b", "attr.absent", "attr.", "run_id", ""]) == {
        a: {"attr.k": "new", "attr.same": 1},
        b: {"attr.k": [1, "2"]},
        c: {"attr.a.b": {"c": 1}},
    }
    assert store.cells([b], ["attr.k", "payload.\udcff"]) == {b: {"attr.k": [1, "2"]}}
