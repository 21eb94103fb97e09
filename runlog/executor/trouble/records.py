"""Trouble as records of the run log."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from runlog.engines.base import NewRun
from runlog.executor.attempt import Attempt
from runlog.executor.records import SOURCE
from runlog.executor.trouble.loops import LoopTask
from runlog.executor.trouble.stacks import Snapshot, describe, standing
from runlog.logger import Place, write_log
from runlog.recording import RANK_SPAN, Recorder
from runlog.recording.clean import clean_attributes, clean_text
from runlog.stores.base import WARN
from runlog.tracing.scope import current_place

STACKS = "stacks"
"""The source of logs that hold stacks, in `extra["stacks"]`."""

BLOCKED = "event loop blocked"
"""The name of the span round what blocked the event loop."""

_SPAN_EVENT = 1


def write_stacks(
    recorder: Recorder,
    attempt: Attempt,
    snapshot: Snapshot,
    why: str,
    place: Place,
    level: int = WARN,
    *,
    everything: bool = True,
) -> None:
    """Put stacks into the run: those of the attempt, and unless `everything` is false those of the whole process."""
    described = describe(snapshot, attempt, everything=everything)
    where = standing(described)
    message = clean_text(f"stacks {why}: {where.words}", recorder.limits)
    attributes, _ = clean_attributes(where.attributes, recorder.limits)
    write_log(recorder, level, STACKS, message, attributes, {"stacks": described}, place, snapshot.at)


def write_lost(recorder: Recorder, attempt: Attempt) -> None:
    """Mark what an attempt did that has been another worker's for a while."""
    number = attempt.delivery.attempt
    message = f"attempt {number} has lost its lease, and what it still does is lost: {attempt.lost}"
    write_log(recorder, WARN, SOURCE, message, {"attempt": number}, None, current_place())


def place_of(task: LoopTask | None, run: NewRun) -> Place:
    """Where a record belongs that is about a task: under the span that is open there, else under the run's root."""
    with suppress(Exception):  # it has just ended
        if task is not None and task.context is not None:
            place: Place = task.context.copy().run(current_place)
            if place[0] == run.run_id and place[2] is not None:
                return place
    return run.run_id, run.trace_id, run.span_id


class Block:
    """A span `event loop blocked`, recorded when the blocking is seen and again when it is over."""

    def __init__(self, recorder: Recorder, place: Place | None, started: int, attributes: dict[str, Any]) -> None:
        """`started` is in ns; the place is None where it is not known which run it was."""
        self._recorder, self._started = recorder, started
        self._run_id, trace_id, self._parent_id = place or (None, None, None)
        self._trace_id = trace_id or os.urandom(16)
        self._span_id = os.urandom(8)
        self._attributes, _ = clean_attributes(attributes, recorder.limits)

    def open(self) -> None:
        self._record("open", None, None)

    def close(self, seconds: float, *, unfinished: bool = False) -> None:
        """It took so long; `unfinished`: it goes on, and the process ends."""
        self._record("span", int(seconds * 1e9), "unfinished" if unfinished else "unset")

    def _record(self, kind: str, duration: int | None, status: str | None) -> None:
        recorder = self._recorder
        recorder.emit(
            (_SPAN_EVENT, recorder.next_sequence(), kind, self._run_id, self._trace_id, self._span_id, self._parent_id,
             self._started, duration, WARN, status, BLOCKED, "", self._attributes, None),
            RANK_SPAN,
            self._run_id,
        )  # fmt: skip
