from __future__ import annotations

import json
import os
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from runlog.recording import RANK_ALWAYS, Recorder, batches, recover
from runlog.recording.segment import MAGIC
from runlog.stores import open_store
from runlog.stores.base import Batch, Event
from runlog.stores.sqlite import SQLiteStore
from tests.faults.running import Program, assert_exactly_once, run
from tests.helpers import wait_until
from tests.recording.road import (
    Collector,
    events,
    make_settings,
    messages,
    new_finisher,
    recording,
    recover_all,
    say,
    span,
    spools,
)


def leave_spool(root: Path, number: int = 100) -> Path:
    """Let a process die with records in its spool; return the spool's folder."""
    assert run("ending", root, "os._exit", number).lines == ["logged"]
    (folder,) = spools(root)
    return folder


def test_spans_that_were_open_are_ended_as_unfinished_and_delivered(tmp_path: Path) -> None:
    run("dying", tmp_path)
    sink = Collector()
    before = time.time_ns()
    settings = make_settings(tmp_path)
    with closing(open_store(settings)) as store:
        report = recover(settings, store, new_finisher(), deliver=sink.write)
    assert (report.spools, report.records, report.unfinished) == (1, 3, 1)
    unfinished = [event for event in sink.events if event.status == "unfinished"]
    assert [event.name for event in unfinished] == ["never ends"]
    duration = unfinished[0].duration
    assert duration is not None
    assert 0 < duration < before - unfinished[0].time + 10**9
    assert [event.span_id for event in events(tmp_path) if event.status == "unfinished"] == [b"unending"]


def test_several_recoveries_at_once_store_everything_once(tmp_path: Path) -> None:
    expected: list[str] = []
    for number in range(3):
        program = Program("flood", tmp_path, f"p{number}", 1500)
        assert program.begun.wait(30)
        program.kill()
        expected += program.lines
    programs = [Program("recovering", tmp_path) for _ in range(3)]
    assert [program.wait() for program in programs] == [0] * 3
    recover_all(tmp_path)
    assert_exactly_once(messages(tmp_path), expected)
    assert spools(tmp_path) == []


