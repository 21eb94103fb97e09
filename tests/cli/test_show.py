"""`runlog show`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from runlog.stores.base import ERROR, Run
from tests.cli.conftest import COMMAND, ESCAPE, Command, environment, in_terminal
from tests.cli.sample import MS, START, Writer, canceled, failed, save, save_all


def test_it_says_first_where_and_why_it_failed(runlog: Command, project: Path) -> None:
    save_all(project)
    first, second, *_ = runlog("show", "000001").lines
    assert first == (
        "✗ run_01k8zq00000000000000000001 charge-card FAILED on attempt 2 of 2 after 408 ms: "
        "ConnectError in HTTP POST /charge"
    )
    assert second.strip() == "ConnectError: All connection attempts failed"


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        ("000002", "✓ {} sync-user COMPLETED after 408 ms"),
        ("000004", "⊘ {} import-customers CANCELED on attempt 1 after 408 ms, in read: wrong file"),
    ],
)
def test_it_says_first_how_it_ended(runlog: Command, project: Path, run: str, sentence: str) -> None:
    save_all(project)
    assert runlog("show", run).lines[0] == sentence.format(f"run_01k8zq00000000000000{run}")


RETRY = "attempt 1 of 3 failed: ValueError: no"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"status": "EXECUTING"}, "EXECUTING for "),
        ({"status": "QUEUED", "started": None}, "QUEUED for "),
        ({"status": "QUEUED", "started": None, "reason": "the queue is full"}, ": the queue is full"),
        ({"status": "DELAYED", "started": None, "attempt": 0, "available": 10**19 // 2}, "DELAYED, starts in "),
        ({"status": "DELAYED", "available": START}, "tries again as soon as a worker is free (attempt 1 failed)"),
        (
            {
                "status": "DELAYED",
                "available": START,
                "cause": {"code": "retry"},
                "reason": f"{RETRY}; the next one in 1 s",
            },
            f"tries again as soon as a worker is free: {RETRY}",
        ),
        ({"status": "PENDING_VERSION", "started": None}, ": no worker knows its task"),
        (
            {"status": "CRASHED", "ended": 50, "reason": "its worker died"},
            "CRASHED on attempt 1 after 38 ms: its worker died",
        ),
        (
            {
                "status": "TIMED_OUT",
                "ended": 50,
                "attempt": 2,
                "reason": "it took longer than 1 s (attempt 2 of 2)",
                "error": {"type": "TimeoutError", "message": "it took longer than 1 s"},
            },
            "TIMED_OUT on attempt 2 of 2 after 38 ms: it took longer than 1 s",
        ),
        ({"status": "EXPIRED", "started": None, "attempt": 0, "ended": 5}, "EXPIRED before its first attempt"),
    ],
)
def test_it_says_how_it_stands(runlog: Command, project: Path, values: dict[str, object], words: str) -> None:
    fields: dict[str, object] = {"ended": None, **values}
    save(project, [Writer(9, "a-task", str(fields.pop("status")), **fields)])
    lines = runlog("show", "000009").lines
    assert words in lines[0]
    assert lines[1].startswith("  created "), "nothing is said twice"


@pytest.mark.parametrize(("status", "told"), [("EXECUTING", True), ("WAITING", False)])
def test_it_says_when_max_duration_ends_what_executes(runlog: Command, project: Path, status: str, told: bool) -> None:
    run = Writer(9, "a-task", status, ended=None, attempt=2)
    run.span(10, 99, "Attempt 1", 12, 30, attributes={"deadline": "2020-01-01T00:00:00.000+00:00"})
    run.span(11, 99, "Attempt 2", 50, None, attributes={"attempt": 2, "deadline": "2020-06-01T12:00:05.500+00:00"})
    save(project, [run])
    words = " · ends at 2020-06-01 12:00:05 at the latest" if told else " at the latest"
    assert (words in runlog("show", "000009").lines[1]) is told


def test_the_tree_has_attempts_spans_and_logs_in_order(runlog: Command, project: Path) -> None:
    save_all(project)
    lines = runlog("show", "000002").lines
    expected = [
        "sync-user  ✓ COMPLETED",
        "Attempt 1",
        "└─ run()",
        "   ├─ INFO  syncing user 1",
        "   ├─ WARN  the cache is cold …(+1 lines)",
        "   └─ fetch-user",
        "      └─ HTTP GET /users/1",
    ]
    for line, start in zip(lines[lines.index("") + 2 :], expected, strict=True):
        assert line.startswith(start + "  ")


def test_bars_are_on_one_time_axis(runlog: Command, project: Path) -> None:
    save_all(project)
    lines = runlog("show", "000001").lines
    axis = next(line for line in lines if line.strip().startswith("0 ") and line.endswith("420 ms"))
    left, right = axis.index("0"), len(axis)
    bars = {
        line.split("  ")[0]: line[left:right].rstrip()
        for line in lines
        if line[:2] in ("ch", "✗ ", "Re") and "ms" in line
    }
    assert bars["charge-card"].startswith("░█")
    assert len(bars["charge-card"]) == right - left
    first, second = bars["✗ Attempt 1"], bars["✗ Attempt 2"]
    assert len(first) <= len(second) - len(second.lstrip())  # the second begins where the first has long ended
    assert len(first) > 10


def test_errors_only(runlog: Command, project: Path) -> None:
    save_all(project)
    out = runlog("show", "000001", "--errors").out
    assert "could not charge" in out
    assert "charging" not in out
    assert "Retry delay" not in out


def test_from_a_level_on(runlog: Command, project: Path) -> None:
    save_all(project)
    out = runlog("show", "000002", "--level", "warning").out
    assert "the cache is cold" in out
    assert "syncing" not in out
    assert runlog("show", "000002", "--level", "loud").code == 2


def test_attributes_on_demand(runlog: Command, project: Path) -> None:
    save_all(project)
    answer = runlog("show", "000002", "--attributes").lines
    assert any(line.strip(" │") == "user.id = u_55" for line in answer)
    assert any(line.strip().strip("│ ") == "it will be slow" for line in answer)


def test_one_span_whole(runlog: Command, project: Path) -> None:
    save_all(project)
    answer = runlog("show", "000001", "--span", "010101010101010c")
    assert answer.lines[0] == "HTTP POST /charge  span error"
    assert "  url.full = https://pay.example/charge" in answer.lines
    assert any("await client.post(url)" in line for line in answer.lines)
    record = json.loads(runlog("show", "000001", "--span", "010101010101010c", "--json").out)
    assert record["extra"]["exception"]["type"] == "ConnectError"
    assert runlog("show", "000001", "--span", "ff").code == 2
    assert "more of the id" in runlog("show", "000001", "--span", "01").err


def test_a_value_that_was_cut_says_how_long_it_was(runlog: Command, project: Path) -> None:
    run = Writer(9, "a-task", "COMPLETED")
    run.span(
        10, 99, "s", 1, 2, attributes={"body": "x…"}, extra={"truncated": {"body": 200000}, "dropped": {"links": 3}}
    )
    save(project, [run])
    out = runlog("show", "000009", "--attributes").out
    assert "cut; it had 200000 characters" in out
    assert "3 links dropped" in out


def test_json_is_the_whole_run(runlog: Command, project: Path) -> None:
    save_all(project)
    document = json.loads(runlog("show", "000001", "--json").out)
    assert document["run"]["payload"] == {"order": 7}
    assert document["headline"].endswith("ConnectError in HTTP POST /charge")
    assert len(document["events"]) == 11
    assert {event["kind"] for event in document["events"]} == {"log", "span"}


def test_rows_that_are_not_shown_are_counted(runlog: Command, project: Path) -> None:
    save_all(project)
    answer = runlog("show", "000001", "--limit", "3")
    assert "3 of 12 rows shown; --limit 0 shows all" in answer.err
    assert "Attempt 2" not in answer.out
    assert runlog("show", "000001", "--limit", "0").err == ""


def test_a_child_that_was_waited_for_is_where_it_was_waited_for(runlog: Command, project: Path) -> None:
    parent, child, other = (
        Writer(1, "parent", "COMPLETED"),
        Writer(2, "child", "FAILED"),
        Writer(3, "other", "COMPLETED"),
    )
    parent.span(10, 99, "Attempt 1", 12, 400)
    parent.span(11, 10, "child.trigger_and_wait()", 20, 300)
    child.run.parent_run_id = other.run.parent_run_id = parent.run_id
    child.run.root_run_id = other.run.root_run_id = parent.run_id
    child.run.trace_id, child.run.parent_span_id = parent.run.trace_id, parent.span_id(11)
    child.span(10, 99, "Attempt 1", 30, 40, status="error")
    child.log(10, 35, "in the child", ERROR)
    save(project, [parent, child, other])
    answer = runlog("show", parent.run_id).lines
    tree = [line[:44].rstrip() for line in answer[answer.index("") + 2 :]]
    assert tree[2].startswith("└─ child.trigger_and_wait()")
    assert tree[3].startswith("   └─ → child run_01k8zq")
    assert tree[4].startswith("      └─ ✗ Attempt 1")
    assert tree[5].startswith("         └─ ERROR in the child")
    assert len(tree) == 6  # `other` is in a trace of its own
    assert "in the child" not in runlog("show", parent.run_id, "--no-children").out


def test_messages_are_filled_and_never_interpreted(runlog: Command, project: Path) -> None:
    run = Writer(9, "a-task", "COMPLETED")
    run.log(99, 1, "user {name} %s {0.__class__} ${jndi:x} [link=evil]x[/link] {{7*7}}", name="Ada\x1b[31m")
    save(project, [run])
    assert r"user Ada\x1b[31m %s {0.__class__} ${jndi:x} [link=evil]x[/link] {{7*7}}" in runlog("show", "000009").out


@pytest.mark.parametrize("columns", [50, 80, 150])
def test_it_fits_the_terminal(project: Path, columns: int) -> None:
    run = failed()
    run.log(11, 5, "a long message " * 20, customer="Ada " * 30)
    save(project, [run])
    screen = in_terminal("show", "000001", columns=columns)
    rows = [line for line in screen.shown if line.lstrip("│├└─ ").startswith(("INFO", "ERROR", "✗ HTTP", "Retry"))]
    assert len(rows) == 8  # none is wrapped
    assert any("…" in row for row in rows)
    assert {"red", "green", "cyan"} & screen.colors


def test_no_color(project: Path) -> None:
    save_all(project)
    screen = in_terminal("show", "000001", NO_COLOR="1")
    assert not ESCAPE.search(screen.raw.decode())
    assert any("charge-card" in line for line in screen.shown)


def test_ascii_where_the_terminal_knows_no_more(project: Path) -> None:
    save_all(project)
    done = subprocess.run(
        [*COMMAND, "show", "000001"], capture_output=True, env=environment(PYTHONIOENCODING="ascii"), timeout=60
    )
    text = done.stdout.decode("ascii")
    assert "`- x run()" in text
    assert ".====" in text
    assert "\\u" not in text


def test_a_run_that_is_not_there(runlog: Command, project: Path) -> None:
    save_all(project)
    answer = runlog("show", "run_nope")
    assert answer.code == 2
    assert "run_nope" in answer.err


def test_a_damaged_log_is_an_error_that_says_what_to_do(runlog: Command, project: Path) -> None:
    save_all(project)
    (project / ".runlog" / "log.db").write_bytes(os.urandom(8192))
    answer = runlog("show", "000001")
    assert answer.code == 2
    assert answer.err.startswith("error: cannot read")


def test_what_only_the_run_row_knows_is_shown(runlog: Command, project: Path) -> None:
    run = canceled()
    run.run.status, run.run.error = "CRASHED", {"type": "WorkerDied", "message": "exit code -9"}
    run.run.reason = None
    save(project, [run])
    assert "in read: WorkerDied: exit code -9" in runlog("show", "000004").lines[0]


def test_a_deep_tree_is_drawn(runlog: Command, project: Path) -> None:
    run = Writer(9, "deep", "COMPLETED")
    for depth in range(1500):
        run.span(10, 99, f"level {depth}", 1, 2)
        run.events[-1].span_id = depth.to_bytes(8, "big") if depth else run.span_id(10)
        run.events[-1].parent_id = (depth - 1).to_bytes(8, "big") if depth > 1 else run.span_id(10 if depth else 99)
    save(project, [run])
    answer = runlog("show", "000009", "--limit", "0")
    assert "1500 deep: level 1499" in answer.out


def test_times_are_exact_in_json(runlog: Command, project: Path) -> None:
    run = Writer(9, "a-task", "COMPLETED")
    run.run = Run(**{**{name: getattr(run.run, name) for name in run.run.__struct_fields__}, "created": START + 1})
    run.log(99, 1, "x")
    run.events[0].time = START + 123_456_789
    save(project, [run])
    document = json.loads(runlog("show", "000009", "--json").out)
    assert document["run"]["created"].endswith(".000000001Z")
    assert document["events"][0]["time"].endswith(".123456789Z")
    assert MS == 10**6
