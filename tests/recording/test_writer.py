from __future__ import annotations

import errno
import queue
import random
import threading
import time
from collections.abc import Generator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from apsw import Connection
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled, is_instrumentation_enabled

from runlog.errors import StoreError
from runlog.recording import RANK_ALWAYS, keeper
from runlog.stores import open_reader
from runlog.stores.base import Batch, Pruned, Run
from runlog.stores.sqlite import SQLiteStore
from runlog.stores.sqlite import store as sqlite_store
from runlog.stores.sqlite.write import store_batch
from tests.helpers import wait_until
from tests.recording.road import (
    Collector,
    events,
    held_store,
    log,
    make_settings,
    messages,
    numbered,
    recording,
    recover_all,
    say,
    span,
)


def test_a_span_that_opens_and_ends_in_one_batch_is_one_row(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        for number in range(50):
            recorder.emit(span(recorder, "open", number.to_bytes(8)), RANK_ALWAYS)
            recorder.emit(span(recorder, "span", number.to_bytes(8)), RANK_ALWAYS)
        recorder.emit(span(recorder, "open", b"stays op"), RANK_ALWAYS)
        assert recorder.flush()
        stored = events(tmp_path)
        assert sum(event.kind == "span" for event in stored) == 50
        assert sum(event.kind == "open" for event in stored) < 10
        assert [event.span_id for event in stored if event.kind == "open"][-1] == b"stays op"


def test_the_end_of_a_span_never_comes_before_its_start(tmp_path: Path) -> None:
    """Also where one thread starts spans and other threads end them, and the writer is behind."""
    sink = Collector()
    with recording(tmp_path, spool={"size": 8, "segment_size": 0.0625}) as recorder:
        recorder.add_sink(sink)
        handed: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

        def end_spans() -> None:
            while (span_id := handed.get()) is not None:
                recorder.emit(span(recorder, "span", span_id), RANK_ALWAYS)

        threads = [threading.Thread(target=end_spans) for _ in range(3)]
        for thread in threads:
            thread.start()
        for number in range(1, 8001):
            span_id = number.to_bytes(8)
            recorder.emit(span(recorder, "open", span_id), RANK_ALWAYS)
            if number % 3 == 0:
                say(recorder, "filler " * random.randrange(30))
            handed.put(span_id)
        for _ in threads:
            handed.put(None)
        for thread in threads:
            thread.join()
        assert recorder.flush(30)
    ended: set[bytes | None] = set()
    for event in sink.events:
        if event.kind == "span":
            ended.add(event.span_id)
        elif event.kind == "open":
            assert event.span_id not in ended
    assert len(ended) == 8000


def test_runs_are_stored_beside_events(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        now = time.time_ns()
        recorder.emit(Run("run_a", 1, "task", "EXECUTING", "default", now, now, payload={"n": 1}), RANK_ALWAYS, "run_a")
        recorder.emit(log(recorder, "in it", "run_a"), RANK_ALWAYS, "run_a")
        recorder.emit(Run("run_a", 2, "task", "COMPLETED", "default", now, now, ended=now), RANK_ALWAYS, "run_a")
        assert recorder.flush()
        with closing(open_reader(make_settings(tmp_path))) as reader:
            run = reader.run("run_a")
        assert (run.status, run.version, run.logs) == ("COMPLETED", 2, 1)


def test_what_cannot_be_decoded_is_counted_and_keeps_nothing_else_back(tmp_path: Path) -> None:
    with recording(tmp_path) as recorder:
        say(recorder, "before")
        for damaged in ((1, "no number"), (9, 9), {"not": "a record"}, 5):
            assert recorder.emit(damaged, RANK_ALWAYS)  # type: ignore[arg-type]  # on purpose
        say(recorder, "after")
        assert recorder.flush()
        assert recorder.statistics().damaged == 4
    assert messages(tmp_path) == ["before", "after"]


def test_a_failing_sink_is_counted_and_the_others_get_everything(tmp_path: Path) -> None:
    class Failing(Collector):
        def write(self, batch: Batch) -> None:
            raise RuntimeError("no")

        def close(self, timeout: float) -> None:
            raise RuntimeError("no, again")

    failing, good = Failing(), Collector()
    with recording(tmp_path) as recorder:
        recorder.add_sink(failing)
        recorder.add_sink(good)
        say(recorder, "one")
        assert recorder.flush()
        say(recorder, "two")
        assert recorder.flush()
        assert recorder.statistics().sink_errors == {"Failing": 2}
    assert good.messages == messages(tmp_path) == ["one", "two"]
    assert good.closed


def test_sinks_get_what_is_stored_scrubbed_and_with_ids(tmp_path: Path) -> None:
    sink = Collector()
    with recording(tmp_path) as recorder:
        recorder.add_sink(sink)
        say(recorder, "Authorization: Bearer abcdefghijklmnop1234567890")
        assert recorder.flush()
    assert sink.events[0].id == events(tmp_path)[0].id > 0
    assert "abcdefghijklmnop" not in sink.messages[0]


def test_nobody_waits_for_a_store_that_this_process_may_not_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> SQLiteStore:
        raise StoreError("cannot open") from PermissionError(errno.EACCES, "Permission denied")

    sink = Collector()
    with monkeypatch.context() as patch:
        patch.setattr("runlog.stores.open_store", refuse)
        with recording(tmp_path) as recorder:
            recorder.add_sink(sink)
            said = [f"message {number}" for number in range(3000)]
            for message in said:
                say(recorder, message)
            assert not recorder.flush(1000), "it gives up before its time and this test's"
            assert [event.message for event in sink.events] == said
            say(recorder, "last words")
            recorder.close(1000)
            assert [event.message for event in sink.events] == [*said, "last words"]
    recover_all(tmp_path)
    assert messages(tmp_path) == [*said, "last words"]


def test_a_removed_sink_gets_no_more(tmp_path: Path) -> None:
    sink = Collector()
    with recording(tmp_path) as recorder:
        recorder.add_sink(sink)
        say(recorder, "one")
        assert recorder.flush()
        recorder.remove_sink(sink)
        say(recorder, "two")
        assert recorder.flush()
    assert sink.messages == ["one"]
    assert not sink.closed


def test_nothing_the_writer_does_is_traced(tmp_path: Path) -> None:
    seen: list[bool] = []

    class Asking(Collector):
        def write(self, batch: Batch) -> None:
            seen.extend((is_instrumentation_enabled(), is_http_instrumentation_enabled()))

    with recording(tmp_path) as recorder:
        recorder.add_sink(Asking())
        say(recorder, "one")
        assert recorder.flush()
    assert seen == [False, False]
    assert is_instrumentation_enabled()


def test_old_runs_are_deleted_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_FIRST_PRUNE", 0.0)
    now = time.time_ns()
    with recording(tmp_path, retention={"days": 30}) as recorder:
        for name, ended in (("run_old", now - 40 * 86_400 * 10**9), ("run_new", now)):
            run = Run(name, 1, "task", "COMPLETED", "default", ended, ended, ended=ended)
            recorder.emit(run, RANK_ALWAYS, name)
        assert recorder.flush()
        with closing(open_reader(make_settings(tmp_path))) as reader:
            wait_until(lambda: [run.run_id for run in reader.runs().items] == ["run_new"])
        stamp = tmp_path / ".runlog" / "spool" / "pruned"
        assert stamp.exists(), "other processes of the project need not look for a minute"


def test_a_busy_process_prunes_too_and_stores_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_FIRST_PRUNE", 0.0)
    monkeypatch.setattr(keeper, "_PRUNE_SLICE", 0.0)
    pruning, rows = threading.Event(), list[int]()
    prune_steps = SQLiteStore.prune_steps

    def watched(self: SQLiteStore, **limits: int | None) -> Generator[None, None, Pruned]:
        pruning.set()
        steps = prune_steps(self, **limits)
        with suppress(StopIteration):
            while True:
                next(steps)
                rows.append(self.last_event_id())
                say(recorder, "meanwhile")
                yield
        return Pruned(0, 0, 0)

    monkeypatch.setattr(SQLiteStore, "prune_steps", watched)
    with closing(SQLiteStore(make_settings(tmp_path).log_path)) as store:
        store.write(Batch(events=[numbered(sequence) for sequence in range(5000)]))
    with recording(tmp_path, retention={"days": 30}) as recorder:

        def gone() -> bool:
            say(recorder, "busy")
            recorder.flush()
            return messages(tmp_path)[0] == "first"

        say(recorder, "first")
        wait_until(lambda: gone() and pruning.is_set())
    assert len(set(rows)) > 1, "records were stored between the steps"


def test_why_old_runs_are_not_deleted_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object, **__: object) -> Generator[None, None, Pruned]:
        raise StoreError("cannot prune", "the disk is on fire")
        yield

    monkeypatch.setattr(keeper, "_FIRST_PRUNE", 0.0)
    monkeypatch.setattr(SQLiteStore, "prune_steps", fail)
    said: list[str] = []
    with recording(tmp_path, retention={"days": 30}) as recorder:
        say(recorder, "one")

        def is_said() -> bool:
            said.append(capfd.readouterr().err)
            return "the disk is on fire" in "".join(said)

        wait_until(is_said)
        assert say(recorder, "two")
        assert recorder.flush()
    assert messages(tmp_path) == ["one", "two"]


def test_a_record_that_breaks_the_run_log_itself_is_dropped_and_all_others_are_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poisoned(connection: Connection, batch: Batch) -> int:
        if any(event.message == "poison" for event in batch.events):
            raise ZeroDivisionError
        return store_batch(connection, batch)

    monkeypatch.setattr(sqlite_store, "store_batch", poisoned)
    names = [*map(str, range(50)), "poison", *map(str, range(50, 100))]
    with recording(tmp_path) as recorder:
        with held_store(tmp_path, recorder):
            for name in names:
                say(recorder, name)
        assert recorder.flush()
        assert recorder.statistics().damaged == 1
    assert messages(tmp_path) == [name for name in names if name != "poison"]
