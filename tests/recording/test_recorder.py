from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from runlog.errors import ConfigError
from runlog.recording import RANK_ALWAYS, RANK_INFO, RANK_SPAN, Recorder, get_recorder, open_recorder
from runlog.stores.base import Batch, Event
from tests.faults.running import run
from tests.recording.road import Collector, events, log, make_settings, messages, recording, say


def test_nothing_is_opened_before_the_first_record(tmp_path: Path) -> None:
    recorder = Recorder(make_settings(tmp_path))
    assert recorder.flush()
    assert recorder.statistics().emitted == 0
    recorder.close()
    assert not (tmp_path / ".runlog").exists()


def test_records_and_tuples_are_both_taken(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        say(recorder, "tuple", key=[1, {"deep": None}])
        record = Event(
            recorder.next_sequence(), "log", None, None, None, None, 5, None, 9, None, "logger", "struct", {}
        )
        assert recorder.emit(record, RANK_ALWAYS)
        assert recorder.flush()
    first, second = events(tmp_path)
    assert (first.message, first.attributes) == ("tuple", {"key": [1, {"deep": None}]})
    assert (second.message, second.time) == ("struct", 5)


@pytest.mark.parametrize("value", [object(), 2**70, "\ud800", {1j: 2}])
def test_what_cannot_be_encoded_is_refused_and_the_run_says_so(tmp_path: Path, value: object) -> None:
    with recording(tmp_path) as recorder:
        assert not recorder.emit(log(recorder, "bad", "run_1", value=value), RANK_ALWAYS, "run_1")
        assert say(recorder, "good")
        assert recorder.flush()
        assert recorder.statistics().refused == {"invalid": 1}
    assert [event.message for event in events(tmp_path, "run_1")] == ["1 record refused: they could not be encoded"]
    assert messages(tmp_path) == ["good"]


def test_a_run_that_logs_too_fast_is_slowed_down_visibly_but_not_its_errors_nor_its_spans(tmp_path: Path) -> None:
    with recording(tmp_path, log={"rate": 10}) as recorder:
        now = time.time_ns() >> 30 << 30

        def at(kind: str, level: int) -> tuple[object, ...]:
            return (1, recorder.next_sequence(), kind, "run_1", None, b"s" * 8, None, now, 1, level, None, "x", "", {})

        accepted = [recorder.emit(at("log", 9), RANK_INFO, "run_1") for _ in range(30)]
        assert accepted == [True] * 10 + [False] * 20
        assert not recorder.emit(at("log", 13), RANK_SPAN, "run_1")
        assert recorder.emit(at("log", 17), RANK_ALWAYS, "run_1")
        assert recorder.emit(at("span", 9), RANK_SPAN, "run_1")
        assert recorder.emit((*at("log", 9)[:3], "run_2", *at("log", 9)[4:]), RANK_INFO, "run_2")
        later = at("log", 9)
        assert recorder.emit((*later[:7], now + 2**30, *later[8:]), RANK_INFO, "run_1")
        assert recorder.flush()
    (row,) = [event for event in events(tmp_path, "run_1") if event.name == "runlog"]
    assert row.message == "21 records refused: more than 10 logs a second in one run"
    assert row.attributes == {"refused.rate": 21}


def test_every_record_is_accounted_for(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        threads = [threading.Thread(target=lambda: [say(recorder, "x") for _ in range(500)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert recorder.flush(20)
        statistics = recorder.statistics()
    assert (statistics.emitted, statistics.stored, statistics.waiting) == (4000, 4000, 0)
    assert statistics.degraded is statistics.store_error is None


def test_a_flush_from_a_sink_does_not_hang(tmp_path: Path) -> None:
    answers: list[bool] = []

    class Flushing(Collector):
        def write(self, batch: Batch) -> None:
            answers.append(recorder.flush(5))

    with recording(tmp_path) as recorder:
        recorder.add_sink(Flushing())
        say(recorder, "one")
        assert recorder.flush()
    assert answers == [False]


def test_close_stores_everything_and_may_be_called_twice(tmp_path: Path) -> None:
    sink = Collector()
    recorder = Recorder(make_settings(tmp_path))
    recorder.add_sink(sink)
    for index in range(5000):
        say(recorder, str(index))
    recorder.close(20)
    recorder.close()
    assert messages(tmp_path) == sink.messages == [str(index) for index in range(5000)]
    assert sink.closed


def test_close_while_other_threads_record_loses_nothing(tmp_path: Path) -> None:
    recorder = Recorder(make_settings(tmp_path))
    counts: list[int] = []
    stop = threading.Event()

    def work(name: int) -> None:
        number = 0
        while not stop.is_set() and number < 4000:
            number += say(recorder, f"{name}-{number}")
        counts.append(number)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    recorder.close(20)
    stop.set()
    for thread in threads:
        thread.join()
    spool = recorder._spool
    if spool is not None:
        spool.release()
    run("recovering", tmp_path)
    stored = messages(tmp_path)
    assert len(stored) == len(set(stored)) == sum(counts)


def test_wrong_rules_are_an_error_when_the_recorder_is_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Recorder(make_settings(tmp_path, scrub={"patterns": ["("]}))


def test_the_process_has_one_recorder_that_a_later_open_of_the_same_project_adjusts(tmp_path: Path) -> None:
    try:
        first = get_recorder()
        assert first is get_recorder()
        say(first, "before it is opened")
        second = open_recorder(make_settings(tmp_path, log={"level": "debug"}))
        assert second is first is get_recorder()
        assert second.level == 5
        assert second.flush()
        assert messages(tmp_path) == ["before it is opened"]
    finally:
        get_recorder().close()


def test_opening_another_project_stores_the_earlier_records_where_they_were(tmp_path: Path) -> None:
    here, there = tmp_path, tmp_path / "there"
    there.mkdir()
    try:
        say(get_recorder(), "here")
        recorder = open_recorder(make_settings(there))
        assert recorder is get_recorder()
        say(recorder, "there")
        assert recorder.flush()
        assert messages(here) == ["here"]
        assert messages(there) == ["there"]
    finally:
        get_recorder().close()


def test_after_close_the_next_record_opens_the_project_again(tmp_path: Path) -> None:
    try:
        first = open_recorder(make_settings(tmp_path))
        say(first, "one")
        first.close()
        second = get_recorder()
        assert second is not first
        say(second, "two")
        assert second.flush()
    finally:
        get_recorder().close()
    assert messages(tmp_path) == ["one", "two"]


def test_settings_that_are_wrong_are_named_and_the_records_kept(tmp_path: Path) -> None:
    (tmp_path / "runlog.toml").write_text("[log]\nlevle = 'debug'\n")
    program = run("careless", tmp_path)
    assert program.process.returncode == 0
    assert program.lines == ["True True"]
    assert "levle" in program.errors
    assert sum(line.startswith("runlog: ") for line in program.errors.splitlines()) == 1
    (tmp_path / "runlog.toml").unlink()
    assert messages(tmp_path) == ["one"]