def test_a_living_process_is_left_alone(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        say(recorder, "one")
        assert recorder.flush()
        assert recover_all(tmp_path).spools == 0
        say(recorder, "two")
        assert recorder.flush()
    assert messages(tmp_path) == ["one", "two"]


def test_a_damaged_record_is_counted_and_the_rest_is_recovered(tmp_path: Path) -> None:
    folder = leave_spool(tmp_path)
    for path in folder.glob("*.seg"):
        data = bytearray(path.read_bytes())
        place = data.find(b"os._exit-50")
        if place > 0:
            data[place] ^= 0xFF
            path.write_bytes(data)
    report = recover_all(tmp_path)
    assert (report.records, report.damaged) == (99, 1)
    assert_exactly_once(messages(tmp_path), [f"os._exit-{number}" for number in range(100) if number != 50])


def test_files_that_make_no_sense_are_counted_and_stop_nothing(tmp_path: Path) -> None:
    folder = leave_spool(tmp_path)
    (folder / "90000001.seg").write_bytes(os.urandom(10_000))
    (folder / "90000002.seg").write_bytes(b"")
    (folder / "90000003.seg").write_bytes(bytes(65536))
    cut_off = min(folder.glob("0*.seg"))
    cut_off.write_bytes(cut_off.read_bytes()[: 64 * 1024 + 100])
    report = recover_all(tmp_path)
    assert report.records == 100
    assert report.damaged == 2
    assert spools(tmp_path) == []


def test_a_spool_of_a_newer_runlog_is_left_where_it_is(tmp_path: Path) -> None:
    folder = leave_spool(tmp_path)
    path = min(folder.glob("*.seg"))
    data = bytearray(path.read_bytes())
    assert int.from_bytes(data[:8], "little") == MAGIC
    data[7] += 1
    path.write_bytes(data)
    report = recover_all(tmp_path)
    assert report.spools == 0
    assert "a newer runlog wrote it" in report.skipped[0]
    assert path.read_bytes() == data


def test_folders_that_a_process_died_while_making_are_deleted_later(tmp_path: Path) -> None:
    new = tmp_path / ".runlog" / "spool" / ".new-1"
    new.mkdir(parents=True)
    (new / "lock").write_text(json.dumps({"pid": 2**22 + 1, "started": "1"}))
    recover_all(tmp_path)
    assert new.exists(), "it may be a matter of moments"
    os.utime(new, (time.time() - 3600,) * 2)
    recover_all(tmp_path)
    assert not new.exists()


def test_masks_of_a_dead_process_hold_for_what_is_recovered_from_it(tmp_path: Path) -> None:
    run("masking", tmp_path)
    (folder,) = spools(tmp_path)
    assert any(b"opensesame-7123" in path.read_bytes() for path in folder.glob("*.seg"))
    assert run("recovering", tmp_path).lines[-1] == "recovered 2"
    assert messages(tmp_path) == ["the word is [redacted:mask]", "later it is [redacted:mask]"]
    for path in (tmp_path / ".runlog").rglob("*"):
        assert path.is_dir() or not any(secret in path.read_bytes() for secret in (b"opensesame", b"openletter")), path


def test_what_cannot_be_stored_stays_in_the_spool(tmp_path: Path) -> None:
    folder = leave_spool(tmp_path)

    class Full(Exception):
        pass

    settings = make_settings(tmp_path)
    with closing(open_store(settings)) as store:

        def fail(_: object) -> None:
            raise Full

        try:
            recover(settings, store, new_finisher(), deliver=fail)
        except Full:
            pass
        assert folder.exists()
    recover_all(tmp_path)
    assert_exactly_once(messages(tmp_path), [f"os._exit-{number}" for number in range(100)])


def test_a_living_process_comes_first_while_it_recovers_a_dead_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_spool(tmp_path)
    monkeypatch.setattr(batches, "BATCH_RECORDS", 10)
    monkeypatch.setattr(batches, "_FEWEST", 10)

    class Busy(Collector):
        def write(self, batch: Batch) -> None:
            if not self.batches:
                say(recorder, "own")
            super().write(batch)

    sink = Busy()
    with recording(tmp_path) as recorder:
        recorder.add_sink(sink)
        recorder.start()
        wait_until(lambda: recorder.statistics().recovered == 100)
    assert sink.messages.index("own") < 50
    assert_exactly_once(messages(tmp_path), ["own", *(f"os._exit-{number}" for number in range(100))])


def test_a_close_does_not_wait_for_a_recovery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = leave_spool(tmp_path)
    monkeypatch.setattr(batches, "BATCH_RECORDS", 10)
    monkeypatch.setattr(batches, "_FEWEST", 10)
    first, closing_down = threading.Event(), threading.Event()

    class Slow(Collector):
        def write(self, batch: Batch) -> None:
            super().write(batch)
            first.set()
            closing_down.wait(10)

    sink = Slow()
    recorder = Recorder(make_settings(tmp_path))
    recorder.add_sink(sink)
    recorder.start()
    first.wait()
    writer = recorder._writer
    assert writer is not None
    closer = threading.Thread(target=recorder.close, args=(10,))
    closer.start()
    wait_until(lambda: writer._requests.qsize())
    closing_down.set()
    closer.join()
    assert sink.closed
    assert len(sink.messages) < 100
    assert folder.exists()
    recover_all(tmp_path)
    assert_exactly_once(messages(tmp_path), [f"os._exit-{number}" for number in range(100)])


def test_a_kill_after_the_positions_were_forgotten_doubles_nothing(tmp_path: Path) -> None:
    leave_spool(tmp_path)

    class Killed(BaseException):
        pass

    class KilledAtTheEnd(SQLiteStore):
        def close_spool(self, spool_id: str, last_seen: int) -> list[Event]:
            super().close_spool(spool_id, last_seen)
            raise Killed

    settings = make_settings(tmp_path)
    with closing(KilledAtTheEnd(settings.log_path)) as store, pytest.raises(Killed):
        recover(settings, store, new_finisher())
    recover_all(tmp_path)
    assert_exactly_once(messages(tmp_path), [f"os._exit-{number}" for number in range(100)])
    assert spools(tmp_path) == []


def test_a_closed_recorder_that_is_used_again_leaves_a_spool_for_later(tmp_path: Path) -> None:
    recorder = Recorder(make_settings(tmp_path))
    recorder.emit(span(recorder, "span", b"12345678"), RANK_ALWAYS)
    recorder.close()
    assert spools(tmp_path) == []
    assert say(recorder, "late")
    (folder,) = spools(tmp_path)
    spool = recorder._spool
    assert spool is not None
    spool.release()  # as the end of the process does
    recover_all(tmp_path)
    assert messages(tmp_path) == ["late"]
    assert not folder.exists()
