"""How far the log of some runs has been told, and what is to be told next."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from runlog.executor.records import SOURCE, reason_level
from runlog.stores.base import TERMINAL_STATUSES, Event, Reader, Run
from runlog.stores.query import And, Not, Or, Query, Term
from runlog.tasks.submitter import News

_ENDED = Or(tuple(Term("status", "=", status) for status in sorted(TERMINAL_STATUSES)))
_AT_ONCE = 2000
"""Events of a run in one look, at most."""
_SETTLED = 2.0
"""Seconds without an event after which a run that has ended has told all, though its attempt's end is missing."""
_REMEMBERED = 10_000
"""Runs that ended, or are none of those asked for, of which a subscription by tag remembers that."""


class _Followed:
    """One run."""

    def __init__(self, run_id: str, after: int = 0) -> None:
        self.run_id, self.after = run_id, after
        self.run: Run | None = None
        """As it was last told, or, if it has ended, is to be told at last."""
        self.over = False
        self._open: set[bytes] = set()
        self._attempts: set[str] = set()
        self._reasons: set[int] = set()
        self._quiet_since = 0.0

    @property
    def version(self) -> int:
        return self.run.version if self.run is not None else 0

    def change(self, run: Run) -> list[News]:
        """Take a newer state in. That of a run that has ended is told last, by `end`."""
        self.run, self._quiet_since = run, time.monotonic()
        return [] if run.is_terminal else [News(run)]

    def tell(self, events: Iterable[Event]) -> list[News]:
        news = []
        for event in events:
            assert self.run is not None
            self._learn(event)
            self.after, self._quiet_since = event.id, time.monotonic()
            news.append(News(self.run, event))
        return news

    def _learn(self, event: Event) -> None:
        if event.kind == "log":
            if event.name == SOURCE:
                self._reasons.add(event.time)
        elif event.span_id is not None:
            if event.kind == "open":
                self._open.add(event.span_id)
            else:
                self._open.discard(event.span_id)
                self._attempts.add(event.name)

    def end(self) -> list[News]:
        """The run's last state, if it has ended and all its records were told."""
        run = self.run
        if self.over or run is None or not run.is_terminal:
            return []
        if not self._is_complete(run) and time.monotonic() - self._quiet_since < _SETTLED:
            return []
        self.over = True
        return [News(run)]

    def _is_complete(self, run: Run) -> bool:
        """Whether the last records that an ended run has were told: a span's end is stored after all that was in it."""
        if self._open or (run.attempt and f"Attempt {run.attempt}" not in self._attempts):
            return False
        return not run.reason or reason_level(run) is None or run.changed in self._reasons


class RunFeed:
    """Follows some runs from their beginning until all have ended."""

    def __init__(self, run_ids: Sequence[str]) -> None:
        self._runs = {run_id: _Followed(run_id) for run_id in run_ids}
        self._news: list[News] = []
        self._newest = 0
        self.more = False
        """The last look left something for the next one."""

    @property
    def waiting(self) -> list[str]:
        return [run_id for run_id, followed in self._runs.items() if not followed.over]

    @property
    def done(self) -> bool:
        return not self.waiting

    def look(self, log: Reader) -> list[News]:
        """What is new. What was found before an error is told by the next look. Raises StoreError."""
        newest, waiting = log.last_event_id(), self.waiting
        if newest < self._newest:  # the log was deleted and started anew
            for followed in self._runs.values():
                followed.after = 0
        versions = log.versions(waiting)
        self.more = False
        for followed in map(self._runs.__getitem__, waiting):
            if versions.get(followed.run_id, 0) > followed.version:
                self._news += followed.change(log.run(followed.run_id))
            elif newest == self._newest:
                self._news += followed.end()
                continue
            self.more |= self._read(log, followed)
        self._newest = -1 if self.more else newest
        news, self._news = self._news, []
        return news

    def _read(self, log: Reader, followed: _Followed) -> bool:
        """Tell the next events of a run whose own record is stored; True if there are more."""
        if followed.run is None:
            return False
        events = log.events(followed.run_id, after=followed.after, limit=_AT_ONCE)
        self._news += followed.tell(events)
        if len(events) == _AT_ONCE:
            return True
        self._news += followed.end()
        return False

    def give_up(self, run: Run) -> bool:
        """Leave a run whose end the log will not tell; False if it is the log that knows best."""
        followed = self._runs[run.run_id]
        if followed.over or followed.version >= run.version:
            return False
        followed.over = True
        return True


