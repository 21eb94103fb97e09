"""Threads, forks, signal handlers and event loops, all recording at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.running import assert_exactly_once, run
from tests.recording.road import messages, recover_all, spools


@pytest.mark.parametrize("forks", [6, pytest.param(50, marks=pytest.mark.slow)])
def test_forks_under_load_hang_nowhere_and_every_record_is_stored_once(tmp_path: Path, forks: int) -> None:
    program = run("forking", tmp_path, forks)
    flushed, failures, *counts = program.lines[0].split()
    assert (flushed, failures) == ("True", "0"), program.errors
    recover_all(tmp_path)
    expected = [f"child{index}-{number}" for index in range(forks) for number in range(20)]
    for count in counts:
        name, number = count.split("=")
        expected += [f"{name}-{index}" for index in range(int(number))]
    stored = messages(tmp_path)
    assert_exactly_once(stored, expected)
    assert len(stored) == len(expected)
    assert not spools(tmp_path)


def test_a_signal_handler_may_log_while_the_main_thread_logs(tmp_path: Path) -> None:
    program = run("signalled", tmp_path, 0.6)
    assert not program.errors
    flushed, main, *handled = program.lines[0].split()
    assert flushed == "True"
    assert len(handled) > 50
    assert_exactly_once(messages(tmp_path), [f"main-{number}" for number in range(int(main))] + handled)


@pytest.mark.parametrize("kind", ["KeyboardInterrupt", "TimeoutError"])
def test_an_append_that_an_exception_breaks_off_harms_no_other(tmp_path: Path, kind: str) -> None:
    program = run("interrupted", tmp_path, 0.6, kind)
    assert not program.errors
    flushed, broken, raised, *accepted = program.lines[0].split()
    assert flushed == "True"
    assert int(broken) > 0.6 * int(raised), "a time limit by a signal holds in here too"  # two at once are one
    assert_exactly_once(messages(tmp_path), accepted)


@pytest.mark.parametrize("threads", [16])
def test_many_threads_with_an_event_loop_each(tmp_path: Path, threads: int) -> None:
    program = run("threaded", tmp_path, threads, 100)
    assert program.lines == ["True"], program.errors
    assert not program.errors
    names = [f"thread{thread}{loop}" for thread in range(threads) for loop in ("", "-loop")]
    assert_exactly_once(messages(tmp_path), [f"{name}-{index}" for name in names for index in range(100)])


def test_the_writer_thread_imports_nothing(tmp_path: Path) -> None:
    program = run("importing", tmp_path)
    assert program.lines == ["logged", ""], program.errors


def test_a_forked_child_writes_to_the_store_after_its_parent_has_closed_it(tmp_path: Path) -> None:
    program = run("daemonizing", tmp_path)
    assert program.lines == ["True"], program.errors
    expected = ["parent", *(f"{when}-{number}" for when in ("early", "late") for number in range(100))]
    assert_exactly_once(messages(tmp_path), expected)
