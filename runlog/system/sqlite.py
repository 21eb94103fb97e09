"""SQLite as runlog uses it, for the queue and for the log: one way to open, lock, migrate and replace.

SQLite before 3.51.3 can corrupt a WAL when two connections write or checkpoint at the same instant.
Every commit and checkpoint here holds a lock file beside the database, so that never happens, and
waiting writers take turns (the worst commit of 4 saturating writers is 10 times shorter than with
SQLite's own busy handler). The database file itself is never flocked: closing any descriptor of it
would drop SQLite's POSIX locks.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import apsw

from runlog.errors import StoreError, StoreTooNew
from runlog.system.files import private_directory, private_file
from runlog.system.write_lock import WriteLock, file_identity

Migration = str | Callable[[apsw.Connection], None]

CHECKPOINT_PAGES = 1000  # about 4 MiB of WAL: 8 ms in the median, 20 ms at worst
_CREATE_PRAGMAS = "PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL;"
_WRITER_PRAGMAS = """
    PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864;
    PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;
"""
_READER_PRAGMAS = "PRAGMA query_only=ON; PRAGMA cache_size=-2000; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;"
_BUSY_MS = 5000
_DAMAGED = (apsw.NotADBError, apsw.CorruptError)
_UNKNOWN = (-1, -1)
"""The identity of no file: what is there has to be opened anew."""


class Database:
    """One writing connection and its lock. Use it from one thread at a time, never over a fork."""

    connection: apsw.Connection
    """The open connection. It changes when the file is replaced: take it from `transaction`, or anew each time."""

    def __init__(
        self, path: Path, application_id: int, migrations: Sequence[Migration], *, secure_delete: bool = False
    ) -> None:
        """Open or create the database at `path` and bring it to the newest schema.

        With `secure_delete` what is deleted or overwritten is zeroed in the file; the WAL has it until it is truncated.

        A file that is damaged, or is no database of this kind, is renamed to `<name>.damaged-<time>` and a
        new one is started; `moved_aside` then names it. Raises StoreTooNew if a newer runlog wrote it and
        StoreError if it cannot be opened at all.
        """
        _refuse_inherited(path)
        self.path = path
        self.moved_aside: Path | None = None
        self.gate = threading.RLock()
        """Held while SQLite is at work, so that a fork finds it at rest."""
        self.leaving: Callable[[apsw.Connection], None] = lambda _: None
        """Called with a connection that is about to be closed, as its file was deleted or replaced: it can be read for
        the last time. Must not raise."""
        self._application_id, self._migrations = application_id, migrations
        self._secure_delete = secure_delete
        self._wal_pages = self._checkpointed = 0
        try:
            private_directory(path.parent)
            self.lock = WriteLock(path)
        except OSError as error:
            raise _cannot_open(path, error) from error
        _open_databases.add(self)
        try:
            with self.lock.held(), self.gate:
                self._connect()
        except (OSError, apsw.Error) as error:
            self.lock.close()
            raise _cannot_open(path, error) from error
        except BaseException:
            self.lock.close()
            raise

    def _connect(self) -> None:
        if file_identity(self.path) is None:  # another process may have the deleted one open, with these
            self._remove_companions()
        try:
            self.connection = self._open()
        except _DAMAGED:
            self.moved_aside = self._move_aside()
            self.connection = self._open()
        self._file, self._wal = file_identity(self.path), file_identity(self._companion("-wal"))
        self._wal_pages = self._checkpointed = 0
        self.connection.set_wal_hook(self._committed)

    def _companion(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def _remove_companions(self) -> None:
        """They belong to a file that is there no more: SQLite would take them for those of the one that is."""
        for suffix in ("-wal", "-shm"):
            self._companion(suffix).unlink(missing_ok=True)

    def _committed(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _open(self) -> apsw.Connection:
        os.close(private_file(self.path))  # before SQLite would create it, readable by all
        connection = apsw.Connection(str(self.path))
        try:
            connection.set_busy_timeout(_BUSY_MS)
            # Else most statements are prepared anew at each call, in case other values make another plan better.
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
            version = self._recognise(connection)
            if not version:
                connection.execute(_CREATE_PRAGMAS)
            connection.execute(_WRITER_PRAGMAS)
            connection.pragma("secure_delete", "ON" if self._secure_delete else "OFF")
            self._migrate(connection, version)
        except BaseException:
            # What cannot be used is left as it is, also its WAL.
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.close()
            raise
        return connection

    def _recognise(self, connection: apsw.Connection) -> int:
        """Return the schema's version. Writes nothing: the file may be another program's, or a newer runlog's."""
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
        version = int(connection.pragma("user_version"))
        found = int(connection.pragma("application_id"))
        if found != self._application_id and (found or version or tables):
            raise apsw.NotADBError("the file is a database of another program")
        if version > len(self._migrations):
            raise StoreTooNew(
                f"{self.path} was written by a newer runlog (schema {version}, this one knows {len(self._migrations)})",
                fix="upgrade: pip install --upgrade runlog-tasks",
            )
        return version

    def _migrate(self, connection: apsw.Connection, version: int) -> None:
        if version == len(self._migrations):
            return
        with connection:  # the lock is held since the version was read, so no other process migrates
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
        while target.exists():
            target = target.with_name(target.name + "x")
        for suffix in ("-wal", "-shm", ""):  # the file last: a new one must never meet the old WAL
            source = self._companion(suffix)
            if source.exists():
                source.rename(target.with_name(target.name + suffix))
        return target

    def replace_damaged(self) -> None:
        """Move the file aside and start a new one, unless another process has done so. Raises StoreError."""
        try:
            with self.lock.held(), self.gate:
                damaged = self._file
                self._forget_connection()
                if file_identity(self.path) == damaged:
                    self.moved_aside = self._move_aside()
                self._connect()
        except (OSError, apsw.Error) as error:
            raise _cannot_open(self.path, error) from error

    @property
    def is_in_place(self) -> bool:
        """Whether the file that is open is still the one at `path`: not deleted, not replaced."""
        return file_identity(self.path) == self._file

    def reopen_if_replaced(self, *, deleted: bool = False) -> None:
        """Open the file anew if there is another one at `path` (or, with `deleted`, none), as `transaction` does.
        Raises StoreError."""
        found = file_identity(self.path)
        if self._file == _UNKNOWN or (found != self._file and (deleted or found is not None)):
            try:
                with self.lock.held(), self.gate:
                    self._reopen()
            except (OSError, apsw.Error) as error:
                raise _cannot_open(self.path, error) from error

    def _reopen(self) -> None:
        if not self.is_in_place:
            if self._file != _UNKNOWN:
                self.leaving(self.connection)
                if file_identity(self._companion("-wal")) == self._wal:
                    self._remove_companions()
            self._forget_connection()
            self._connect()

    def _forget_connection(self) -> None:
        self._file = _UNKNOWN
        with suppress(apsw.Error):
            self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        with suppress(apsw.Error):
            self.connection.close(force=True)

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[apsw.Connection]:
        """Run one immediate transaction under the lock; `durable` makes its commit survive power loss.

        If the file has been deleted or replaced since it was opened, the new one is opened (or started) first.
        """
        with self.lock.held(), self.gate:
            self._reopen()
            connection = self.connection
            if durable:
                connection.pragma("synchronous", "FULL")
            try:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:  # SQLite has rolled back by itself after some errors
                        connection.execute("ROLLBACK")
                    raise
            finally:
                if durable:
                    connection.pragma("synchronous", "NORMAL")

    def checkpoint(self, *, truncate: bool = False) -> None:
        """Copy the WAL into the database file; `truncate` also empties the WAL file, if no reader needs it."""
        self.try_checkpoint(truncate=truncate)

    def try_checkpoint(self, *, truncate: bool = False) -> bool:
        """Do what `checkpoint` does; False if a reader was in the way."""
        if not self.is_in_place:  # there is nothing to copy into; and no file is made for that
            return True
        mode = apsw.SQLITE_CHECKPOINT_TRUNCATE if truncate else apsw.SQLITE_CHECKPOINT_PASSIVE
        with self.lock.held(), self.gate:
            self.connection.set_busy_timeout(0)  # writers wait behind this: never wait for a reader
            try:
                self.connection.wal_checkpoint(mode=mode)
                self._checkpointed = 0 if truncate else self._wal_pages
            except apsw.BusyError:  # the next one will do it
                return False
            finally:
                self.connection.set_busy_timeout(_BUSY_MS)
            return True

    def checkpoint_if_due(self) -> None:
        """Checkpoint when the WAL has grown by CHECKPOINT_PAGES since the last time."""
        if self._wal_pages < self._checkpointed:  # the WAL was started again from its beginning
            self._checkpointed = 0
        if self._wal_pages - self._checkpointed >= CHECKPOINT_PAGES:
            self.checkpoint()

    def close(self) -> None:
        _open_databases.discard(self)
        with self.gate:
            if self.is_in_place:
                self.connection.close()
            else:
                self._forget_connection()  # else SQLite would delete the WAL of the file that is there now
        self.lock.close()


