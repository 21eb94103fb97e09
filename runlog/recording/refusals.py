"""Records that were refused: counted by the threads that made them, reported as rows in their runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from runlog.recording.chain import Chain
from runlog.stores.base import WARN, Event

SPOOL, RATE, FULL, INVALID = "spool", "rate", "full", "invalid"
_EVERY = 1.0  # seconds between two rows in one run
_NAME = "runlog"

Counts = dict[tuple[str | None, str], int]


class Refusals:
    """The writer's account of what was refused. One thread uses it."""

    def __init__(self, next_sequence: Callable[[], int], rate: int) -> None:
        self.totals: dict[str, int] = {}
        self.rounds = 0
        self._next_sequence, self.rate = next_sequence, rate
        self._taken: list[Counts] = []
        self._unreported: Counts = {}
        self._reported = 0.0
        self._usage = 0.0

    def collect(self, chains: Iterable[Chain], usage: float) -> None:
        """Take the chains' counts. Each is added up a round later: its owner may be counting in it at this moment."""
        self.rounds += 1
        settled, self._taken = self._taken, []
        for chain in chains:
            if chain.refused:
                self._taken.append(chain.refused)
                chain.refused = {}
                self._usage = usage
        for counts in settled:
            for key, number in counts.items():
                self._unreported[key] = self._unreported.get(key, 0) + number
                self.totals[key[1]] = self.totals.get(key[1], 0) + number

    def rows(self, *, now: bool) -> list[Event]:
        """Return the events that say what was refused: once a second, or `now`."""
        if not self._unreported or (not now and time.monotonic() - self._reported < _EVERY):
            return []
        self._reported = time.monotonic()
        by_run: dict[str | None, dict[str, int]] = {}
        for (run_id, reason), number in self._unreported.items():
            by_run.setdefault(run_id, {})[reason] = number
        self._unreported = {}
        return [self._row(run_id, counts) for run_id, counts in by_run.items()]

    def _row(self, run_id: str | None, counts: dict[str, int]) -> Event:
        total = sum(counts.values())
        reasons = []
        if any(reason.startswith(SPOOL) for reason in counts):
            reasons.append(f"the spool is {self._usage:.0%} full".replace("%", " %"))
        if RATE in counts:
            reasons.append(f"more than {self.rate:,} logs a second in one run")
        if FULL in counts:
            reasons.append("the spool is full")
        if INVALID in counts:
            reasons.append("they could not be encoded")
        attributes = {f"refused.{reason}": number for reason, number in sorted(counts.items())}
        return Event(
            sequence=self._next_sequence(), kind="log", run_id=run_id, trace_id=None, span_id=None, parent_id=None,
            time=time.time_ns(), duration=None, level=WARN, status=None, name=_NAME,
            message=f"{total:,} record{'s' if total > 1 else ''} refused: {', '.join(reasons)}",
            attributes=attributes,
        )  # fmt: skip
