"""`runlog demo`: what a newcomer sees first, run for real."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, ESCAPE, environment

pytest.importorskip("httpx")
pytest.importorskip("requests")
pytest.importorskip("sqlalchemy")

PLANTED = (b"sk_live_not_kept", b"t0p-secret", b"4242 4242 4242 4242", b"4242%204242", b"4242+4242")
SOURCES = {"tasks.py", "shop.py", "plugin.py", "runlog.toml"}


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
    runs = [json.loads(line) for line in inside(demo[0], "runs", "--json").splitlines()]
    ends = {run["task"]: (run["status"], run["attempt"]) for run in runs}
    assert ends == {
        "sync-user": ("COMPLETED", 1),
        "import-customers": ("COMPLETED", 1),
        "send-invoice": ("COMPLETED", 3),
        "charge-card": ("FAILED", 2),
        "monthly-report": ("COMPLETED", 1),
        "refund": ("FAILED", 1),
        "watch-prices": ("CANCELED", 1),
        "resize-image": ("COMPLETED", 2),
    }


def test_it_says_where_and_why_the_payment_failed(demo: tuple[Path, str, str]) -> None:
    out = demo[1]
    assert "charge-card FAILED on attempt 2 of 2 after" in out
    assert ": ConnectError in HTTP POST /charge" in out
    assert "tasks.py:" in out
    assert "Retry #1 delay" in out


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
    assert not ESCAPE.search(out + err)
    assert "Traceback" not in err
    assert "Go on there:" in out