# SQLite keeps a list of the files that it has open in a process, with the locks it holds on them. A forked child
# inherits the list but not the locks: a connection that it opened then would believe itself protected, and the file
# could vanish under it. So a fork waits until SQLite is at rest, and the child begins by closing what it inherited,
# which takes it off the list and touches no file. Where SQLite was not at rest, the child must not use the file at all.
_FORK_WAIT = 1.0  # seconds

_open_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_open_readers: weakref.WeakSet[apsw.Connection] = weakref.WeakSet()
_at_rest: list[Database] = []
_inherited_paths: set[str] = set()
_inherited: list[apsw.Connection | None] = []


def _come_to_rest() -> None:
    deadline = time.monotonic() + _FORK_WAIT
    _at_rest.extend(
        database
        for database in list(_open_databases)
        if database.gate.acquire(timeout=max(0.0, deadline - time.monotonic()))
    )


def _go_on() -> None:
    while _at_rest:
        _at_rest.pop().gate.release()


def _leave_to_parent() -> None:
    """In a forked child: keep no lock of the parent's, and let go of what SQLite opened there."""
    for database in list(_open_databases):
        database.lock.close()
        connection: apsw.Connection | None = getattr(database, "connection", None)
        if database not in _at_rest or (connection is not None and connection.in_transaction):
            _inherited_paths.add(str(database.path))
            _inherited.append(connection)  # and so never closed
        elif connection is not None:
            _close_inherited(connection, str(database.path))
    for reader in list(_open_readers):
        _close_inherited(reader, reader.db_filename("main"))
    _go_on()


