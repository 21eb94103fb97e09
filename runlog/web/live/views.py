"""What a stream sends: for each view of the page, what is new in the log after a position.

Nothing is queued for a client: each step reads the store. So a client that is slow costs nothing, and one that comes
back gets exactly what it lacks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import msgspec

from runlog.config import Settings
from runlog.errors import QueryTimeout
from runlog.reading.asofnow import explained
from runlog.stores.base import TERMINAL_STATUSES, Reader, Run
from runlog.stores.query import And, Node, Not, Or, Query, Term
from runlog.web.api.logs import log_rows
from runlog.web.api.rows import rows_of
from runlog.web.api.run import run_delta
from runlog.web.api.trace import trace_page
from runlog.web.api.types import LogsDelta, RunsDelta, Skip, Tick
from runlog.web.live.messages import Message
from runlog.web.live.position import Position

BEHIND = 5000
"""Records that a list is sent one by one; further behind it jumps, and says how many it left out."""
LINES = 500
"""Log lines in one message."""
ROWS = 500
"""Changed runs in one message."""
SEARCHED = 50
"""Changed runs whose events are searched in one step."""
TRACE_ROWS = 5_000
"""Rows of a trace in one message: they are read well within the time of a step, also on a busy machine."""
_ENDED = sorted(TERMINAL_STATUSES)


@dataclass(slots=True)
class Step:
    """What to send, and where the client then is."""

    messages: list[Message]
    position: Position
    more: bool = False
    """There is more already: no need to wait for a change."""
    ended: bool = False
    """The stream has to end here."""


class View(Protocol):
    """One of the page's views."""

    pause: float
    """Seconds between two messages, at least."""
    over: bool
    """As of the last step, nothing more is expected."""

    def advance(self, reader: Reader, position: Position) -> Step:
        """Read what is new after a position; in a thread."""
        ...


class Empty(msgspec.Struct):
    """Nothing to say beside the event's name."""


@dataclass(slots=True)
class RunView:
    """A run's trace, its row and headline, and the rows of its child runs."""

    settings: Settings
    run_id: str
    pause: float = 0.05
    over: bool = False
    _told: tuple[object, ...] = ()

    def advance(self, reader: Reader, position: Position) -> Step:
        newest = Position(*reader.position())
        run = reader.run(self.run_id)
        page = trace_page(reader, run, position.event, TRACE_ROWS)
        event = page.cursor if page.more else max(page.cursor, newest.event)
        changed, change = reader.changes(position.change, ROWS)
        some = len(changed) == ROWS
        reached = Position(event, change if some else max(change, newest.change))
        messages = []
        if page.count:
            messages.append(Message("trace", page, reached))
        told = (run.version, run.spans, run.logs, run.errors, run.warnings)
        if told != self._told:
            self._told = told
            messages.append(Message("run", run_delta(reader, self.settings, run), reached))
        children = rows_of([child for child in changed if child.parent_run_id == run.run_id])
        if children:
            messages.append(Message("runs", RunsDelta(children, []), reached))
        self.over = run.is_terminal and not _has_open_children(reader, run)
        return Step(messages, reached, more=page.more or some)


def _has_open_children(reader: Reader, run: Run) -> bool:
    node = And((Term("run.parent", "=", run.run_id), Not(Or(tuple(Term("status", "=", name) for name in _ENDED)))))
    return bool(reader.runs(Query(str(node), node), limit=1).items)


@dataclass(slots=True)
class RunsView:
    """The rows of runs that changed: those that match, and those that match no longer."""

    settings: Settings
    query: Query | None
    columns: tuple[str, ...] = ()
    pause: float = 0.25
    over: bool = False

    def advance(self, reader: Reader, position: Position) -> Step:
        newest = Position(*reader.position())
        behind = newest.change - position.change
        if behind > BEHIND:
            return Step([Message("skip", Skip(behind), newest)], newest)
        limit = SEARCHED if self.query is not None and self.query.needs_event else ROWS
        changed, change = reader.changes(position.change, limit)
        some = len(changed) == limit
        reached = Position(newest.event, change if some else max(change, newest.change))
        if not changed:
            return Step([], reached)
        try:
            matching = self._matching(reader, changed)
        except QueryTimeout:  # it would not be done the next time either
            return Step([Message("skip", Skip(behind), newest)], newest)
        rows = rows_of(explained(self.settings, matching), self.columns, reader)
        kept = {run.run_id for run in matching}
        gone = [run.run_id for run in changed if run.run_id not in kept] if self.query is not None else []
        return Step([Message("runs", RunsDelta(rows, gone), reached)], reached, more=some)

    def _matching(self, reader: Reader, changed: list[Run]) -> list[Run]:
        if self.query is None or self.query.node is None:
            return [run for run in changed if run.version > 0]
        these: list[Node] = [Term("run.id", "=", run.run_id) for run in changed]
        node = And((self.query.node, these[0] if len(these) == 1 else Or(tuple(these))))
        found, cursor = list[Run](), None
        while True:  # who was not looked at yet is not one that matches no longer
            page = reader.runs(Query(str(node), node), cursor=cursor, limit=ROWS)
            found += page.items
            cursor = page.cursor
            if cursor is None:
                return found


@dataclass(slots=True)
class LogsView:
    """New log lines that match."""

    query: Query | None
    pause: float = 0.05
    over: bool = False

    def advance(self, reader: Reader, position: Position) -> Step:
        newest = Position(*reader.position())
        behind = newest.event - position.event
        if behind > BEHIND:
            return Step([Message("skip", Skip(behind), newest)], newest)
        events, after = reader.tail(self.query, after=position.event, limit=LINES)
        reached = Position(after if after > position.event else newest.event, newest.change)
        lines = log_rows(reader, [event for event in events if event.kind != "open"])
        messages = [Message("logs", LogsDelta(lines), reached)] if lines else []
        return Step(messages, reached, more=newest.event > reached.event)


@dataclass(slots=True)
class TickView:
    """That something changed: for what is read anew as a whole."""

    pause: float = 1.0
    over: bool = False

    def advance(self, reader: Reader, position: Position) -> Step:
        newest = Position(*reader.position())
        return Step([Message("tick", Tick(str(newest)), newest)] if newest != position else [], newest)
