"""The run log of a project, opened for reading."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runlog.config import Settings
from runlog.errors import RunlogError, RunNotFound
from runlog.reading.notes import Note, ignore
from runlog.stores.base import Reader
from runlog.system.ids import RUN_ID_PREFIX

if TYPE_CHECKING:
    from runlog.recording.recovery import RecoveryReport

_PATIENCE = 1.0
"""Seconds that a reader waits for the log before it shows what there is."""
_ID_LENGTH = len(RUN_ID_PREFIX) + 26


@contextmanager
def open_log(settings: Settings, note: Note = ignore) -> Iterator[Reader | None]:
    """Open the project's run log for reading, with what dead processes left in their spools stored first.

    None if nothing was ever recorded. `note` is told what may be missing. Raises StoreError if there is a log that
    cannot be read.
    """
    rescue(settings, note)
    if not has_log(settings):
        yield None
        return
    from runlog.stores import open_reader

    reader = open_reader(settings)
    try:
        yield reader
    finally:
        reader.close()


def whole_id(settings: Settings, run_id: str, note: Note = ignore) -> str:
    """The id that a shortened one stands for. The queue may know a run that the log lacks: it decides then."""
    with open_log(settings, note) as log:
        try:
            return log.run(run_id).run_id if log is not None else run_id
        except RunNotFound:
            if len(run_id) < _ID_LENGTH:
                raise
            return run_id


def has_log(settings: Settings) -> bool:
    """Whether there is a run log; a file without a byte is one that could not be begun."""
    try:
        return settings.log_path.stat().st_size > 0
    except OSError:
        return False


def rescue(settings: Settings, note: Note = ignore) -> None:
    """Store what dead processes could not; `note` is told if that fails, which keeps nothing from being read."""
    from runlog.recording.recovery import dead_spools
    from runlog.system.write_lock import is_write_locked

    dead = dead_spools(settings.spool_path)
    if not dead:
        return
    if is_write_locked(settings.log_path, _PATIENCE):
        what = "a process that died" if len(dead) == 1 else f"{len(dead)} processes that died"
        note(f"another program holds the run log: the last records of {what} wait and are not shown here")
        return
    try:
        report = _recover(settings)
    except (RunlogError, OSError) as error:
        what = error.what if isinstance(error, RunlogError) else str(error)
        note(f"records of dead processes could not be stored, so the newest may be missing here: {what}")
    else:
        for skipped in report.skipped:
            note(f"records of a dead process were left alone: {skipped}")


def _recover(settings: Settings) -> RecoveryReport:
    from runlog.recording.clean import Limits
    from runlog.recording.finish import Finisher
    from runlog.recording.recovery import recover
    from runlog.recording.scrub import Scrubber
    from runlog.stores import open_store

    finisher = Finisher(Scrubber(settings.scrub.keys, settings.scrub.patterns), Limits.from_settings(settings))
    store = open_store(settings)
    try:
        return recover(settings, store, finisher)
    finally:
        store.close()


def nothing_recorded(settings: Settings) -> str:
    """The words for an empty project."""
    return f"Nothing is recorded yet in {settings.folder}."


@contextmanager
def require_log(settings: Settings, note: Note = ignore) -> Iterator[Reader]:
    """Like `open_log`, for commands that have nothing to say about an empty project. Raises RunlogError for one."""
    with open_log(settings, note) as log:
        if log is None:
            raise RunlogError(
                f"there is no run log in {settings.root}",
                "nothing was recorded here, or the project is elsewhere",
                "runlog -C DIR ...   # a folder of the project",
            )
        yield log
