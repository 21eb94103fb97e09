"""A folder that cannot be written, a full disk, a store that somebody else holds or deletes."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from tests.faults.running import assert_exactly_once, run
from tests.helpers import wait_until
from tests.recording.road import Collector, messages, recording, say, spools


def test_without_a_folder_records_are_kept_in_memory_and_one_line_says_so(tmp_path: Path) -> None:
    (tmp_path / ".runlog").write_text("a file where the folder should be")
    program = run("simple", tmp_path, 100)
    assert program.process.returncode == 0
    assert program.lines == ["100 False True"]
    lines = program.errors.splitlines()
    assert all(line.startswith("runlog: ") for line in lines)
    assert sum("recording to memory" in line for line in lines) == 1
    assert any("100 records lost" in line for line in lines), "what is lost at the end is said"


def test_a_full_disk_harms_nobody_and_everything_is_stored_when_there_is_space_again(tmp_path: Path) -> None:
    program = run("limited", tmp_path)
    assert program.lines == ["2000 (True, True) True None"], program.errors
    assert_exactly_once(messages(tmp_path), [f"record-{index}" for index in range(2000)])
    assert not spools(tmp_path)


def test_while_another_process_holds_the_store_nothing_waits_and_nothing_is_lost(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        say(recorder, "first")
        assert recorder.flush()
        descriptor = os.open(tmp_path / ".runlog" / "log.db.lock", os.O_RDWR)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            accepted = [say(recorder, f"held-{index}") for index in range(10_000)]
            assert all(accepted)
            assert not recorder.flush(0.5)
            assert recorder.statistics().waiting == 10_000
        finally:
            os.close(descriptor)
        assert recorder.flush(30)
        assert recorder.statistics().waiting == 0
    assert_exactly_once(messages(tmp_path), ["first", *(f"held-{index}" for index in range(10_000))])


def test_sinks_go_on_while_the_store_cannot_be_written_and_get_nothing_twice(tmp_path: Path) -> None:
    (tmp_path / ".runlog").mkdir()
    blocked = tmp_path / "elsewhere"
    blocked.write_text("a file where the store's folder should be")
    sink = Collector()
    with recording(tmp_path, store="sqlite:///elsewhere") as recorder:
        recorder.add_sink(sink)
        for index in range(100):
            say(recorder, f"record-{index}")
            if index == 50:
                wait_until(lambda: len(sink.messages) == 51)
        wait_until(lambda: len(sink.messages) == 100)
        error = recorder.statistics().store_error
        assert error is not None
        assert "elsewhere" in error
        blocked.unlink()
        assert recorder.flush(10)
        assert recorder.statistics().store_error is None
        say(recorder, "after")
        assert recorder.flush(10)
    expected = [*(f"record-{index}" for index in range(100)), "after"]
    assert sink.messages == expected
    shutil.move(tmp_path / "elsewhere" / "log.db", tmp_path / ".runlog" / "log.db")
    assert_exactly_once(messages(tmp_path), expected)


def test_a_store_that_is_deleted_while_open_is_made_anew(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        say(recorder, "before")
        assert recorder.flush()
        for path in (tmp_path / ".runlog").glob("log.db*"):
            path.unlink()
        say(recorder, "after")
        assert recorder.flush(10)
    assert messages(tmp_path) == ["after"]


def test_a_data_folder_that_is_deleted_while_open_is_made_anew(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        say(recorder, "before")
        assert recorder.flush()
        shutil.rmtree(tmp_path / ".runlog")
        say(recorder, "soon after")
        assert recorder.flush(10)
        wait_until(lambda: _has_spool_after_a_record(tmp_path, recorder.flush, lambda: say(recorder, "later")))
    assert messages(tmp_path)[0] == "soon after"


def _has_spool_after_a_record(root: Path, flush: object, record: object) -> bool:
    record()  # type: ignore[operator]
    flush()  # type: ignore[operator]
    return bool(spools(root))


def test_a_damaged_database_is_moved_aside_with_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / ".runlog").mkdir()
    (tmp_path / ".runlog" / "log.db").write_bytes(b"no database at all, but long enough to look at" * 100)
    program = run("simple", tmp_path, 10)
    assert program.lines[0].startswith("10 True")
    assert program.errors.count("\n") == 1
    assert "was damaged: it was moved to" in program.errors
    assert list((tmp_path / ".runlog").glob("log.db.damaged-*"))
    assert len(messages(tmp_path)) == 10


def test_damage_that_shows_in_the_middle_of_a_write_is_said_too(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        for index in range(3000):
            say(recorder, f"before-{index}", key=index)
    database = tmp_path / ".runlog" / "log.db"
    os.truncate(database, database.stat().st_size // 8192 * 4096)
    program = run("simple", tmp_path, 10)
    assert program.lines[0].startswith("10 True")
    assert "was damaged: it was moved to" in program.errors
    assert program.errors.count("\n") == 1
    assert len(messages(tmp_path)) == 10
