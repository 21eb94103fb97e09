"""What was accepted is stored exactly once, however the processes end."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.faults.running import KILLS, Program, assert_exactly_once, run
from tests.helpers import wait_until
from tests.recording.road import messages, recover_all, spools


def test_every_accepted_record_survives_kills_of_the_logging_and_of_the_recovering_process(tmp_path: Path) -> None:
    chance = random.Random()
    acknowledged: list[str] = []
    for number in range(KILLS):
        program = Program("flood", tmp_path, f"p{number}", 5000)
        assert program.begun.wait(30)
        time.sleep(chance.uniform(0, 0.15))
        program.kill()
        assert program.lines
        acknowledged += program.lines
    for _ in range(KILLS):
        if not spools(tmp_path):
            break
        recoverer = Program("recovering", tmp_path)
        assert recoverer.begun.wait(30)
        time.sleep(chance.uniform(0, 0.4))
        recoverer.kill()
    recover_all(tmp_path)
    assert not spools(tmp_path)
    assert_exactly_once(messages(tmp_path), acknowledged)


@pytest.mark.parametrize("how", ["return", "sys.exit", "exception", "os._exit", "segfault", "sigterm"])
def test_nothing_is_lost_however_a_process_ends(tmp_path: Path, how: str) -> None:
    program = run("ending", tmp_path, how, 1000)
    assert program.lines == ["logged"]
    codes = {"return": 0, "sys.exit": 3, "exception": 1, "os._exit": 4, "segfault": -11, "sigterm": -15}
    assert program.process.returncode == codes[how]
    assert "runlog" not in program.errors.replace("/runlog/", "/")
    if how in ("return", "sys.exit", "exception"):
        assert not spools(tmp_path), "an orderly end stores everything itself"
    else:
        recover_all(tmp_path)
    assert_exactly_once(messages(tmp_path), [f"{how}-{index}" for index in range(1000)])


def test_records_made_while_the_interpreter_goes_down_are_kept_for_the_next_process(tmp_path: Path) -> None:
    program = run("late", tmp_path)
    assert program.process.returncode == 0, program.errors
    assert not program.errors
    assert messages(tmp_path) == ["before runlog's atexit"]
    recover_all(tmp_path)
    assert sorted(messages(tmp_path)) == ["after runlog's atexit", "before runlog's atexit", "from __del__"]


def test_a_dead_process_is_recovered_though_its_forked_child_lives(tmp_path: Path) -> None:
    program = Program("orphaned", tmp_path)
    program.process.wait(30)
    child = _child_of(program)
    try:
        assert program.lines == ["logged"] or program.begun.wait(10)
        recover_all(tmp_path)
        assert_exactly_once(messages(tmp_path), [f"parent-{number}" for number in range(100)])
        assert not spools(tmp_path)
    finally:
        for pid in child:
            import os
            import signal

            os.kill(pid, signal.SIGKILL)
        program.finish()


def _child_of(program: Program) -> list[int]:
    """The processes that still hold the program's output."""
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _is_orphan(path)]


def _is_orphan(path: Path) -> bool:
    try:
        return b"tests.faults.programs\0orphaned" in (path / "cmdline").read_bytes()
    except OSError:
        return False


def test_a_running_writer_recovers_a_dead_process_by_itself(tmp_path: Path) -> None:
    dead = run("ending", tmp_path, "os._exit", 500)
    assert dead.lines == ["logged"]
    living = Program("flood", tmp_path, "living", 10)
    try:
        wait_until(lambda: "os._exit-499" in messages(tmp_path), 20)
    finally:
        living.kill()
    assert_exactly_once([m for m in messages(tmp_path) if "_exit" in m], [f"os._exit-{index}" for index in range(500)])
