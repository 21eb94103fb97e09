"""The queue's file, as the engine's thread has it open."""

from __future__ import annotations

from pathlib import Path

from runlog.engines.local.place import Place, Spare, say_moved
from runlog.engines.local.queue import Queue, Scrub
from runlog.system.sqlite import Database


class QueueFile:
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

    def open(self) -> Queue:
        """Open it, or the one that is there now. Raises RunlogError."""
        if self.queue is None:
            self.database = database = self._place.open()
            self.path = self._place.path
            self.moved_aside = say_moved(database.moved_aside)
            self.queue = Queue(database.connection, self._worker, self._lease, self._scrub)
        elif self.database is not None:
            self.database.reopen_if_replaced()
        return self.queue

    def adopt(self) -> bool:
        """Go on with the file that is open now; say whether it is another one than before."""
        database, queue = self.database, self.queue
        if database is None or queue is None or database.connection is queue.connection:
            return False
        queue.connection = database.connection
        if database.moved_aside != self.moved_aside:
            self.moved_aside = say_moved(database.moved_aside)
        return True

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
