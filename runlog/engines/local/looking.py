"""The queue read without an engine: by commands that only look."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import apsw

from runlog.engines.base import WorkerState
from runlog.engines.local import reading, schedules, tokens, workforce
from runlog.engines.local.explaining import explain
from runlog.engines.local.queue import Queue
from runlog.engines.local.schema import APPLICATION_ID, MIGRATIONS
from runlog.engines.local.workers import WorkerFiles
from runlog.errors import StoreError
from runlog.stores.base import Run
from runlog.system.sqlite import connect_reader
from runlog.tasks.states import QueueState, ScheduleState, Token

T = TypeVar("T")


class QueueFile:
    """The queue at a path as it stands: nothing is created, brought to a newer schema, or taken back from dead workers.

    One thread uses it, for a moment. Works also where the folder cannot be written. Raises StoreError, from every
    method, where there is no queue, or none that this version can read.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._files = path, WorkerFiles(path)
        self._connection = connect_reader(path)
        known = (APPLICATION_ID, len(MIGRATIONS))
        if (self._connection.pragma("application_id"), self._connection.pragma("user_version")) != known:
            self._connection.close()
            raise StoreError(f"cannot read {path}", "it is of another version of runlog", "runlog worker   # adopts it")
        self._queue, self._now = Queue(self._connection, "", 0), time.time_ns()

    def explain(self, run_id: str) -> Run:
        """See Engine.explain; of a run whose worker died, that too. Raises RunNotFound."""
        return self._ask(lambda queue: explained(queue, run_id, self._files, self._now))

    def queues(self) -> list[QueueState]:
        """See Engine.queues."""
        return self._ask(lambda queue: reading.queues(queue, self._files))

    def workers(self) -> list[WorkerState]:
        """See Engine.workers."""
        return self._ask(lambda queue: workforce.workers(queue, self._files))

    def schedules(self) -> list[ScheduleState]:
        """See Engine.schedules."""
        return self._ask(schedules.every)

    def tokens(self, limit: int) -> list[Token]:
        """See Engine.tokens."""
        return self._ask(lambda queue: tokens.newest(queue, limit, self._now))

    def _ask(self, look: Callable[[Queue], T]) -> T:
        try:
            return look(self._queue)
        except apsw.Error as error:
            raise StoreError(f"cannot read the queue {self._path}", f"{type(error).__name__}: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection.close()


def explained(queue: Queue, run_id: str, files: WorkerFiles, now: int) -> Run:
    """A run with the reason as it is now, also where it is that its worker died. Raises RunNotFound."""
    works = workforce.live_work(queue, files, now)
    run = explain(queue, run_id, works, now)
    if run.status in ("EXECUTING", "WAITING") and run.worker is not None and files.is_dead(run.worker):
        seen = queue.value("SELECT seen FROM worker WHERE name = ?", (run.worker,))
        run.cause = {"code": "worker_lost", "worker": run.worker} | ({} if seen is None else {"seen": seen})
        died = "" if seen is None else f" {max(0, now - seen) // 1_000_000_000} s ago"
        run.reason = f"its worker died{died}; runs again {'in a moment' if works else 'when a worker starts'}"
    return run