def _close_inherited(connection: apsw.Connection, path: str) -> None:
    try:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.close(force=True)
    except apsw.ConnectionClosedError:
        pass
    except apsw.Error:  # another thread was using it
        _inherited_paths.add(path)
        _inherited.append(connection)


def _refuse_inherited(path: Path) -> None:
    if str(path) in _inherited_paths:
        raise StoreError(
            f"cannot open {path} in this process",
            "it was forked while its parent was at work on it; others can open it",
        )


os.register_at_fork(before=_come_to_rest, after_in_parent=_go_on, after_in_child=_leave_to_parent)


def _cannot_open(path: Path, error: Exception) -> StoreError:
    return StoreError(f"cannot open {path}", str(error) or type(error).__name__)


def connect_reader(path: Path) -> apsw.Connection:
    """Open a connection that cannot write. Raises StoreError if there is no readable database.

    In a folder that cannot be written, a database that nobody writes is read as it is, without locks.
    """
    _refuse_inherited(path)
    try:
        try:
            return _open_reader(path, "mode=rw" if os.access(path, os.W_OK) else "mode=ro")
        except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.IOError):  # no -shm file can be made here, which WAL needs
            wal = path.with_name(path.name + "-wal")
            if not path.exists() or (wal.exists() and wal.stat().st_size):
                raise
            return _open_reader(path, "immutable=1")
    except (OSError, apsw.Error) as error:
        fix = "runlog doctor   # says what can be done" if isinstance(error, (*_DAMAGED, apsw.IOError)) else None
        raise StoreError(f"cannot read {path}", str(error) or type(error).__name__, fix) from error


def _open_reader(path: Path, mode: str) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_URI | (apsw.SQLITE_OPEN_READWRITE if mode == "mode=rw" else apsw.SQLITE_OPEN_READONLY)
    connection = apsw.Connection(f"file:{quote(str(path.absolute()))}?{mode}", flags=flags)
    try:
        connection.set_busy_timeout(_BUSY_MS)
        connection.execute(_READER_PRAGMAS)
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except BaseException:
        connection.close()
        raise
    _open_readers.add(connection)
    return connection
