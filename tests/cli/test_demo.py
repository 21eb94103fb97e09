"""`runlog demo`: what a newcomer sees first, run for real."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from runlog.cli import demo as demo_command
from runlog.cli.demo_orders import Show
from runlog.config import Settings
from tests.cli.conftest import COMMAND, ESCAPE, Command, environment

pytest.importorskip("httpx")
pytest.importorskip("requests")
pytest.importorskip("sqlalchemy")

PLANTED = (b"sk_live_not_kept", b"t0p-secret", b"4242 4242 4242 4242", b"4242%204242", b"4242+4242")
SOURCES = {"tasks.py", "orders.py", "shop.py", "plugin.py", "runlog.toml"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The demo's folder, and what it printed on each stream; it runs once for all tests."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [*COMMAND, "demo", "--directory", "shop"], cwd=folder, capture_output=True, text=True, timeout=120,
        env=environment(COLUMNS="160"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "shop", done.stdout, done.stderr


def inside(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        [*COMMAND, "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
        check=True,
    ).stdout


def test_each_task_ends_as_it_should(demo: tuple[Path, str, str]) -> None:
    runs = [json.loads(line) for line in inside(demo[0], "runs", "-n", "100", "--json").splitlines()]
    ends = Counter((run["task"], run["status"], run["attempt"]) for run in runs if run["task"] != "count-till")
    assert ends == {
        ("sync-user", "COMPLETED", 1): 5,
        ("import-customers", "COMPLETED", 1): 1,
        ("send-invoice", "COMPLETED", 3): 1,
        ("charge-card", "FAILED", 2): 1,
        ("close-books", "FAILED", 2): 1,
        ("monthly-report", "COMPLETED", 1): 1,
        ("refund", "FAILED", 1): 1,
        ("refund", "COMPLETED", 1): 1,
        ("watch-prices", "CANCELED", 1): 1,
        ("resize-image", "COMPLETED", 2): 1,
        ("render-catalogue", "CRASHED", 1): 1,
        ("fulfil-order", "COMPLETED", 2): 1,
        ("take-payment", "COMPLETED", 1): 1,
        ("pack", "COMPLETED", 1): 2,
        ("print-label", "COMPLETED", 1): 1,
        ("index-product", "COMPLETED", 1): 1,
    }


def test_it_says_where_and_why_the_payment_failed(demo: tuple[Path, str, str]) -> None:
    out = demo[1]
    assert "charge-card FAILED on attempt 2 of 2 after" in out
    assert ": ConnectError in HTTP POST /charge" in out
    assert "tasks.py:" in out
    assert "Retry #1 delay" in out
    assert "on_failure()" in out
    assert "telling the customer of order 1001" in out


def test_the_children_are_drawn_where_the_parent_waits(demo: tuple[Path, str, str]) -> None:
    _, out, _ = demo
    tree = out[out.index("import-customers COMPLETED") :]
    assert tree.count("→ sync-user run_") == 3
    assert "HTTP GET /users/2" in tree
    assert "INSERT users" in tree


def test_the_killed_workers_attempt_is_there_and_the_run_went_on(demo: tuple[Path, str, str]) -> None:
    _, out, err = demo
    assert "kills it with SIGKILL" in err
    tree = out[out.index("resize-image COMPLETED on attempt 2") :]
    first, second = tree.split("Attempt 2", 1)
    assert "unfinished" in first
    assert "this process is about to be killed with SIGKILL" in first
    assert "died; runs again (crash 1 of 3)" in first
    assert "decode" in second


def test_all_that_a_task_says_is_in_its_run(demo: tuple[Path, str, str]) -> None:
    folder = demo[0]
    run = json.loads(inside(folder, "runs", "task:monthly-report", "--json"))["run_id"]
    shown = inside(folder, "show", run)
    for source in (
        "[stdout] report for 2026-10",
        "[shop.report] 2 orders have no address",
        "PDF version 1 is going away",
    ):
        assert source in shown, shown
    for span in ("HTTP GET /orders", "INSERT orders", "SELECT orders", "subprocess.run"):
        assert span in shown, shown


def test_the_order_is_seen_while_it_waits_and_when_it_has_arrived(demo: tuple[Path, str, str]) -> None:
    """One screen at 120 columns tells it."""
    _, out, _ = demo
    screen = out[out.index("$ runlog runs 'status:(executing") : out.index("\nAll of this is in")]
    assert len(screen.splitlines()) <= 40
    waiting, order = screen.split("$ runlog tokens complete")
    for reason in (
        r"QUEUED .* pack .*queue `warehouse` is at its limit 1",
        r"WAITING .* fulfil-order .*for (the token|run) ",
        r"DELAYED .* index-product .*until \d\d:\d\d:\d\d, in 9 min",
        r"warehouse +1 +1 +1 +0 +0 +full",
        r"count-till .*\* \* \* \* \*.*Europe/Berlin",
    ):
        assert re.search(reason, waiting), (reason, waiting)
    for told in (
        "is completed.",
        "fulfil-order COMPLETED on attempt 2",
        'progress = "2 parcels sent, cleared by Grace"',
        "take-payment (cached)",
        "pack.batch_trigger_and_wait()",
        "wait.for_token()",
        "wait.for()",
        "event loop blocked",
        'blocked.by="compute_route (orders.py:',
        "[stream:mail] Dear Ada, label-7 is on its way",
    ):
        assert told in order, order


def test_what_the_screen_has_no_room_for_is_in_the_run_log(demo: tuple[Path, str, str]) -> None:
    folder, out, _ = demo
    assert re.search(r"render-catalogue .*it used \d+ MiB of memory, and its limit is 150 MiB", out)
    assert "--payload 3 --wait\norder 3 is refunded" in out
    assert inside(folder, "search", "debounced").count("index-product (debounced)") == 2
    label = inside(folder, "show", json.loads(inside(folder, "runs", "task:print-label", "--json"))["run_id"])
    assert "http.response.status_code=429 retry.delay=1.0" in label
    assert "http.response.status_code=201" in label


def test_a_project_of_another_version_is_refused(tmp_path: Path, runlog: Command) -> None:
    (tmp_path / "runlog.toml").write_text('tasks = ["tasks"]')
    answer = runlog("demo", "--directory", str(tmp_path))
    assert answer.code == 2
    assert "not that of this version's demo" in answer.err


def test_as_json_the_ids_of_the_runs_are_the_answer(runlog: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: Settings, show: Show) -> dict[str, str]:
        print("what a task prints")
        show("runs")
        return {"fulfil-order": "run_1"}

    monkeypatch.setattr(demo_command, "_run", run)
    answer = runlog("demo", "--json")
    assert (answer.code, json.loads(answer.out)) == (0, {"fulfil-order": "run_1"})
    assert "what a task prints" in answer.err


@pytest.mark.slow
def test_as_json_it_prints_the_ids_of_the_runs_and_nothing_else(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "demo", "--json"], cwd=tmp_path, capture_output=True, text=True, timeout=120, env=environment()
    )
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout)
    order = json.loads(inside(tmp_path / "runlog-demo", "show", runs["fulfil-order"], "--json"))
    assert order["run"]["status"] == "COMPLETED"
    assert "$ runlog" not in done.stderr


def test_no_planted_secret_is_in_any_byte_of_the_project(demo: tuple[Path, str, str]) -> None:
    folder, out, err = demo
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert any(path.name == "log.db" for path in files)
    for path in files:
        if path.name not in SOURCES:
            content = path.read_bytes()
            assert not [secret for secret in PLANTED if secret in content], path
    printed = (out + err).encode()
    assert not [secret for secret in PLANTED if secret in printed]
    assert "[redacted" in out


def test_it_is_plain_text_where_there_is_no_terminal_and_says_how_to_go_on(demo: tuple[Path, str, str]) -> None:
    _, out, err = demo
    ours = [line for line in (out + err).splitlines() if "orders are paid" not in line]  # a task prints colours
    assert not ESCAPE.search("\n".join(ours))
    assert "Traceback" not in err
    assert "Go on there:" in out
    assert "runlog ui --open" in out


def test_the_run_that_shows_the_page_best_fails_deep_inside_after_all_that_a_run_can_have(
    demo: tuple[Path, str, str],
) -> None:
    folder = demo[0]
    run = json.loads(inside(folder, "runs", "task:close-books", "--json"))["run_id"]
    shown = inside(folder, "show", run)
    for told in (
        "close-books FAILED on attempt 2 of 2 after",
        "DoesNotBalance in HTTP POST /ledger",
        'metadata progress = "booking"',
        "→ sync-user run_",
        "sync-user (cached)",
        "wait.for()",
        "SELECT orders",
        "[stream:ledger] 2026-11-21:",
        "WARN",
    ):
        assert told in shown, (told, shown)
    assert shown.count("HTTP GET /payments/") == 24
