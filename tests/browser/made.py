"""A run log as its writer would have left it, made through the store's own writer: no worker has to run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runlog.config import Settings
from runlog.stores.base import ERROR, INFO, Batch, Event, Run
from runlog.stores.sqlite import SQLiteStore

MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND
_A_BATCH = 2000


def run_id(number: int) -> str:
    """Ids in the order of their numbers."""
    return f"run_{number:026d}"


class Writer:
    """Writes into the run log of a project."""

    def __init__(self, store: SQLiteStore) -> None:
        self._store = store

    def write(self, runs: Iterable[Run] = (), events: Iterable[Event] = ()) -> None:
        self._store.write(Batch(spool_id="made", runs=list(runs)))
        batch: list[Event] = []
        for event in events:
            batch.append(event)
            if len(batch) == _A_BATCH:
                self._store.write(Batch(spool_id="made", events=batch))
                batch = []
        self._store.write(Batch(spool_id="made", events=batch))


@contextmanager
def writing(folder: Path) -> Iterator[Writer]:
    """The run log of the project in a folder, to write into."""
    path = Settings.load(folder).log_path
    path.parent.mkdir(parents=True, exist_ok=True)
    store = SQLiteStore(path)
    try:
        yield Writer(store)
    finally:
        store.close()


class MadeRun:
    """A run that began some time ago, and its events in the order of writing. Each span and log takes a millisecond
    of its time unless it is told another."""

    def __init__(self, number: int, task: str = "import", *, ago: float = 60.0) -> None:
        self.id, self.task, self._number = run_id(number), task, number
        self.created = time.time_ns() - int(ago * SECOND)
        self.started = self.created + 500 * MILLISECOND
        self.now = self.started
        self.trace_id = number.to_bytes(16)
        self.events: list[Event] = []
        self._spans = 0
        self.root = self._span_id()
        self.attempt = self._span_id()
        self.body = self._span_id()
        self._begin("Attempt 1", self.attempt, self.root)
        self._begin("run()", self.body, self.attempt)

    def run(self, status: str = "COMPLETED", **values: Any) -> Run:
        """Its row."""
        ended = None if status in ("EXECUTING", "QUEUED", "WAITING", "DELAYED") else self.now
        known = {
            "attempt": 1, "trace_id": self.trace_id, "span_id": self.root, "started": self.started, "ended": ended,
            "worker": "worker-1",
        }  # fmt: skip
        queue = values.pop("queue", "default")
        task = values.pop("task", self.task)
        return Run(self.id, 1, task, status, queue, self.created, self.now, **{**known, **values})

    def span(
        self,
        name: str,
        parent: bytes | None = None,
        *,
        exception: dict[str, Any] | None = None,
        attributes: dict[str, Any] | None = None,
        took: int = MILLISECOND,
        **extra: Any,
    ) -> bytes:
        """A span that ended, failed where it has an exception."""
        span_id, status = self._span_id(), "error" if exception else "ok"
        if exception:
            extra["exception"] = exception
        self._add(
            "span", name, span_id, parent or self.body, took, status, level=ERROR if exception else INFO,
            attributes=attributes, extra=extra,
        )  # fmt: skip
        return span_id

    def log(
        self, message: str, parent: bytes | None = None, *, level: int = INFO, source: str = "logger",
        attributes: dict[str, Any] | None = None, **extra: Any,
    ) -> None:  # fmt: skip
        self._add(
            "log", source, None, parent or self.body, None, None, message, level=level,
            attributes=attributes, extra=extra,
        )  # fmt: skip

    def end(self, exception: dict[str, Any] | None = None) -> None:
        """End what the run is in."""
        status, level = ("error", ERROR) if exception else ("ok", INFO)
        extra = {"exception": exception} if exception else {}
        whole = self.now - self.started
        for name, span_id, parent in (("run()", self.body, self.attempt), ("Attempt 1", self.attempt, self.root)):
            self.events.append(
                Event(
                    0,
                    "span",
                    self.id,
                    self.trace_id,
                    span_id,
                    parent,
                    self.started,
                    whole,
                    level,
                    status,
                    name,
                    "",
                    {},
                    extra,
                )
            )

    def _begin(self, name: str, span_id: bytes, parent: bytes) -> None:
        self._add("open", name, span_id, parent, None, None)

    def _add(
        self, kind: str, name: str, span_id: bytes | None, parent: bytes, took: int | None, status: str | None,
        message: str = "", *, level: int = INFO, attributes: dict[str, Any] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.events.append(
            Event(
                0,
                kind,
                self.id,
                self.trace_id,
                span_id,
                parent,
                self.now,
                took,
                level,
                status,
                name,
                message,
                attributes or {},
                extra or None,
            )
        )
        self.now += MILLISECOND if took is None else took

    def _span_id(self) -> bytes:
        self._spans += 1
        return (self._number << 32 | self._spans).to_bytes(8)


def failure(type_: str, message: str, *, source: str = "raise it", file: str = "/project/tasks.py") -> dict[str, Any]:
    """An exception as it is recorded."""
    frame = {"file": file, "line": 12, "function": "work", "source": source}
    return {"type": type_, "module": "builtins", "message": message, "frames": [frame]}
