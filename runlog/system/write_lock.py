"""The lock file beside a database, which serialises commits and checkpoints over threads and processes."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runlog.system.files import private_directory, private_file


class WriteLock:
    """The lock file that serialises commits and checkpoints over threads and processes."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._descriptor = private_file(self._path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; wait for it as long as it takes. A file that was deleted is made anew, with its folder."""
        descriptor = self._take()
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _take(self) -> int:
        while True:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            status = os.fstat(self._descriptor)
            if file_identity(self._path) == (status.st_dev, status.st_ino):
                return self._descriptor
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # it was deleted: who opens the database now locks another
            private_directory(self._path.parent)
            deleted, self._descriptor = self._descriptor, private_file(self._path)
            os.close(deleted)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def file_identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - on the way of every commit
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino


def is_write_locked(path: Path, patience: float = 0.0) -> bool:
    """Say whether another process has held the lock of the database at `path` for `patience` seconds."""
    try:
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    deadline = time.monotonic() + patience
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() >= deadline:
                    return True
                time.sleep(0.02)
            else:
                return False
    finally:
        os.close(descriptor)
