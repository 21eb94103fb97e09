"""`runlog runs`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runlog.cli.runs import why
from runlog.stores.base import Run
from tests.cli.conftest import Command, in_terminal
from tests.cli.sample import Writer, save, save_all


@pytest.fixture(autouse=True)
def _runs(project: Path) -> None:
    save_all(project)


def test_newest_first_with_state_and_why(runlog: Command) -> None:
    title, *rows = [line.split() for line in runlog("runs").lines]
    assert title == ["status", "run", "task", "created", "took", "try", "err", "warn", "why"]
    assert [row[1] for row in rows] == ["QUEUED", "CANCELED", "EXECUTING", "COMPLETED", "FAILED"]
    assert "wrong file" in " ".join(rows[1])
    assert " ConnectError: All connection attempts failed" in " ".join(rows[4])
    assert "408 ms" in " ".join(rows[4])


@pytest.mark.parametrize(("status", "code"), [("DELAYED", "delayed"), ("WAITING", "until")])
def test_a_list_says_until_when_a_run_waits_in_a_few_words(status: str, code: str) -> None:
    now = 1_795_348_800_000_000_000
    later = now + 60_000_000_000
    run = Run("run_x", 1, "ship", status, "ship", now, now, reason="a sentence", cause={"code": code, "until": later})
    assert [(words[:5], words.partition(", ")[2]) for words in (why(run, now), why(run, later))] == [
        ("until", "in 1 min 0 s"), ("until", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "reason", "kind", "words"),
    [
        ("FAILED", "AbortRun: no", "runlog.errors.AbortRun", "AbortRun: no"),
        ("CANCELED", None, "Canceled", ""),
        ("CANCELED", "canceled", "Canceled", ""),
        ("CANCELED", "wrong file", "Canceled", "wrong file"),
    ],
)
def test_a_list_says_shortly_why_a_run_ended_so(status: str, reason: str | None, kind: str, words: str) -> None:
    error = {"type": kind, "message": "no"}
    assert why(Run("run_x", 1, "ship", status, "ship", 0, 0, reason=reason, error=error), 0) == words


def test_a_list_says_shortly_when_a_run_is_tried_again_and_what_it_waits_for() -> None:
    retry = {"code": "retry", "until": 1_795_348_800_000_000_000}
    reason = "attempt 1 of 3 failed: ValueError: it failed: no; the next one in 1 min 0 s"
    words = why(Run("run_x", 1, "ship", "DELAYED", "ship", 0, 0, reason=reason, cause=retry), 0)
    assert (words[:6], words.partition(": ")[2]) == ("again ", "ValueError: it failed: no")
    reason = "waits for the token token_x, for 2 runs"
    waiting = Run("run_x", 1, "ship", "WAITING", "ship", 0, 0, reason=reason, cause={"code": "several"})
    assert why(waiting, 0) == "for the token token_x, for 2 runs"


def test_a_query_selects(runlog: Command) -> None:
    assert "charge-card" in runlog("runs", "status:failed").out
    assert len(runlog("runs", "status:failed").lines) == 2
    assert len(runlog("runs", "task:charge-card", "cents:995", "--json").lines) == 1
    assert runlog("runs", "task:other").err == "No run matches.\n"


def test_json_is_an_object_a_line(runlog: Command) -> None:
    runs = [json.loads(line) for line in runlog("runs", "--json").lines]
    failed = runs[-1]
    assert failed["run_id"] == "run_01k8zq00000000000000000001"
    assert failed["created"] == "2026-09-21T14:14:20.000000000Z"
    assert failed["duration"] == 0.408
    assert failed["error"]["type"] == "httpx.ConnectError"
    assert failed["tags"] == ["billing"]


def test_a_cut_list_says_so_and_how_to_go_on(runlog: Command) -> None:
    first = runlog("runs", "--limit", "2", "--json")
    assert first.err.startswith("The newest 2 shown; older ones: add --cursor ")
    second = runlog("runs", "--json", "--cursor", first.err.split()[-1])
    assert [json.loads(line)["task"] for line in (*first.lines, *second.lines)] == [
        "nightly-report", "import-customers", "watch-prices", "sync-user", "charge-card",
    ]  # fmt: skip
    assert second.err == ""


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_terminal_of_any_width_has_one_row_a_run(columns: int) -> None:
    screen = in_terminal("runs", "run.created:<2027-01-01", columns=columns)
    assert len(screen.shown) == 6
    assert ("created" in screen.shown[0]) == (columns == 120)  # rather than cut the reasons
    assert all("FAILED" not in line or "Connect" in line for line in screen.shown)


def test_a_shown_id_is_enough_for_the_next_command(project: Path, runlog: Command) -> None:
    row = next(line for line in in_terminal("runs", columns=90).shown if "charge-card" in line)
    short = next(word for word in row.split() if word.isdigit())
    assert "charge-card" in runlog("show", short).lines[0]


def test_foreign_text_cannot_act_on_the_terminal(project: Path) -> None:
    hostile = "a\x1b]0;owned\x07\x1b[2J\u202e\x9b31m\n[red]b[/red]"
    save(project, [Writer(9, hostile, "CANCELED", reason=hostile, tags=(hostile,))])
    for arguments in (["runs"], ["show", "000009"]):
        screen = in_terminal(*arguments, columns=250)
        assert screen.title == ""
        assert r"a\x1b]0;owned\x07\x1b[2J\u202e\x9b31m\n[red]b[/red]" in "".join(line.strip() for line in screen.shown)
