"""Failed runs and logged exceptions as groups: read once, kept as short notes, and carried on with what is new."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from runlog.reading.fingerprints import fingerprint
from runlog.stores.base import Reader
from runlog.stores.failures import FailedRun, LoggedError

MOST = 200_000
"""Notes that are kept, the newest: about 40 MB."""
_AT_ONCE = 500
_MESSAGE = 500
_CHAIN = 30


class _Frame(msgspec.Struct):
    file: Any = ""
    function: Any = ""


class _Exception(msgspec.Struct):
    """What of a stored exception tells it from others."""

    type: Any = ""
    message: Any = ""
    frames: list[_Frame] = []
    cause: _Exception | None = None
    context: _Exception | None = None


class _Error(msgspec.Struct):
    type: Any = ""
    message: Any = ""
    exception: _Exception | None = None


_read_error = msgspec.json.Decoder(_Error).decode
_read_exception = msgspec.json.Decoder(_Exception).decode


@dataclass(slots=True, frozen=True)
class Kind:
    """What the occurrences of a group have in common."""

    fingerprint: str
    type: str


@dataclass(slots=True)
class Note:
    """One occurrence: a run that failed, or a log with an exception."""

    kind: Kind
    time: int
    run_id: str | None
    task: str | None
    event_id: int | None
    """Of the log; None for a run."""
    message: str
    title: int
    """A number for its type and message: the same failure has the same one."""


@dataclass(slots=True)
class Found:
    """The occurrences of a time, each failure once, and how far back they were looked for."""

    notes: list[Note]
    searched_to: int | None


@dataclass(slots=True)
class FailureIndex:
    """Notes of the failures in one log. Each call brings what is new, and looks further back. One thread at a time."""

    _runs: dict[str, Note] = field(default_factory=dict)
    _titles: dict[str, frozenset[int]] = field(default_factory=dict)
    """Of each failed run, its exception and those that led to it."""
    _logs: dict[int, Note] = field(default_factory=dict)
    _kinds: dict[tuple[str, str], Kind] = field(default_factory=dict)
    _change: int = -1
    _event: int = 0
    _before: tuple[int, int] | None = None
    """Where the walk back over runs has come; None before it began."""
    _below: int = 0
    _reached: tuple[int, int] = (0, 0)
    """The times that the walks over runs and over logs have come back to; 0: to the end."""
    _is_full: bool = False

    def find(self, reader: Reader, start: int, end: int, budget: float) -> Found:
        """The occurrences from `start` up to `end` (ns), the last first; it looks for so many seconds."""
        deadline = clock.monotonic() + budget
        times = reader.run_times()
        start = start if times is None else max(start, times[0])  # what is older was deleted
        self._carry_on(reader)
        self._look_back(reader, start, deadline)
        notes = [note for note in self._distinct() if start <= note.time < end]
        reached = max(self._reached)
        notes.sort(key=lambda note: note.time, reverse=True)
        return Found(notes, reached if reached > start else None)

    def _carry_on(self, reader: Reader) -> None:
        event, change = reader.position()
        if event < self._event or change < self._change:  # another log is in its place
            self._forget()
        if self._change < 0:
            self._change, self._event, self._below = change, event, event + 1
            now = clock.time_ns()
            self._reached = (now, now)
            return
        while change > self._change:
            runs = reader.runs_failed_since(self._change, limit=_AT_ONCE)
            for run in runs:
                self._add_run(run)
            self._change = runs[-1].change if len(runs) == _AT_ONCE else change
        below: int | None = event + 1
        while below is not None:
            logs = reader.logged_errors(above=self._event, below=below, limit=_AT_ONCE)
            for logged in logs:
                self._add_log(logged)
            below = logs[-1].id if len(logs) == _AT_ONCE else None
        self._event = event
        if len(self._runs) + len(self._logs) > MOST:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        """A tenth of what is kept; it is not looked for again."""
        times = sorted(note.time for note in (*self._runs.values(), *self._logs.values()))
        oldest = times[MOST // 10]
        self._runs = {key: note for key, note in self._runs.items() if note.time >= oldest}
        self._titles = {key: titles for key, titles in self._titles.items() if key in self._runs}
        self._logs = {key: note for key, note in self._logs.items() if note.time >= oldest}
        self._reached, self._is_full = (oldest, oldest), True

    def _forget(self) -> None:
        self._runs, self._titles, self._logs, self._kinds = {}, {}, {}, {}
        self._change, self._event, self._before, self._is_full = -1, 0, None, False

    def _look_back(self, reader: Reader, start: int, deadline: float) -> None:
        """Over runs and over logs in turn, whichever lies further on."""
        while max(self._reached) > start and clock.monotonic() < deadline:
            if self._is_full or len(self._runs) + len(self._logs) >= MOST:
                self._is_full = True
                return
            runs, logs = self._reached
            if runs >= logs:
                self._reached = (self._older_runs(reader), logs)
            else:
                self._reached = (runs, self._older_logs(reader))

    def _older_runs(self, reader: Reader) -> int:
        found = reader.failed_runs(self._before, limit=_AT_ONCE)
        for run in found:
            self._add_run(run)
        if len(found) < _AT_ONCE:
            return 0
        self._before = (found[-1].created, found[-1].number)
        return found[-1].created

    def _older_logs(self, reader: Reader) -> int:
        found = reader.logged_errors(below=self._below, limit=_AT_ONCE)
        for logged in found:
            self._add_log(logged)
        if len(found) < _AT_ONCE:
            return 0
        self._below = found[-1].id
        return found[-1].time

    def _add_run(self, run: FailedRun) -> None:
        error = _decoded(_read_error, run.error, _Error(run.status.replace("_", " ").capitalize(), run.reason or ""))
        kind, message, exception = str(error.type), str(error.message), error.exception
        frames = exception.frames if exception is not None else []
        name = kind.rpartition(".")[2] or "Exception"
        note = self._note(name, message, frames, run.task)
        note.time, note.run_id, note.task = run.ended, run.run_id, run.task
        self._runs[run.run_id] = note
        titles = (_title(item) for item in _chain(exception)) if exception is not None else ()
        self._titles[run.run_id] = frozenset((note.title, *titles))

    def _add_log(self, logged: LoggedError) -> None:
        if logged.exception is None:
            return
        exception = _decoded(_read_exception, logged.exception, _Exception("Exception"))
        note = self._note(str(exception.type), str(exception.message), exception.frames, logged.task or "")
        note.time, note.run_id, note.task, note.event_id = logged.time, logged.run_id, logged.task, logged.id
        self._logs[logged.id] = note

    def _note(self, name: str, message: str, frames: list[_Frame], task: str) -> Note:
        places = ((str(frame.file), str(frame.function)) for frame in frames)
        known = (fingerprint(name, message, places, task), name)
        kind = self._kinds.setdefault(known, Kind(*known))
        return Note(kind, 0, None, None, None, message[:_MESSAGE], hash((name, message)))

    def _distinct(self) -> Iterator[Note]:
        """A log of the exception by which its run then failed is the same failure."""
        yield from self._runs.values()
        for note in self._logs.values():
            if note.run_id is None or note.title not in self._titles.get(note.run_id, ()):
                yield note


def _decoded(decode: Callable[[str], Any], text: str | None, other: Any) -> Any:
    try:
        return other if text is None else decode(text)
    except msgspec.ValidationError:  # of another form than ours
        return other


def _chain(exception: _Exception) -> list[_Exception]:
    chain = [exception]
    for item in chain:  # grows while it is read
        if len(chain) < _CHAIN:
            chain += [below for below in (item.cause, item.context) if below is not None]
    return chain


def _title(exception: _Exception) -> int:
    return hash((str(exception.type).rpartition(".")[2], str(exception.message)))
