"""What every part of the store that reads has in common: its connection, and which error says what."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import apsw

from runlog.errors import QueryTimeout, StoreError
from runlog.system.sqlite import Database

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound="Connected")

DAMAGED = (apsw.CorruptError, apsw.NotADBError)
_STEPS = 50_000
"""Of SQLite's machine (a millisecond or two) between two looks at the clock. Each needs Python's lock, which a busy
thread beside it keeps for 5 ms."""
_FIXES: dict[type[apsw.Error], str] = {
    apsw.FullError: "free space on the disk; what waits is stored then",
    apsw.IOError: "see whether the disk is full or failing; what waits is stored when it can be written again",
    apsw.BusyError: "end the program that holds the database; what waits is stored then",
    apsw.ReadOnlyError: "make the file and its folder writable",
}


class Connected:
    """A file, and the connection to read it by."""

    path: Path
    _database: Database | None
    _deadline: float | None = None

    @property
    def _connection(self) -> apsw.Connection:
        raise NotImplementedError

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """See Reader.within."""
        before, deadline = self._deadline, time.monotonic() + seconds
        self._deadline = deadline if before is None else min(before, deadline)
        try:
            self._keep_time(self._connection)
            yield
        finally:
            self._deadline = before
            if before is None:
                with suppress(StoreError):
                    self._connection.set_progress_handler(None)

    def _keep_time(self, connection: apsw.Connection) -> None:
        """Interrupt what the connection does when the time is over; for each that is opened meanwhile."""
        if self._deadline is not None:
            connection.set_progress_handler(self._is_late, _STEPS)

    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline


def reading(method: Callable[Concatenate[C, P], T]) -> Callable[Concatenate[C, P], T]:
    """Make a method that reads wait for a write in this process, and raise StoreError for SQLite's errors."""

    @wraps(method)
    def call(store: C, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if store._is_late():
            raise _too_late()
        try:
            with store._database.gate if store._database is not None else nullcontext():
                return method(store, *args, **kwargs)
        except apsw.InterruptError as error:
            raise _too_late() from error
        except apsw.Error as error:
            raise store_error(f"cannot read {store.path}", error) from error

    return call


def _too_late() -> QueryTimeout:
    return QueryTimeout(
        "reading the run log took longer than it may", "there is too much to look at", "narrow the query or the time"
    )


def store_error(what: str, error: Exception) -> StoreError:
    if isinstance(error, DAMAGED):
        return StoreError(what, f"the file is damaged: {error}", "runlog doctor   # says what can be done")
    fix = next((fix for kind, fix in _FIXES.items() if isinstance(error, kind)), None)
    return StoreError(what, str(error) or type(error).__name__, fix)
