"""Attempts that are none: what looks on needs to know of one, without an engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.context import attach, detach, get_current, set_value

from runlog.engines.base import Delivery, NewRun, Outcome
from runlog.executor.attempt import current_attempt
from runlog.executor.trouble import Lookout
from runlog.tracing.scope import RUN_KEY, RunScope
from tests.recorded import Recorded


class Acting:
    """Stands for an `Attempt`."""

    def __init__(self, run_id: str = "run_1") -> None:
        now = time.time_ns()
        run = NewRun(run_id, "a-task", "a-task", None, now, now, b"t" * 16, b"s" * 8)
        self.delivery = Delivery(run, attempt=1, crashes=0, token=7, started=now)
        self.scope = RunScope(run_id, "a-task")
        self.ended = False
        self.deadline: float | None = None
        self.left_behind: list[Outcome] = []

    def write_stacks_in_child(self, why: str, level: int) -> bool:
        return False

    def overdue(self) -> Outcome:
        return Outcome("TIMED_OUT", reason="it took longer than 1 s (max_duration)")

    def leave_behind(self, outcome: Outcome) -> None:
        self.ended = True
        self.left_behind.append(outcome)


class Engine:
    """Takes outcomes."""

    def __init__(self) -> None:
        self.finished: list[tuple[str, Outcome]] = []

    async def finish(self, delivery: Delivery, outcome: Outcome) -> bool:
        self.finished.append((delivery.run.run_id, outcome))
        return True


def lookout(recorded: Recorded, engine: Engine | None = None, **arguments: Any) -> Lookout:
    return Lookout(engine or Engine(), recorded.settings, **arguments)  # type: ignore[arg-type]


@contextmanager
def running(looking: Lookout, attempt: Acting) -> Iterator[Acting]:
    """Be the attempt's code."""
    given: Any = attempt
    token = attach(set_value(RUN_KEY, attempt.scope, get_current()))
    current_attempt.set(given)
    looking.begun(given)
    try:
        yield attempt
    finally:
        attempt.ended = True
        looking.ended(given)
        current_attempt.set(None)
        detach(token)
