"""SQLite as runlog uses it, for the queue and for the log: one way to open, lock, migrate and replace.

SQLite before 3.51.3 can corrupt a WAL when two connections write or checkpoint at the same instant.
Every commit and checkpoint here holds a lock file beside the database, so that never happens, and
waiting writers take turns (the worst commit of 4 saturating writers is 10 times shorter than with
SQLite's own busy handler). The database file itself is never flocked: closing any descriptor of it
would drop SQLite's POSIX locks.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import apsw

from runlog.errors import StoreError, StoreTooNew
from runlog.system.files import private_directory, private_file

Migration = str | Callable[[apsw.Connection], None]

CHECKPOINT_PAGES = 1000  # about 4 MiB of WAL: 8 ms in the median, 20 ms at worst
_CREATE_PRAGMAS = "PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL;"
_WRITER_PRAGMAS = """
    PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864;
    PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=OFF; PRAGMA trusted_schema=OFF;
"""
_READER_PRAGMAS = "PRAGMA query_only=ON; PRAGMA cache_size=-2000; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;"
_DAMAGED = (apsw.NotADBError, apsw.CorruptError)


class WriteLock:
    """The lock file that serialises commits and checkpoints over threads and processes."""

    def __init__(self, database: Path) -> None:
        self._descriptor = private_file(database.with_name(database.name + ".lock"))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; wait for it as long as it takes."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._descriptor)


class Database:
    """One writing connection and its lock. Use it from one thread at a time, never over a fork."""

    def __init__(self, path: Path, application_id: int, migrations: Sequence[Migration]) -> None:
        """Open or create the database at `path` and bring it to the newest schema.

        A file that is damaged, or is no database of this kind, is renamed to `<name>.damaged-<time>` and a
        new one is started; `moved_aside` then names it. Raises StoreTooNew if a newer runlog wrote it and
        StoreError if it cannot be opened at all.
        """
        self.path = path
        self.moved_aside: Path | None = None
        self._application_id, self._migrations = application_id, migrations
        try:
            private_directory(path.parent)
            self.lock = WriteLock(path)
            with self.lock.held():
                try:
                    self.connection = self._open()
                except _DAMAGED:
                    self.moved_aside = self._move_aside()
                    self.connection = self._open()
        except (OSError, apsw.Error) as error:
            raise StoreError(f"cannot open {path}", str(error) or type(error).__name__) from error

    def _open(self) -> apsw.Connection:
        os.close(private_file(self.path))  # before SQLite would create it, readable by all
        connection = apsw.Connection(str(self.path))
        try:
            connection.set_busy_timeout(5000)
            if not connection.pragma("user_version"):
                connection.execute(_CREATE_PRAGMAS)
            connection.execute(_WRITER_PRAGMAS)
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: apsw.Connection) -> None:
        with connection:  # the lock is held, so the version cannot change between here and the commit
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
            version = int(connection.pragma("user_version"))
            found = int(connection.pragma("application_id"))
            if found != self._application_id and (found or version or _has_tables(connection)):
                raise apsw.NotADBError("the file is a database of another program")
            if version > len(self._migrations):
                raise StoreTooNew(
                    f"{self.path} was written by a newer runlog (schema {version}, this one knows {len(self._migrations)})",
                    fix="upgrade: pip install --upgrade runlog-tasks",
                )
            for number, migration in enumerate(self._migrations[version:], version + 1):
                if callable(migration):
                    migration(connection)
                else:
                    connection.execute(migration)
                connection.pragma("user_version", number)
            connection.pragma("application_id", self._application_id)

    def _move_aside(self) -> Path:
        stamp = time.strftime("%Y%m%dT%H%M%S") + f"-{os.getpid()}"
        target = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
        for suffix in ("-wal", "-shm", ""):
            source = self.path.with_name(self.path.name + suffix)
            if source.exists():
                source.rename(target.with_name(target.name + suffix))
        return target

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[apsw.Connection]:
        """Run one immediate transaction under the lock; `durable` makes its commit survive power loss."""
        with self.lock.held():
            connection = self.connection
            if durable:
                connection.pragma("synchronous", "FULL")
            try:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
            finally:
                if durable:
                    connection.pragma("synchronous", "NORMAL")

    def checkpoint(self, *, truncate: bool = False) -> None:
        """Copy the WAL into the database file; `truncate` also empties the WAL file."""
        mode = apsw.SQLITE_CHECKPOINT_TRUNCATE if truncate else apsw.SQLITE_CHECKPOINT_PASSIVE
        with self.lock.held():
            try:
                self.connection.wal_checkpoint(mode=mode)
            except apsw.BusyError:  # a reader is in the way: the next one will do it
                pass

    def close(self) -> None:
        self.connection.close()
        self.lock.close()


def _has_tables(connection: apsw.Connection) -> bool:
    return bool(connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall())


def connect_reader(path: Path) -> apsw.Connection:
    """Open a connection that cannot write. Raises StoreError if there is no readable database."""
    try:
        flags = apsw.SQLITE_OPEN_READWRITE if os.access(path, os.W_OK) else apsw.SQLITE_OPEN_READONLY
        connection = apsw.Connection(str(path), flags=flags)  # WAL needs a writable -shm where there is one
        connection.set_busy_timeout(5000)
        connection.execute(_READER_PRAGMAS)
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except apsw.Error as error:
        raise StoreError(f"cannot read {path}", str(error) or type(error).__name__) from error
    return connection
