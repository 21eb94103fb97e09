"""`runlog tail`: the newest records, and with -f those of every process as they come."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from runlog.cli.options import JsonLines, QueryWords, parse_query
from runlog.cli.output import note, output
from runlog.cli.project import load_settings, rescue
from runlog.cli.stream import Stream
from runlog.config import Settings
from runlog.errors import RunNotFound
from runlog.reading.opening import has_log, nothing_recorded
from runlog.reading.own import without_own
from runlog.stores.base import Reader
from runlog.stores.query import Query

_POLL = 0.03
_STATES_EVERY = 0.25
"""Seconds between two looks at the states of the runs that go on."""


def command(
    query: QueryWords = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on with what comes, until Ctrl-C.")] = False,
    last: Annotated[
        int, typer.Option("-n", "--last", metavar="N", min=0, help="How many of the newest to begin with.")
    ] = 20,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what runlog tells of its workers and instrumentations.")
    ] = False,
    json: JsonLines = False,
) -> None:
    """Show the newest logs and spans, oldest first; with -f go on as records come, from every process.

    Without a query, -f shows runs start and end as well.

    \b
    runlog tail -f
    runlog tail -f level:>=warn task:send-email
    runlog tail -n 100 kind:log --json
    """
    parsed = parse_query(query)
    wanted = parsed if parsed is not None or everything else without_own(None)
    settings = load_settings()
    rescue(settings)
    log = _opened(settings, wait=follow)
    if log is None:
        note(nothing_recorded(settings))
        return
    try:
        after = log.last_event_id()
        stream = Stream(output(), log, json=json, nested=parsed is None)
        if last:
            newest = log.search(wanted, limit=last, budget=10.0).items
            stream.events(event for event in reversed(newest) if event.id <= after)
        if follow:
            _Follower(log, stream, wanted, after, runs=parsed is None).follow()
    finally:
        log.close()


def _opened(settings: Settings, *, wait: bool) -> Reader | None:
    """The project's log; with `wait`, as soon as there is one."""
    from runlog.stores import open_reader

    said = False
    while not has_log(settings):
        if not wait:
            return None
        if not said:
            note(f"{nothing_recorded(settings)} Waiting for the first record.")
            said = True
        time.sleep(_POLL)
    return open_reader(settings)


class _Follower:
    """Prints what is stored after an id, and how the runs that it is about go on."""

    def __init__(self, log: Reader, stream: Stream, query: Query | None, after: int, *, runs: bool) -> None:
        self.log, self.stream, self.query, self.after, self._has_runs = log, stream, query, after, runs
        self._versions: dict[str, int] = {}
        self._looked = 0.0

    def follow(self) -> None:
        """Never returns; Ctrl-C ends it."""
        while True:
            events, self.after = self.log.tail(self.query, after=self.after)
            if self._has_runs:
                self._follow_runs({event.run_id for event in events if event.run_id is not None})
            self.stream.events(events)
            if not events:
                time.sleep(_POLL)

    def _follow_runs(self, seen: set[str]) -> None:
        """Print the new states of the runs that were seen and have not ended."""
        for run_id in seen - self._versions.keys():
            self._versions[run_id] = 0
        now = time.monotonic()
        if not self._versions or (not seen and now - self._looked < _STATES_EVERY):
            return
        self._looked = now
        for run_id, version in self.log.versions(list(self._versions)).items():
            if version > self._versions[run_id]:
                self._print_state(run_id)

    def _print_state(self, run_id: str) -> None:
        try:
            run = self.log.run(run_id)
        except RunNotFound:
            return
        self._versions[run_id] = run.version
        self.stream.run(run)
        if run.is_terminal:
            del self._versions[run_id]
