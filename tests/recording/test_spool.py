from __future__ import annotations

import gc
import itertools
import os
import threading
from pathlib import Path
from zlib import crc32

import pytest

from runlog.recording import RANK_ALWAYS, RANK_DEBUG, RANK_INFO, RANK_SPAN, writer
from runlog.recording import recorder as recorder_module
from runlog.system.process import ProcessLock
from tests.helpers import wait_until
from tests.recording.road import events, held_store, log, messages, recording, say, spools

SMALL = {"size": 8, "segment_size": 0.0625}


def folder_size(root: Path) -> int:
    return sum(path.stat().st_size for path in (root / ".runlog" / "spool").rglob("*") if path.is_file())


def test_records_come_out_as_they_went_in_over_many_reused_segments(tmp_path: Path) -> None:
    with recording(tmp_path, spool=SMALL) as recorder:
        for part in range(5):
            for index in range(4000):
                assert say(recorder, f"{part}-{index}", filler="x" * (index % 300))
            assert recorder.flush(20)
        assert folder_size(tmp_path) < 8 * 2**20
    assert messages(tmp_path) == [f"{part}-{index}" for part in range(5) for index in range(4000)]


@pytest.mark.parametrize("size", [4_000, 60_000, 70_000, 3_000_000])
def test_a_record_may_be_larger_than_a_segment(tmp_path: Path, size: int) -> None:
    with recording(tmp_path, spool={"size": 32, "segment_size": 0.0625}) as recorder:
        for index in range(3):
            assert recorder.emit(log(recorder, f"{index}-" + "y" * size), RANK_ALWAYS)
        say(recorder, "small")
        assert recorder.flush(20)
        assert folder_size(tmp_path) < 3 * 2**20, "a segment of its own is deleted when it is stored"
    assert [len(message) for message in messages(tmp_path)] == [size + 2] * 3 + [5]


def test_a_full_spool_refuses_by_rank_and_says_so_in_the_run(tmp_path: Path) -> None:
    with recording(tmp_path, spool=SMALL, log={"rate": 0}) as recorder:
        accepted = dict.fromkeys((RANK_DEBUG, RANK_INFO, RANK_SPAN, RANK_ALWAYS), 0)
        refused_at: dict[int, float] = {}
        with held_store(tmp_path, recorder):
            while len(refused_at) < len(accepted):
                for rank in accepted:
                    if rank not in refused_at:
                        if recorder.emit(log(recorder, "x" * 900, "run_1"), rank, "run_1"):
                            accepted[rank] += 1
                        else:
                            refused_at[rank] = recorder.statistics().spool_usage
        assert recorder.flush(60)
        statistics = recorder.statistics()
    assert refused_at[RANK_DEBUG] == pytest.approx(0.70, abs=0.03)
    assert refused_at[RANK_INFO] == pytest.approx(0.85, abs=0.03)
    assert refused_at[RANK_SPAN] == pytest.approx(0.95, abs=0.03)
    assert refused_at[RANK_ALWAYS] == 1.0
    assert statistics.refused == {"spool:debug": 1, "spool:info": 1, "spool:span": 1, "full": 1}
    stored = events(tmp_path, "run_1")
    rows = [event for event in stored if event.name == "runlog"]
    assert len(stored) - len(rows) == sum(accepted.values())
    assert sum(sum(row.attributes.values()) for row in rows) == 4
    assert rows[0].level == 13
    assert "refused: the spool is" in rows[0].message


def test_after_a_burst_the_disk_is_given_back(tmp_path: Path) -> None:
    with recording(tmp_path, spool={"size": 64, "segment_size": 0.25}) as recorder:
        with held_store(tmp_path, recorder):
            for _ in range(20_000):
                assert say(recorder, "x" * 1000)
            assert folder_size(tmp_path) > 20 * 2**20
        assert recorder.flush(60)
        wait_until(lambda: folder_size(tmp_path) < 8 * 2**20, 20)


