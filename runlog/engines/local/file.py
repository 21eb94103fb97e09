"""The queue's file, as the engine's thread has it open."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import apsw

from runlog.engines.local.leaving import Left, LostQueue, read_left
from runlog.engines.local.place import Place, Spare, say_moved
from runlog.engines.local.queue import Queue, Scrub
from runlog.engines.local.workers import WorkerFiles
from runlog.system.sqlite import Database

_ANEW = 1.0
"""Seconds that a file may be missing: somebody may be putting another one there."""


class OpenedQueue:
    """Opens it at the first use, and goes on with another one that is there in its place. For one thread."""

    def __init__(self, path: Path, worker: str, lease: int, spare: Spare, scrub: Scrub | None) -> None:
        self.path = path
        """Where it is: somewhere else than asked for, where that cannot be written."""
        self.moved_aside: Path | None = None
        """Where a damaged one was moved to, if one was found."""
        self.database: Database | None = None
        self.queue: Queue | None = None
        self._worker, self._lease, self._scrub = worker, lease, scrub
        self._place = Place(path, spare)
        self.files = WorkerFiles(path)
        self._left: Left | None = None
        self._missing_since: float | None = None

    def open(self) -> Queue:
        """Open it, or the one that is there now. Raises RunlogError."""
        if self.queue is None:
            self.database = database = self._place.open()
            database.leaving = self._leave
            if self.path != self._place.path:
                self.path, self.files = self._place.path, WorkerFiles(self._place.path)
            self.moved_aside = say_moved(database.moved_aside)
            self.queue = Queue(database.connection, self._worker, self._lease, self._scrub)
        elif self.is_in_place:
            self._missing_since = None
        elif self.database is not None:
            now = time.monotonic()
            self._missing_since = self._missing_since or now
            self.database.reopen_if_replaced(deleted=now - self._missing_since >= _ANEW)
        return self.queue

    def _leave(self, connection: apsw.Connection) -> None:
        self._left = Left()
        with suppress(apsw.Error):
            self._left = read_left(connection, self._worker, self.files)

    @property
    def is_another(self) -> bool:
        """The one that is open now is not the one that was adopted."""
        database, queue = self.database, self.queue
        return database is not None and queue is not None and database.connection is not queue.connection

    def adopt(self) -> LostQueue | None:
        """Go on with the file that is open now. Return what was lost with the one before, if that was deleted."""
        database, queue = self.database, self.queue
        assert database is not None
        assert queue is not None
        queue.connection = database.connection
        if database.moved_aside != self.moved_aside:
            self.moved_aside = say_moved(database.moved_aside)
        left, self._left = self._left, None
        return None if left is None else left.lost(self.path, queue, time.time_ns())

    @property
    def is_in_place(self) -> bool:
        """The one that is open was neither deleted nor replaced."""
        return self.database is None or self.database.is_in_place

    def close(self) -> None:
        """Raises what SQLite and the file system raise."""
        if self.database is not None:
            self.database.close()

    def remove_spare(self) -> None:
        """Delete the temporary one, if that is it."""
        self._place.remove()
