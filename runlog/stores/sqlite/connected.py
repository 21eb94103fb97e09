"""What every part of the store that reads has in common: its connection, and which error says what."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import apsw

from runlog.errors import StoreError
from runlog.system.sqlite import Database

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound="Connected")

DAMAGED = (apsw.CorruptError, apsw.NotADBError)
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

    @property
    def _connection(self) -> apsw.Connection:
        raise NotImplementedError


def reading(method: Callable[Concatenate[C, P], T]) -> Callable[Concatenate[C, P], T]:
    """Make a method that reads wait for a write in this process, and raise StoreError for SQLite's errors."""

    @wraps(method)
    def call(store: C, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            with store._database.gate if store._database is not None else nullcontext():
                return method(store, *args, **kwargs)
        except apsw.Error as error:
            raise store_error(f"cannot read {store.path}", error) from error

    return call


def store_error(what: str, error: Exception) -> StoreError:
    if isinstance(error, DAMAGED):
        return StoreError(what, f"the file is damaged: {error}", "runlog doctor   # says what can be done")
    fix = next((fix for kind, fix in _FIXES.items() if isinstance(error, kind)), None)
    return StoreError(what, str(error) or type(error).__name__, fix)