class TagFeed:
    """Follows every run that has some tags, from the first look on."""

    def __init__(self, tags: tuple[str, ...], *, whole: bool) -> None:
        """`whole`: there is no log yet, so all that will be in it is new."""
        self._tags = frozenset(tags)
        self._start: int | None = 0 if whole else None
        self._after = self._number = 0
        self._runs: dict[str, _Followed] = {}
        self._others: dict[str, int] = {}
        """Run id → the version in which the run did not have the tags; 0 where it was not known yet."""
        self._news: list[News] = []
        self.more = False

    def look(self, log: Reader) -> list[News]:
        """See RunFeed.look."""
        if self._start is None:
            self._begin(log)
            return []
        arrived, number = log.arrivals(after=self._number)
        events, after = log.tail(None, after=self._after)
        if after < self._after:  # the log was deleted and started anew
            self._start = self._after = number = 0
            for followed in self._runs.values():
                followed.after = 0
        self._consider({run.run_id for run in arrived} | self._strangers(events), log, self._start or 0)
        for followed in self._open_runs(log):
            self._news += followed.change(log.run(followed.run_id))
        self.more = after != self._after or number != self._number
        self._number, self._after = number, after
        self._tell(events)
        for followed in self._runs.values():
            self._news += followed.end()
        self._forget()
        news, self._news = self._news, []
        return news

    def _begin(self, log: Reader) -> None:
        _, self._number = log.arrivals(after=None)
        self._start = self._after = log.last_event_id()
        node = And((*(Term("tag", "=", tag) for tag in sorted(self._tags)), Not(_ENDED)))
        query, cursor = Query(str(node), node), None
        while True:
            page = log.runs(query, cursor=cursor, limit=_AT_ONCE)
            for run in page.items:
                followed = self._runs[run.run_id] = _Followed(run.run_id, self._start)
                followed.run = log.run(run.run_id)
            cursor = page.cursor
            if cursor is None:
                return

    def _strangers(self, events: Sequence[Event]) -> set[str]:
        """Runs of which something is told and that are not followed: they may have got the tags meanwhile."""
        unknown = {run_id for run_id, version in self._others.items() if not version}
        return unknown | {event.run_id for event in events if event.run_id is not None} - self._runs.keys()

    def _consider(self, run_ids: set[str], log: Reader, start: int) -> None:
        """Begin to follow those of these runs that have the tags."""
        new = [run_id for run_id in run_ids if run_id not in self._runs]
        versions = log.versions(new) if new else {}
        for run_id in new:
            version = versions.get(run_id, 0)
            if run_id in self._others and version == self._others[run_id]:
                continue
            run = log.run(run_id) if version else None
            if run is None or not self._tags <= frozenset(run.tags):
                self._others[run_id] = version
                continue
            self._others.pop(run_id, None)
            followed = self._runs[run_id] = _Followed(run_id, start)
            self._news += followed.change(run)
            while followed.after < self._after:
                page = log.events(run_id, after=followed.after, limit=_AT_ONCE)
                self._news += followed.tell(event for event in page if event.id <= self._after)
                if len(page) < _AT_ONCE or page[-1].id > self._after:
                    break

    def _open_runs(self, log: Reader) -> list[_Followed]:
        """The runs whose state has changed."""
        known = [followed for followed in self._runs.values() if not followed.over]
        versions = log.versions([followed.run_id for followed in known]) if known else {}
        return [followed for followed in known if versions.get(followed.run_id, 0) > followed.version]

    def _tell(self, events: Iterable[Event]) -> None:
        for event in events:
            followed = self._runs.get(event.run_id or "")
            if followed is not None:
                self._news += followed.tell((event,))

    def _forget(self) -> None:
        if len(self._others) > _REMEMBERED:
            self._others = {run_id: version for run_id, version in self._others.items() if not version}
        if len(self._runs) > _REMEMBERED:
            self._runs = {run_id: followed for run_id, followed in self._runs.items() if not followed.over}
