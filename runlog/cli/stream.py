"""Records one after the other, as the console shows them, for `search` and `tail`."""

from __future__ import annotations

from collections.abc import Iterable

from runlog.cli.output import Output
from runlog.console.format import Formatter
from runlog.console.pieces import Line
from runlog.console.tree import Depths
from runlog.errors import RunNotFound
from runlog.reading.clock import day
from runlog.reading.records import event_record, run_record
from runlog.stores.base import Event, Reader, Run

_KNOWN_RUNS = 10_000


class Stream:
    """Prints events and run states, as text or as JSON lines, and knows the task of each run."""

    def __init__(self, out: Output, log: Reader, *, json: bool, nested: bool = False) -> None:
        self.out, self.log, self.json = out, log, json
        self._formatter = Formatter(width=out.width if out.terminal else None)
        self._depths = Depths() if nested else None
        self._tasks: dict[str, str] = {}
        self._day: str | None = day_of_now()

    def events(self, events: Iterable[Event]) -> None:
        """Print logs and ended spans; learn from spans that open."""
        lines: list[Line] = []
        for event in events:
            if self._depths is not None:
                self._depths.see(event)
            if event.kind == "open":
                continue
            task = self.task(event.run_id)
            if self.json:
                self.out.json(event_record(event, task))
                continue
            lines += self._date(event.time + (event.duration or 0))
            depth = self._depths.of(event) if self._depths is not None else 0
            lines += self._formatter.event(event, task, depth)
        if lines:
            self.out.lines(lines)
        self.out.flush()

    def run(self, run: Run) -> None:
        """Print a run's new state."""
        if self.json:
            self.out.json({"kind": "run", **run_record(run)})
        else:
            self.out.lines([*self._date(run.changed), *self._formatter.run(run)])
        self.out.flush()

    def task(self, run_id: str | None) -> str | None:
        """The task of a run; None outside any."""
        if run_id is None:
            return None
        if run_id not in self._tasks:
            if len(self._tasks) >= _KNOWN_RUNS:
                self._tasks.clear()
            try:
                self._tasks[run_id] = self.log.run(run_id).task
            except RunNotFound:
                return ""  # its row comes with a later batch
        return self._tasks[run_id]

    def _date(self, time: int) -> list[Line]:
        """A line where the day changes: the records show the time only."""
        found = day(time)
        if found == self._day:
            return []
        self._day = found
        rule = "──" if self.out.unicode else "--"
        return [[(f"{rule} {found} {rule}", "rule")]]


def day_of_now() -> str:
    """Today."""
    import time

    return day(time.time_ns())
