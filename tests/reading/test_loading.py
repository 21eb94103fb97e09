"""The tree of a run with its child runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from runlog.config import Settings
from runlog.reading import loading
from runlog.reading.exporting import markdown
from runlog.reading.opening import require_log
from tests.cli.sample import Writer, save


def test_who_asks_is_told_that_child_runs_are_left_out(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parent, *children = (Writer(number, "parent" if number == 1 else "child", "COMPLETED") for number in range(1, 4))
    parent.span(10, 99, "Attempt 1", 12, 400)
    for child in children:
        child.run.parent_run_id = child.run.root_run_id = parent.run_id
        child.run.trace_id, child.run.parent_span_id = parent.run.trace_id, parent.span_id(10)
    save(project, [parent, *children])
    told: list[str] = []
    with require_log(Settings.load(project)) as log:
        run = log.run(parent.run_id)
        assert len(loading.load_tree(log, run, note=told.append).children[0].children) == 2
        assert told == []
        monkeypatch.setattr(loading, "_CHILDREN", 1)
        assert len(loading.load_tree(log, run, note=told.append).children[0].children) == 1
        assert "child" in "\n".join(markdown(log, run, told.append))
    assert told == [f"only 1 child runs are drawn; all of them: runlog runs run.parent:{parent.run_id}"] * 2
