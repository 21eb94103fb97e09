"""The queue on one connection: what all that is done to it shares.

What is done is in functions: `submitting`, `claiming`, `admission`, `resuming`, `ending`, `workforce`, `reading`,
`explaining` and others. Those that write run inside a transaction of their caller. `now` is nanoseconds since 1970 UTC.
"""

# ruff: noqa: S608 - the statements are put together from this package's own constants; values are bound

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import apsw

from runlog.engines.base import Delivery
from runlog.engines.local.rows import SELECT_RUN, whole_run
from runlog.errors import RunNotFound
from runlog.stores.base import Run
from runlog.tasks.states import Token

ACTIVE = "status IN ('EXECUTING', 'WAITING')"

Scrub = Callable[[bytes], bytes]
"""Returns a payload without secrets. Must not raise."""


@dataclass(slots=True)
class Held:
    """An attempt that this process has, with its row."""

    delivery: Delivery
    row: int


@dataclass(frozen=True, slots=True)
class Setting:
    """What is said of a queue."""

    concurrency: int | None
    paused: bool


NO_SETTING = Setting(None, paused=False)


@dataclass(slots=True)
class Effects:
    """What a transaction has changed, to be told after its commit."""

    runs: list[Run] = field(default_factory=list)
    canceled: list[tuple[str, str]] = field(default_factory=list)
    """(run id, reason) of running attempts whose cancel was asked for."""
    asked: list[str] = field(default_factory=list)
    """The runs whose stacks were asked for."""
    tokens: list[Token] = field(default_factory=list)
    """Those that have ended."""
    ready: bool = False
    """There may be more to claim, or a place to go on."""
    again: bool = False
    """There is more to do than fits one transaction."""
    erased: bool = False
    """Something was removed for good, which the WAL still has."""


class Queue:
    """A connection, in the name of one worker."""

    def __init__(self, connection: apsw.Connection, worker: str, lease: int, scrub: Scrub | None = None) -> None:
        self.connection, self.worker, self.lease, self.scrub = connection, worker, lease, scrub
        self.effects = Effects()
        self._settings: dict[str, Setting] | None = None
        self._settings_of: tuple[apsw.Connection, int] | None = None
        self._checked = False
        self.has_worker: bool | None = None
        """Whether there is a worker; None if that was not looked up in this transaction."""

    def begin(self) -> Effects:
        """A transaction, or a look, begins: nothing that was read before counts."""
        self.effects, self._checked, self.has_worker = Effects(), False, None
        return self.effects

    @property
    def settings(self) -> dict[str, Setting]:
        """What is said of queues, as of this transaction."""
        if not self._checked:
            self._checked, seen = True, (self.connection, self.data_version())
            if self._settings_of != seen:
                self._settings, self._settings_of = None, seen
        if self._settings is None:
            rows = self.rows("SELECT name, concurrency, paused FROM queue")
            self._settings = {name: Setting(concurrency, bool(paused)) for name, concurrency, paused in rows}
        return self._settings

    def forget_settings(self) -> None:
        """They were changed here, or what changed them was rolled back."""
        self._settings = None

    def limit(self, name: str) -> int | None:
        return self.settings.get(name, NO_SETTING).concurrency

    def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        return self.connection.execute(query, values).fetchall()

    def row(self, query: str, values: tuple[Any, ...] = ()) -> Any:
        """The first row, or None."""
        return next(iter(self.connection.execute(query, values).fetchall()), None)

    def value(self, query: str, values: tuple[Any, ...] = ()) -> Any:
        """The first column of the first row, or None."""
        row = self.row(query, values)
        return None if row is None else row[0]

    def find(self, run_id: str) -> int:
        """The row of a run. Raises RunNotFound."""
        return int(self.find_row("SELECT id FROM run WHERE run_id = ?", run_id)[0])

    def find_row(self, query: str, run_id: str) -> Any:
        """The row of which a query for the id of a run finds one. Raises RunNotFound."""
        try:
            row = self.row(query, (run_id,))
        except UnicodeEncodeError:  # no id has such characters
            row = None
        if row is None:
            raise not_found(run_id)
        return row

    def tell(self, row_id: int, *, payload: bool = False, metadata: bool = False) -> None:
        """The row's state is a change to be told, and with it what it touched."""
        run = whole_run(self.row(f"{SELECT_RUN} WHERE s.id = ?", (row_id,)))
        run.payload = run.payload if payload else None
        run.metadata = run.metadata if metadata else None
        run.options = None
        self.effects.runs.append(run)

    def data_version(self) -> int:
        """A number that changes when another connection has committed."""
        return int(self.connection.pragma("data_version"))


def next_values(columns: Sequence[str], where: str, fixed: int = 0) -> str:
    """A query for the values of `columns` that come next after given ones, by one seek into an index that begins with
    what `where` fixes (by ?1 to ?`fixed`) and these columns. A comparison of rows would pass all that are equal."""
    names = ", ".join(columns)
    seeks = []
    for position in range(len(columns) - 1, -1, -1):
        same = "".join(f"{column} = ?{fixed + at + 1} AND " for at, column in enumerate(columns[:position]))
        seek = f"{same}{columns[position]} > ?{fixed + position + 1}"
        order = ", ".join(columns[position:])
        seeks.append(f"SELECT * FROM (SELECT {names} FROM state WHERE {where} AND {seek} ORDER BY {order} LIMIT 1)")
    return f"{' UNION ALL '.join(seeks)} LIMIT 1"


def not_found(run_id: str) -> RunNotFound:
    return RunNotFound(f"there is no run {run_id!r} in the queue", fix="runlog runs   # lists them")
