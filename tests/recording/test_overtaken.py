"""Opening, closing and masking, overtaken by a signal or by another thread in the middle."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runlog.recording import RANK_ALWAYS, RANK_INFO, Recorder, mask
from runlog.recording import recorder as recorder_module
from runlog.recording.chain import Chain
from runlog.recording.masks import load_masks, registered, registered_masks
from runlog.recording.spool import Spool
from runlog.recording.writer import Writer
from runlog.system.process import ProcessLock
from tests.helpers import wait_until
from tests.recording.road import log, make_settings, messages, recording, say, spools


@pytest.fixture
def no_masks() -> Iterator[None]:
    known = dict(registered)
    registered.clear()
    yield
    registered.clear()
    registered.update(known)


def filed_masks(folder: Path) -> set[str]:
    return {json.loads(line) for line in (folder / "masks").read_text().splitlines()}


def test_after_a_ctrl_c_in_the_first_record_the_next_ones_are_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> Writer:
        monkeypatch.setattr(recorder_module, "Writer", Writer)
        raise KeyboardInterrupt

    monkeypatch.setattr(recorder_module, "Writer", interrupted)
    with recording(tmp_path) as recorder:
        with pytest.raises(KeyboardInterrupt):
            say(recorder, "first")
        assert say(recorder, "second")
        assert recorder.flush()
        assert messages(tmp_path) == ["second"]
        wait_until(lambda: len(spools(tmp_path)) == 1)
    assert spools(tmp_path) == []


def test_a_flush_waits_for_the_thread_that_is_opening_the_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening, go = threading.Event(), threading.Event()

    def slow(*arguments: Any) -> Writer:
        opening.set()
        go.wait()
        return Writer(*arguments)

    monkeypatch.setattr(recorder_module, "Writer", slow)
    with recording(tmp_path) as recorder:
        thread = threading.Thread(target=recorder.start)
        thread.start()
        opening.wait()
        assert not recorder.flush(0.01)
        go.set()
        thread.join()
        assert recorder.flush()


def test_a_record_overtaken_by_close_is_never_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, go = threading.Event(), threading.Event()
    accepted: list[bool] = []
    recorder = Recorder(make_settings(tmp_path))
    recorder.start()
    writer = recorder._writer
    assert writer is not None
    within_rate = recorder._within_rate

    def between(record: Any, run_id: str) -> bool:
        if record[12] == "victim":  # the thread has its chain, which does not show yet that it is in use
            inside.set()
            go.wait()
        return within_rate(record, run_id)

    def work() -> None:
        emitted = (
            recorder.emit(log(recorder, message, "run_a"), RANK_INFO, "run_a") for message in ("first", "victim")
        )
        accepted.extend(emitted)

    ask = Writer.ask

    def late(self: Writer, timeout: float, *, stop: bool = False) -> bool:
        rounds = self.refusals.rounds
        wait_until(lambda: self.refusals.rounds > rounds + 5)
        go.set()
        thread.join()
        return ask(self, timeout, stop=stop)

    monkeypatch.setattr(recorder, "_within_rate", between)
    monkeypatch.setattr(Writer, "ask", late)
    thread = threading.Thread(target=work)
    thread.start()
    inside.wait()
    recorder.close(10)
    assert accepted == [True, True]
    assert messages(tmp_path, "run_a") == ["first", "victim"]


def test_a_thread_whose_first_record_is_overtaken_by_close_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_chain, closed = threading.Event(), threading.Event()
    recorder = Recorder(make_settings(tmp_path))
    recorder.start()
    new_chain = Spool.new_chain
    accepted: list[bool] = []

    def overtaken(self: Spool) -> Chain:
        chain = new_chain(self)
        if not has_chain.is_set():
            has_chain.set()
            closed.wait()
        return chain

    monkeypatch.setattr(Spool, "new_chain", overtaken)
    thread = threading.Thread(
        target=lambda: accepted.extend(recorder.emit(log(recorder, "x"), RANK_ALWAYS) for _ in range(3))
    )
    thread.start()
    has_chain.wait()
    recorder.close(10)
    closed.set()
    thread.join()
    assert accepted == [True] * 3
    spool = recorder._spool
    assert spool is not None
    spool.release()


@pytest.mark.usefixtures("no_masks")
def test_masks_are_filed_from_all_threads_and_in_a_folder_made_anew(tmp_path: Path) -> None:
    mask("before the first record")
    with recording(tmp_path) as recorder:
        recorder.start()
        threads = [threading.Thread(target=mask, args=(f"secret\nnumber {number}",)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (folder,) = spools(tmp_path)
        assert filed_masks(folder) == set(registered_masks())
        shutil.rmtree(tmp_path / ".runlog")

        def made_anew() -> bool:
            say(recorder, "x")
            return any((folder / "masks").exists() for folder in spools(tmp_path))

        wait_until(made_anew)
        mask("after it")
        (folder,) = spools(tmp_path)
        assert filed_masks(folder) == set(registered_masks())
        assert len(registered) == 22


@pytest.mark.usefixtures("no_masks")
@pytest.mark.parametrize("step", [(ProcessLock, "acquire"), (Spool, "save_masks"), (Writer, "start")])
def test_a_mask_registered_while_the_spool_is_opened_is_filed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: tuple[type, str]
) -> None:
    """Before the folder is there, when the masks have been written into it, and before the recorder has the spool."""
    kind, name = step
    original = getattr(kind, name)

    def overtaken(self: object) -> object:
        result = original(self)
        mask("registered meanwhile")
        return result

    monkeypatch.setattr(kind, name, overtaken)
    with recording(tmp_path) as recorder:
        recorder.start()
        (folder,) = spools(tmp_path)
        assert filed_masks(folder) == {"registered meanwhile"}


@pytest.mark.usefixtures("no_masks")
def test_a_mask_cut_short_by_a_kill_hides_none_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "masks").write_text('"one secret"\n["of an", "older runlog"]\n"cut sho')
    load_masks(tmp_path)
    assert set(registered_masks()) == {"one secret", "of an", "older runlog"}
