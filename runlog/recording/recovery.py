"""What dead processes left in their spools, brought into the store exactly once.

A spool is drained under its `recovery.lock`. The position of each batch is committed with the batch, the files are
deleted next, and only then are the positions forgotten: killed at any point, the next recovery goes on from there.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runlog.recording.batches import Finishes, Item, drain, positions, store_items
from runlog.recording.masks import load_masks
from runlog.recording.notice import Notices
from runlog.recording.segment import HEADER, SUFFIX, SegmentImage, UnknownFormatError, read_file
from runlog.recording.spool import LOCK_FILE, NEW_PREFIX
from runlog.stores.base import Batch, Store
from runlog.system.files import private_file
from runlog.system.process import ProcessLock

if TYPE_CHECKING:
    from runlog.config import Settings

RECOVERY_LOCK = "recovery.lock"
_NEW_FOLDER_AGE = 60.0  # seconds after which a folder without a held lock was given up

_held: set[int] = set()  # descriptors of recovery locks, which a forked child must not keep


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What a recovery did. `skipped`: spools left alone, and why."""

    spools: int = 0
    records: int = 0
    damaged: int = 0
    unfinished: int = 0
    """Spans that had been open when their process died."""
    skipped: tuple[str, ...] = ()

    def __add__(self, other: RecoveryReport) -> RecoveryReport:
        return RecoveryReport(
            self.spools + other.spools,
            self.records + other.records,
            self.damaged + other.damaged,
            self.unfinished + other.unfinished,
            self.skipped + other.skipped,
        )


def recover(
    settings: Settings,
    store: Store,
    finisher: Finishes,
    *,
    deliver: Callable[[Batch], None] | None = None,
    pause: Callable[[], None] | None = None,
    notices: Notices | None = None,
) -> RecoveryReport:
    """Store what dead processes of this project left, and delete their spools.

    `deliver` gets each batch once it is stored; `pause` is called between two batches, and may raise. Raises StoreError
    if the store cannot be written; what was not stored stays where it is. Spools that another process is recovering are
    left to it.
    """
    report = RecoveryReport()
    for folder in dead_spools(settings.spool_path):
        with _recovery_lock(folder) as locked:
            if locked and ProcessLock.is_dead(folder / LOCK_FILE):
                try:
                    report += _recover_one(folder, store, finisher, deliver or _ignore, pause)
                except UnknownFormatError:
                    report += RecoveryReport(skipped=(f"{folder}: a newer runlog wrote it",))
                except OSError as error:
                    report += RecoveryReport(skipped=(f"{folder}: {error}",))
    _say(report, notices)
    return report


def dead_spools(root: Path) -> list[Path]:
    """The spool folders under `root` whose process is gone, oldest first. Cheap where there is none."""
    found: list[Path] = []
    try:
        with os.scandir(root) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    continue
                if entry.name.startswith(NEW_PREFIX):
                    _delete_if_abandoned(Path(entry.path))
                elif ProcessLock.is_dead(Path(entry.path) / LOCK_FILE):
                    found.append(Path(entry.path))
    except OSError:
        return found
    return sorted(found)


def _delete_if_abandoned(folder: Path) -> None:
    with suppress(OSError):
        if time.time() - folder.stat().st_mtime > _NEW_FOLDER_AGE and ProcessLock.is_dead(folder / LOCK_FILE):
            shutil.rmtree(folder)


@contextmanager
def _recovery_lock(folder: Path) -> Iterator[bool]:
    """Hold the folder's recovery lock; False if another process has it, or has just finished and deleted it."""
    path = folder / RECOVERY_LOCK
    try:
        descriptor = private_file(path)
    except OSError:
        yield False
        return
    _held.add(descriptor)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked = os.path.samestat(os.fstat(descriptor), path.stat())
        except OSError:
            locked = False
        yield locked
    finally:
        if descriptor in _held:
            _held.discard(descriptor)
            os.close(descriptor)


def close_locks_in_child() -> None:
    """After a fork: the parent is recovering, the child is not."""
    while _held:
        with suppress(OSError):
            os.close(_held.pop())


def _recover_one(
    folder: Path,
    store: Store,
    finisher: Finishes,
    deliver: Callable[[Batch], None],
    pause: Callable[[], None] | None,
) -> RecoveryReport:
    load_masks(folder)
    spool_id = folder.name
    files = sorted(folder.glob(f"*{SUFFIX}"))
    images: list[SegmentImage] = []
    tally = _Tally(last_seen=_last_sign_of_life(folder))
    for path in files:
        found, broken = read_file(path)
        images += found
        tally.damaged += broken
    done = store.positions(spool_id)
    offsets = {image.number: done.get(image.number, HEADER) for image in images}

    def stored(batch: Batch, _: Sequence[Item]) -> None:
        tally.last_seen = max([tally.last_seen, *(event.time + (event.duration or 0) for event in batch.events)])
        deliver(batch)

    while items := _drain(images, offsets, finisher, tally):
        dropped = store_items(items, spool_id, store.write, stored)
        tally.records -= dropped.records
        tally.damaged += dropped.records
        if pause is not None:
            pause()
    for path in files:
        path.unlink(missing_ok=True)
    unfinished = store.close_spool(spool_id, tally.last_seen)
    if unfinished:
        deliver(Batch(events=unfinished))
    shutil.rmtree(folder, ignore_errors=True)
    return RecoveryReport(1, tally.records, tally.damaged, len(unfinished))


@dataclass(slots=True)
class _Tally:
    last_seen: int
    records: int = 0
    damaged: int = 0


def _drain(images: list[SegmentImage], offsets: dict[int, int], finisher: Finishes, tally: _Tally) -> list[Item]:
    drained = drain(((image, offsets[image.number]) for image in images), finisher)
    offsets.update(positions(drained.items))
    tally.records += len(drained.items) - drained.damaged
    tally.damaged += drained.damaged
    return drained.items


def seen_alive(folder: Path) -> None:
    """Note that the process of a spool was alive until now: what it has open then ends now, if it is gone."""
    with suppress(OSError):
        os.utime(folder / LOCK_FILE)


def _last_sign_of_life(folder: Path) -> int:
    """When the process was surely alive: its writer touches the lock file every second."""
    newest = 0
    for path in (folder / LOCK_FILE, *folder.glob(f"*{SUFFIX}")):
        with suppress(OSError):
            newest = max(newest, path.stat().st_mtime_ns)
    return newest or time.time_ns()


def _ignore(_: Batch) -> None:
    pass


def _say(report: RecoveryReport, notices: Notices | None) -> None:
    if notices is None:
        return
    for reason in report.skipped:
        notices.say(f"skipped {reason}", f"a spool was left alone: {reason}")
    if report.damaged:
        notices.say("damaged", f"{report.damaged:,} damaged records of a dead process could not be recovered")
