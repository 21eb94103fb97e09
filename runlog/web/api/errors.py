"""Failures in groups: the runs that failed, and the exceptions that were logged."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from runlog.reading.failures import FailureIndex, Note
from runlog.reading.frames import with_homes
from runlog.stores.base import Reader
from runlog.stores.failures import FAILED
from runlog.stores.query import And, Node, Or, Phrase, Query, Term, Word, parse
from runlog.web.api.lists import ASKED, time_asked
from runlog.web.api.run import link_to
from runlog.web.api.types import ErrorDetail, ErrorGroup, ErrorsPage, Occurrence, Problem
from runlog.web.endpoint import Call, Endpoint, Parameter, Refused

SLICES = 24
"""Of a sparkline."""
OCCURRENCES = 100
_TASKS = 10
_SECONDS, _QUERY_SECONDS, _LOOKING = 2.5, 0.4, 1.0
_WEEK = 7 * 86_400 * 10**9
_MOST_RUNS = 20_000
_MOST_LOGS = 5000

Groups = dict[str, list[Note]]


class _Asked:
    """The failures of a time that a query is about, in groups."""

    def __init__(self, reader: Reader, index: FailureIndex, call: Call) -> None:
        start, end = time_asked(call)
        self.end = time.time_ns() + 1 if end is None else end
        self.start = self.end - _WEEK if start is None else start
        times = reader.run_times()
        if times is not None:
            self.start = min(max(self.start, times[0]), self.end - 1)  # nothing is older
        found = index.find(reader, self.start, self.end, _LOOKING)
        self.searched_to = found.searched_to
        notes = found.notes
        query = parse(call.text("q"))
        if query.node is not None:
            notes = self._matching(reader, query.node, notes)
        self.groups: Groups = {}
        for note in notes:
            self.groups.setdefault(note.kind.fingerprint, []).append(note)

    def _matching(self, reader: Reader, node: Node, notes: Sequence[Note]) -> list[Note]:
        """Those that the query finds; its words may also be of the type or the message of the exception itself."""
        parts = list(node.nodes) if isinstance(node, And) else [node]
        words = [part.text.casefold() for part in parts if isinstance(part, Word | Phrase)]
        rest = [part for part in parts if not isinstance(part, Word | Phrase)]
        wanted = set(map(id, self._found(reader, node, notes)))
        if words:
            told = [note for note in notes if all(word in _title(note) for word in words)]
            among = told if not rest or not told else self._found(reader, And(tuple(rest)), told)
            wanted.update(map(id, among))
        return [note for note in notes if id(note) in wanted]

    def _found(self, reader: Reader, node: Node, notes: Sequence[Note]) -> list[Note]:
        runs, logs = self._runs(reader, node), self._logs(reader, node)
        return [note for note in notes if (note.run_id in runs if note.event_id is None else note.event_id in logs)]

    def _runs(self, reader: Reader, node: Node) -> set[str]:
        failed = Or(tuple(Term("run.status", "=", status) for status in FAILED))
        query = _query(And((node, failed)))
        found: set[str] = set()
        cursor, deadline = None, time.monotonic() + _QUERY_SECONDS
        while True:
            page = reader.runs(query, cursor=cursor, limit=1000)
            found.update(run.run_id for run in page.items)
            cursor = page.cursor
            if cursor is None:
                return found
            if len(found) >= _MOST_RUNS or page.searched_to is not None or time.monotonic() > deadline:
                last = page.items[-1].created if page.items else page.searched_to
                self._stopped_at(last if page.searched_to is None else page.searched_to)
                return found

    def _logs(self, reader: Reader, node: Node) -> set[int]:
        terms = (node, Term("kind", "=", "log"), Term("level", ">=", "error"))
        page = reader.search(_query(And(terms)), limit=_MOST_LOGS, budget=_QUERY_SECONDS)
        if page.cursor is not None:
            self._stopped_at(page.items[-1].time if page.searched_to is None else page.searched_to)
        return {event.id for event in page.items}

    def _stopped_at(self, at: int | None) -> None:
        if at is not None and at > self.start:
            self.searched_to = max(at, self.searched_to or 0)

    def group(self, reader: Reader, notes: Sequence[Note]) -> ErrorGroup:
        """What a group's notes, the last first, are together."""
        newest = notes[0]
        run_ids = {note.run_id for note in notes if note.run_id is not None}
        tasks = Counter(note.task for note in notes if note.task)
        name = None if newest.run_id is None else reader.names([newest.run_id]).get(newest.run_id)
        return ErrorGroup(
            fingerprint=newest.kind.fingerprint,
            type=newest.kind.type,
            message=newest.message,
            kind="run" if any(note.event_id is None for note in notes) else "log",
            count=len(notes),
            runs=len(run_ids),
            first=notes[-1].time / 1e6,
            last=newest.time / 1e6,
            tasks=[task for task, _ in tasks.most_common(_TASKS)],
            spark=self._spark(notes),
            newest=None if name is None else link_to(name),
            newest_event=newest.event_id,
        )

    def _spark(self, notes: Sequence[Note]) -> list[int]:
        counts, width = [0] * SLICES, max(1, self.end - self.start)
        for note in notes:
            counts[(note.time - self.start) * SLICES // width] += 1
        return counts

    @property
    def searched_to_ms(self) -> float | None:
        return None if self.searched_to is None else self.searched_to / 1e6


def _title(note: Note) -> str:
    return f"{note.kind.type}: {note.message}".casefold()


def _query(node: Node) -> Query:
    return Query(str(node), node)


def errors_page(reader: Reader, index: FailureIndex, call: Call) -> ErrorsPage:
    """The groups, that which happened last first."""
    asked = _Asked(reader, index, call)
    chosen = sorted(asked.groups.values(), key=lambda notes: notes[0].time, reverse=True)
    limit = call.parameters["limit"]
    groups = [asked.group(reader, notes) for notes in chosen[:limit]]
    return ErrorsPage(asked.start / 1e6, asked.end / 1e6, groups, len(chosen), asked.searched_to_ms)


def error_detail(reader: Reader, index: FailureIndex, call: Call) -> ErrorDetail:
    """One group with its last occurrences. Raises Refused."""
    asked = _Asked(reader, index, call)
    notes = asked.groups.get(call.path["fingerprint"])
    if notes is None:
        what = "nothing failed like this in the time asked for"
        raise Refused(404, Problem("not-found", what, "its runs may have been deleted", "ask for a longer time"))
    shown = notes[:OCCURRENCES]
    names = reader.names([note.run_id for note in shown if note.run_id is not None])
    occurrences = [
        Occurrence(
            note.time / 1e6,
            link_to(names[note.run_id]) if note.run_id in names else None,
            note.event_id,
            note.message,
        )
        for note in shown
    ]
    return ErrorDetail(
        asked.group(reader, notes),
        _exception(reader, notes[0]),
        occurrences,
        asked.start / 1e6,
        asked.end / 1e6,
        asked.searched_to_ms,
    )


def _exception(reader: Reader, note: Note) -> dict[str, Any] | None:
    if note.event_id is not None:
        found = (reader.event(note.event_id).extra or {}).get("exception")
    else:
        found = (reader.run(note.run_id or "", data=False).error or {}).get("exception")
    return with_homes(found) if isinstance(found, dict) else None


async def errors(call: Call) -> ErrorsPage:
    index = call.services.failures
    async with call.services.grouping:
        return await call.read(lambda reader: errors_page(reader, index, call), seconds=_SECONDS)


async def error(call: Call) -> ErrorDetail:
    index = call.services.failures
    async with call.services.grouping:
        return await call.read(lambda reader: error_detail(reader, index, call), seconds=_SECONDS)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/errors",
        errors,
        "view",
        "Failed runs and logged exceptions, grouped. `from` (a week ago) and `to` are about when they happened.",
        ErrorsPage,
        parameters=(*ASKED, Parameter("limit", "integer", "Groups at most.", 200, 1, 1000)),
    ),
    Endpoint(
        "GET",
        "/api/errors/{fingerprint}",
        error,
        "view",
        "One group of errors, with its last occurrences.",
        ErrorDetail,
        parameters=ASKED,
    ),
)
