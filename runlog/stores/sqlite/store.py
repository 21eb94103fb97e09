"""The store itself: which connection, which error, which part does the work."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TypeVar

import apsw

from runlog.errors import StoreError
from runlog.stores.base import Batch, Event, Page, Pruned, Run, Statistics
from runlog.stores.evaluate import matches
from runlog.stores.query import Query, Term, leaves
from runlog.stores.sqlite import read, retention, run_list, search
from runlog.stores.sqlite.connected import DAMAGED, reading, store_error
from runlog.stores.sqlite.failures import FailureViews
from runlog.stores.sqlite.listing import ListViews
from runlog.stores.sqlite.repair import repair_batch
from runlog.stores.sqlite.rows import fetch
from runlog.stores.sqlite.schema import APPLICATION_ID, MIGRATIONS
from runlog.stores.sqlite.views import RunViews
from runlog.stores.sqlite.write import end_open_spans, store_batch
from runlog.system.sqlite import Database, connect_reader
from runlog.system.write_lock import file_identity

T = TypeVar("T")

_SPANS_A_TRANSACTION = 1000
_UNFIT_VALUE = (apsw.TooBigError, apsw.ConstraintError, apsw.MismatchError, apsw.RangeError)


class SQLiteStore(RunViews, ListViews, FailureViews):
    """A Store in the SQLite file at `path`, or with `readonly` a Reader of it. One thread uses it, one process.

    A writing store creates what is missing. A file that is damaged or foreign is moved aside, never deleted, and a new
    one started, also when the damage shows only while writing: `moved_aside` then names the old one. Raises StoreTooNew
    and StoreError.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self.path = path
        self._database: Database | None = None
        self._reader: apsw.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._tail: tuple[int, int] | None = None
        self._written = False
        if readonly:
            self._open_reader()
        else:
            self._database = Database(path, APPLICATION_ID, MIGRATIONS)

    @property
    def moved_aside(self) -> Path | None:
        """Where the damaged or foreign file went that this store found in its place, or None."""
        return self._database.moved_aside if self._database else None

    # --- writing

    def write(self, batch: Batch) -> None:
        """See Store.write. A record that cannot be stored as it is is changed until it can (see `repair`).

        Raises the error of a value for which that does not help: the batch can be stored without that record.
        """
        if not batch and not batch.positions and not batch.closed_segments:
            return
        try:
            first = self._change(lambda connection: store_batch(connection, batch))
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - a value's own error, whatever it is: find it and store the rest
            repair_batch(batch)
            first = self._change(lambda connection: store_batch(connection, batch))
        for number, event in enumerate(batch.events, first):
            event.id = number
        self._written = True
        self._maintaining(self._writable.checkpoint_if_due)

    def close_spool(self, spool_id: str, last_seen: int) -> list[Event]:
        """See Store.close_spool. A thousand spans a transaction: after a kill the next call does the rest."""
        ended: list[Event] = []
        while True:
            some = self._change(
                lambda connection: end_open_spans(connection, spool_id, last_seen, _SPANS_A_TRANSACTION)
            )
            ended += some
            if len(some) < _SPANS_A_TRANSACTION:
                break
        self._change(lambda connection: connection.execute("DELETE FROM position WHERE spool = ?", (spool_id,)))
        self._change(lambda connection: connection.execute("DELETE FROM open_span WHERE spool = ?", (spool_id,)))
        self._written = True
        return ended

    def prune(self, *, older_than: int | None = None, max_size: int | None = None) -> Pruned:
        """See Store.prune. Events of no run go by the same rules."""
        steps = self.prune_steps(older_than=older_than, max_size=max_size)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                pruned: Pruned = end.value
                return pruned

    def prune_steps(
        self, *, older_than: int | None = None, max_size: int | None = None
    ) -> Generator[None, None, Pruned]:
        """See Store.prune_steps. A step is a transaction of about a thousand events."""
        try:
            return (yield from retention.prune(self._writable, older_than, max_size))
        except (apsw.Error, OSError) as error:
            raise store_error(f"cannot prune {self.path}", error) from error

    def maintain(self) -> None:
        """See Store.maintain. Empties the WAL; costs nothing where nothing was written since. Never raises."""
        if self._written:
            self._written = False
            self._maintaining(lambda: self._writable.checkpoint(truncate=True))

    def _maintaining(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (apsw.Error, OSError):
            self._written = True  # nothing is lost by it: later again

    def _change(self, work: Callable[[apsw.Connection], T]) -> T:
        """Do work in a transaction; in a damaged file once more, after a new one is in its place."""
        for last in (False, True):
            try:
                with self._writable.transaction() as connection:
                    return work(connection)
            except _UNFIT_VALUE:
                raise
            except DAMAGED as error:
                if last:
                    raise store_error(f"cannot write {self.path}", error) from error
                self._writable.replace_damaged()
            except (apsw.Error, OSError) as error:
                raise store_error(f"cannot write {self.path}", error) from error
        raise AssertionError("unreachable")

    @property
    def _writable(self) -> Database:
        if self._database is None:
            raise StoreError(f"cannot write {self.path}", "it was opened for reading")
        return self._database

    # --- reading

    @property
    def _connection(self) -> apsw.Connection:
        if self._database is not None:
            return self._database.connection
        if self._reader is None or file_identity(self.path) != self._file:
            self._open_reader()
        assert self._reader is not None
        return self._reader

    def _open_reader(self) -> None:
        """Open the file for reading, again if it was replaced meanwhile."""
        if self._reader is not None:
            self._reader.close()
        self._reader = self._tail = None
        self._file = file_identity(self.path)
        if self._file is None:
            raise StoreError(
                "nothing has been recorded here yet",
                f"there is no {self.path}",
                "runlog demo   # or run a task, then look again",
            )
        self._reader = self._connect_reader()
        self._keep_time(self._reader)

    def _connect_reader(self) -> apsw.Connection:
        connection = connect_reader(self.path)
        version, kind = int(connection.pragma("user_version")), int(connection.pragma("application_id"))
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
        if version == len(MIGRATIONS) and kind == APPLICATION_ID:
            return connection
        connection.close()
        if kind != APPLICATION_ID and (kind or version or tables):
            raise StoreError(f"cannot read {self.path}", "the file is a database of another program")
        # Older, newer, or just being made by another process: as for a writer.
        Database(self.path, APPLICATION_ID, MIGRATIONS).close()
        self._file = file_identity(self.path)
        return connect_reader(self.path)

    @reading
    def positions(self, spool_id: str) -> dict[int, int]:
        sql = "SELECT segment, offset FROM position WHERE spool = ?"
        return {row[0]: row[1] for row in fetch(self._connection, sql, (spool_id,))}

    @reading
    def runs(
        self, query: Query | None = None, *, cursor: str | None = None, limit: int = 50, budget: float = 0.3
    ) -> Page[Run]:
        return run_list.list_runs(self._connection, query, cursor, max(1, limit), budget)

    @reading
    def run(self, run_id: str, *, data: bool = True) -> Run:
        return read.find_run(self._connection, run_id, data=data)

    @reading
    def events(self, run_id: str | None, *, after: int = 0, limit: int = 10_000) -> list[Event]:
        return read.run_events(self._connection, run_id, after, limit)

    @reading
    def search(
        self, query: Query | None, *, cursor: str | None = None, limit: int = 100, budget: float = 0.3
    ) -> Page[Event]:
        return search.search_events(self._connection, query, cursor, max(1, limit), budget)

    @reading
    def tail(self, query: Query | None, *, after: int, limit: int = 2000) -> tuple[list[Event], int]:
        """See Reader.tail. Spans show when they start (`open`) and again when they end.

        Where nothing was written since the last call it costs microseconds. If the log was started anew meanwhile, it
        goes on from the new beginning.
        """
        connection = self._connection
        data_version = int(connection.pragma("data_version"))  # changes with another connection's commit
        if self._database is None and self._tail == (data_version, after):
            return [], after
        rows = read.events_after(connection, after, limit)
        if not rows and read.last_event_id(connection) < after:
            after = 0
            rows = read.events_after(connection, after, limit)
        after = rows[-1][0].id if rows else after
        self._tail = None if len(rows) == limit else (data_version, after)
        node = query.node if query else None
        if node is None:
            return [event for event, _ in rows], after
        about_runs = any(isinstance(leaf, Term) and leaf.field.scope == "run" for leaf in leaves(node))
        checker = search.Checker(connection, node, exact=False)
        found = [event for event, run in rows if matches(node, event, checker.run(run) if about_runs else None)]
        return found, after

    @reading
    def last_event_id(self) -> int:
        return read.last_event_id(self._connection)

    @reading
    def arrivals(self, *, after: int | None, limit: int = 2000) -> tuple[list[Run], int]:
        return read.arrivals(self._connection, after, limit)

    @reading
    def versions(self, run_ids: Sequence[str]) -> dict[str, int]:
        return read.versions(self._connection, run_ids)

    @reading
    def keys(self, prefix: str = "", limit: int = 50) -> list[str]:
        return read.keys(self._connection, prefix, limit)

    @reading
    def values(self, key: str, prefix: str = "", limit: int = 50) -> list[str]:
        return read.values(self._connection, key, prefix, limit)

    @reading
    def statistics(self) -> Statistics:
        """See Reader.statistics. `events` are logs and ended spans."""
        connection = self._connection
        [(runs, events, open_spans)] = fetch(
            connection,
            "SELECT (SELECT count(*) FROM run WHERE version > 0), (SELECT coalesce(sum(count), 0) FROM tally),"
            " (SELECT count(*) FROM open_span)",
        )
        wal = self.path.with_name(self.path.name + "-wal")
        size = sum(path.stat().st_size for path in (self.path, wal) if path.exists())
        return Statistics(runs, events, open_spans, size, int(connection.pragma("user_version")))

    def close(self) -> None:
        """Close the file. What was written is in it already."""
        if self._database is not None:
            self._database.close()
        if self._reader is not None:
            self._reader.close()
            self._reader = None
