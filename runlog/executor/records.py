"""The engine's changes as records of the run log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from anyio import Event, to_thread

from runlog.engines.base import Delivery, Engine
from runlog.errors import RunNotFound
from runlog.logger import write_log
from runlog.recording import RANK_ALWAYS, Recorder, get_recorder
from runlog.recording.clean import Limits, clean_text, clean_value
from runlog.stores.base import ERROR, INFO, WARN, Run

SOURCE = "runlog"
"""The name of the log events that runlog itself writes."""

_LEVELS = {"FAILED": ERROR, "TIMED_OUT": ERROR, "CRASHED": ERROR, "CANCELED": WARN, "EXPIRED": WARN, "COMPLETED": WARN}
_IN_ORDER = frozenset(
    ("delayed", "queue_limit", "queue_paused", "no_worker", "no_worker_for_queue", "workers_busy", "resuming")
)
"""Causes for which a run has to wait though nothing went wrong with it."""
_ASKED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class RunRecords:
    """Puts each change of a run on the road, and the reason of what did not go as it should as a log of the run.

    An engine calls it from its own thread. It keeps nothing and waits for nothing.
    """

    recorder: Recorder | None = None
    """None: the process's at the time."""

    def __call__(self, run: Run) -> None:
        recorder = self.recorder or get_recorder()
        self._emit(recorder, run)
        if run.reason and (level := reason_level(run)):
            place = run.run_id, run.trace_id, run.span_id
            write_log(recorder, level, SOURCE, clean_text(run.reason, recorder.limits), {}, None, place, run.changed)

    def again(self, run: Run) -> None:
        """Put a state on the road that the log lacks."""
        self._emit(self.recorder or get_recorder(), run)

    def _emit(self, recorder: Recorder, run: Run) -> None:
        if run.payload is not None or run.output is not None or run.metadata is not None:
            limits = recorder.limits
            data = {name: _plain(getattr(run, name), limits) for name in ("payload", "output", "metadata")}
            run = msgspec.structs.replace(run, **data)
        recorder.emit(run, RANK_ALWAYS, run.run_id)


def write_refused(delivery: Delivery) -> None:
    """Mark an attempt whose end the engine did not take. From any thread."""
    run, recorder = delivery.run, get_recorder()
    words = "had lost its lease when it ended: how it ended counts for nothing"
    place = run.run_id, run.trace_id, run.span_id
    attributes = {"attempt": delivery.attempt}
    write_log(recorder, WARN, SOURCE, f"attempt {delivery.attempt} {words}", attributes, None, place)


class Log(Protocol):
    """What is asked of a log that may lack states: a `Reader` has it."""

    def versions(self, run_ids: Sequence[str], /) -> Mapping[str, int]: ...


class NoLog:
    """A log in which nothing has been recorded."""

    def versions(self, _: Sequence[str], /) -> Mapping[str, int]:
        return {}

    def close(self) -> None: ...


async def heal(
    engine: Engine,
    log: Log,
    since: int,
    record: Callable[[Run], None],
    *,
    until: int | None = None,
    kept_since: int = 0,
    stop: Event | None = None,
) -> int:
    """Have `record` called with each run whose newest state the log lacks, of those that changed since a time (ns).

    A process that is killed between the commit of a run's state and its record leaves such a gap. What changed after
    `until` is left for later: its record may be on its way. A run that ended before `kept_since`, and that the log does
    not know at all, was deleted from it and stays so. Returns how many there were, until `stop`. Raises StoreError.
    """
    cursor, healed = (since, 0), 0
    while not (stop and stop.is_set()) and (changes := await engine.changes(cursor, _ASKED_AT_ONCE)):
        cursor = changes[-1].cursor
        due = [change for change in changes if until is None or change.cursor[0] <= until]
        known = await to_thread.run_sync(log.versions, [change.run_id for change in due])
        for change in due:
            if known.get(change.run_id, 0) >= change.version:
                continue
            with suppress(RunNotFound):  # pruned meanwhile
                run = await engine.get(change.run_id)
                kept = change.run_id in known or change.cursor[0] >= kept_since
                if kept or not run.is_terminal:
                    record(run)
                    healed += 1
        if len(due) < len(changes):
            break
    return healed


def reason_level(run: Run) -> int | None:
    """The level at which a run's reason is logged; None where its state says it all."""
    if run.status in ("QUEUED", "DELAYED"):
        return None if run.version == 1 else INFO if (run.cause or {}).get("code") in _IN_ORDER else WARN
    return INFO if run.status == "PENDING_VERSION" else _LEVELS.get(run.status)


def _plain(data: Any, limits: Limits) -> Any:
    """JSON in bytes as plain data that the road can carry."""
    if type(data) is not bytes:
        return data
    try:
        return clean_value(msgspec.json.decode(data), limits)
    except (ValueError, RecursionError):  # a triggering program of another kind wrote it
        return clean_value(data.decode("utf-8", "backslashreplace"), limits)