def test_only_the_owner_can_read_the_files_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with recording(tmp_path) as recorder:
            say(recorder, "private")
            assert recorder.flush()
            for path in [tmp_path / ".runlog", *(tmp_path / ".runlog").rglob("*")]:
                assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    finally:
        os.umask(before)


def test_threads_that_ended_hold_nothing(tmp_path: Path) -> None:
    with recording(tmp_path, spool=SMALL) as recorder:
        for part in range(30):
            threads = [threading.Thread(target=say, args=(recorder, f"{part}-{index}")) for index in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert recorder.flush(20)
        spool = recorder._spool
        assert spool is not None
        wait_until(lambda: len(spool.chains) <= 1 and len(spool.active) <= 1)
    assert len(set(messages(tmp_path))) == 600


def test_the_segment_of_an_idle_thread_is_taken_back_and_the_thread_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_IDLE_CHAIN", 0.0)
    with recording(tmp_path) as recorder:
        say(recorder, "one")
        assert recorder.flush()
        spool = recorder._spool
        assert spool is not None
        wait_until(lambda: not spool.active)
        say(recorder, "two")
        say(recorder, "three")
    assert messages(tmp_path) == ["one", "two", "three"]


def test_a_finalizer_that_records_in_the_middle_of_an_append_harms_neither(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        number = itertools.count()

        class Talkative:
            def __init__(self) -> None:
                self.itself = self  # only the garbage collector ends it, at whatever allocation

            def __del__(self) -> None:
                say(recorder, f"finalizer-{next(number)}")

        threshold = gc.get_threshold()
        gc.set_threshold(5)
        try:
            for index in range(3000):
                Talkative()
                say(recorder, f"main-{index}", values=[{"n": index}] * 5)
        finally:
            gc.set_threshold(*threshold)
        gc.collect()
        assert recorder.flush(20)
    stored = messages(tmp_path)
    assert sorted(stored) == sorted([f"main-{n}" for n in range(3000)] + [f"finalizer-{n}" for n in range(3000)])


def test_a_call_in_the_middle_of_an_append_writes_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with recording(tmp_path) as recorder:
        say(recorder, "first")
        interruptions = [lambda: say(recorder, "inner")]

        def checksum(data: bytes, seed: int) -> int:  # the last thing called before a record is complete
            if interruptions:
                assert interruptions.pop()()
            return crc32(data, seed)

        monkeypatch.setattr(recorder_module, "crc32", checksum)
        say(recorder, "outer")
        say(recorder, "last")
        assert recorder.flush()
    assert messages(tmp_path) == ["first", "outer", "inner", "last"]


def test_nothing_stays_behind_of_an_append_that_was_broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with recording(tmp_path) as recorder:
        say(recorder, "first")

        def interrupt(data: bytes, seed: int) -> int:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(recorder_module, "crc32", interrupt)
            with pytest.raises(KeyboardInterrupt):
                say(recorder, "broken off " * 100)
        say(recorder, "last")
        assert recorder.flush()
        spool = recorder._spool
        assert spool is not None
        assert spool.path is not None
        wait_until(lambda: len(spool.active) == 1)
        assert not any(b"broken off" in path.read_bytes() for path in spool.path.glob("*.seg"))
    assert messages(tmp_path) == ["first", "last"]


def test_no_spool_is_left_after_an_orderly_close(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        say(recorder, "one")
        assert len(spools(tmp_path)) == 1
    assert spools(tmp_path) == []


def test_a_spool_whose_lock_cannot_be_had_is_kept_in_memory_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In a folder without its lock other processes would take it for that of a dead one, and store it too."""
    monkeypatch.setattr(ProcessLock, "acquire", lambda _: False)
    with recording(tmp_path) as recorder:
        assert say(recorder, "kept")
        assert "its lock file cannot be locked" in (recorder.statistics().degraded or "")
        assert recorder.flush()
        wait_until(lambda: "recording to memory" in capfd.readouterr().err)
        assert spools(tmp_path) == []
    assert messages(tmp_path) == ["kept"]
