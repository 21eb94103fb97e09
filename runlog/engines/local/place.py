"""Where the queue is kept: in its file, or, where that cannot be written, in a temporary one of this process."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import apsw

from runlog.engines.local.schema import APPLICATION_ID, MIGRATIONS
from runlog.errors import StoreError
from runlog.system.sqlite import Database

Spare = Callable[[StoreError], None] | None
"""Told why the queue is a temporary one; None where it must not be."""

_IN_MEMORY = "/dev/shm"  # noqa: S108 - a folder of our own is made in it
_CANNOT_WRITE = (
    OSError,
    apsw.ReadOnlyError,
    apsw.FullError,
    apsw.CantOpenError,
    apsw.IOError,
    apsw.PermissionsError,
)


class Place:
    """Opens the queue at `path`. With `spare`, which is told why, a temporary one if the place cannot be written."""

    def __init__(self, path: Path, spare: Spare) -> None:
        self.path = path
        self._spare = spare
        self._folder: Path | None = None

    def open(self) -> Database:
        """Open the queue; `path` then says where it is. Raises StoreError."""
        if self._spare is None or self._folder is not None:
            return _open(self.path)
        database = None
        try:
            database = _open(self.path)
            _try_to_write(database)
        except (StoreError, apsw.Error, OSError) as error:
            if not _cannot_write(error):
                raise
            if database is not None:
                with suppress(apsw.Error):
                    database.close()
            told = error if isinstance(error, StoreError) else StoreError(f"cannot write {self.path}", str(error))
            database = self._open_elsewhere(told)
            self._spare(told)
        return database

    def _open_elsewhere(self, told: StoreError) -> Database:
        try:
            folder = _make_folder()
        except OSError:
            raise told from None
        try:
            database = _open(folder / self.path.name)
        except StoreError:
            shutil.rmtree(folder, ignore_errors=True)
            raise told from None
        self.path, self._folder = database.path, folder
        return database

    def remove(self) -> None:
        """Delete the temporary queue, if there is one."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def say_moved(moved: Path | None) -> Path | None:
    """Tell where a damaged queue is now, if one was found; return it."""
    if moved is not None:
        text = f"the queue was damaged: it was moved to {moved}, and a new one was started; its runs are not executed"
        print(f"runlog: {text}", file=sys.stderr)  # noqa: T201
    return moved


def _open(path: Path) -> Database:
    return Database(path, APPLICATION_ID, MIGRATIONS, secure_delete=True)


def _try_to_write(database: Database) -> None:
    """Write a page as it is. Raises what SQLite raises where the disk is full."""
    with suppress(apsw.BusyError, apsw.LockedError), database.transaction() as connection:
        connection.pragma("user_version", connection.pragma("user_version"))


def _cannot_write(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, says that files cannot be written: no rights, no space."""
    while error is not None:
        if isinstance(error, _CANNOT_WRITE):
            return True
        error = error.__cause__
    return False


def _make_folder() -> Path:
    """Make a folder only for this user, in memory where the system has such a place. Raises OSError."""
    with suppress(OSError):
        if os.access(_IN_MEMORY, os.W_OK | os.X_OK):
            return Path(tempfile.mkdtemp(prefix="runlog-", dir=_IN_MEMORY))
    return Path(tempfile.mkdtemp(prefix="runlog-"))
