"""What the tests of the road share: records, settings, and what the store has in the end."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from runlog.config import Settings
from runlog.recording import RANK_ALWAYS, Recorder, RecoveryReport, recover
from runlog.recording.clean import Limits
from runlog.recording.finish import Finisher
from runlog.recording.scrub import Scrubber
from runlog.stores import open_reader, open_store
from runlog.stores.base import Batch, Event
from runlog.system.files import private_file

TRACE = bytes(range(16))


def make_settings(root: Path, **arguments: Any) -> Settings:
    """Settings of a project in `root`, without the console."""
    return Settings.load(root, {"console": {"enabled": False}, **arguments})


def log(recorder: Recorder, message: str, run_id: str | None = None, **attributes: Any) -> tuple[Any, ...]:
    return (
        1, recorder.next_sequence(), "log", run_id, TRACE, None, None, time.time_ns(), None, 9, None, "logger",
        message, attributes, None,
    )  # fmt: skip


def numbered(number: int) -> Event:
    """A log as a store gets it."""
    return Event(number, "log", None, None, None, None, number, None, 9, None, "logger", f"m{number}", {})


def span(recorder: Recorder, kind: str, span_id: bytes, name: str = "work") -> tuple[Any, ...]:
    duration = 5 if kind == "span" else None
    return (
        1, recorder.next_sequence(), kind, None, TRACE, span_id, None, time.time_ns(), duration, 9, "unset", name, "",
        {}, None,
    )  # fmt: skip


def say(recorder: Recorder, message: str, rank: int = RANK_ALWAYS, **attributes: Any) -> bool:
    return recorder.emit(log(recorder, message, **attributes), rank)


@contextmanager
def recording(root: Path, **arguments: Any) -> Iterator[Recorder]:
    recorder = Recorder(make_settings(root, **arguments))
    try:
        yield recorder
    finally:
        recorder.close(10)


def events(root: Path, run_id: str | None = None) -> list[Event]:
    """Every stored event of a run, or of no run."""
    found: list[Event] = []
    if not make_settings(root).log_path.exists():
        return found
    with closing(open_reader(make_settings(root))) as reader:
        while more := reader.events(run_id, after=found[-1].id if found else 0):
            found += more
    return found


def messages(root: Path, run_id: str | None = None) -> list[str]:
    return [event.message for event in events(root, run_id) if event.kind == "log"]


def recover_all(root: Path) -> RecoveryReport:
    settings = make_settings(root)
    with closing(open_store(settings)) as store:
        return recover(settings, store, new_finisher())


def new_finisher() -> Finisher:
    settings = make_settings(Path.cwd())
    return Finisher(Scrubber(), Limits.from_settings(settings))


def spools(root: Path) -> list[Path]:
    folder = root / ".runlog" / "spool"
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


@contextmanager
def held_store(root: Path, recorder: Recorder) -> Iterator[None]:
    """Keep the writer from storing anything."""
    recorder.start()
    descriptor = private_file(root / ".runlog" / "log.db.lock")
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


class Collector:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.closed = False

    @property
    def events(self) -> list[Event]:
        return [event for batch in self.batches for event in batch.events]

    @property
    def messages(self) -> list[str]:
        return [event.message for event in self.events]

    def write(self, batch: Batch) -> None:
        self.batches.append(batch)

    def close(self, timeout: float) -> None:
        self.closed = True
