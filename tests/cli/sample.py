"""A run log with runs of every kind, written through the store."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runlog.config import Settings
from runlog.stores import open_store
from runlog.stores.base import ERROR, INFO, WARN, Batch, Event, Run

MS = 1_000_000
SECOND = 1_000 * MS
START = 1_790_000_000 * SECOND

EXCEPTION: dict[str, Any] = {
    "type": "ConnectError",
    "module": "httpx",
    "message": "All connection attempts failed",
    "frames": [
        {"file": "/app/tasks.py", "line": 31, "function": "charge", "source": "await client.post(url)"},
        {"file": "/lib/site-packages/httpx/_client.py", "line": 1859, "function": "post", "source": "return await x"},
    ],
}


class Writer:
    """Writes one run and its events, with times in milliseconds after the run was created."""

    def __init__(self, number: int, task: str, status: str, **values: Any) -> None:
        self.number = number
        self.created = START + number * 60 * SECOND
        self.run_id = values.pop("run_id", f"run_01k8zq{number:020d}")
        started, ended = values.pop("started", 12), values.pop("ended", 420)
        fields: dict[str, Any] = {"attempt": 1, "trace_id": self.span_id(98) * 2, "span_id": self.span_id(99), **values}
        self.run = Run(
            run_id=self.run_id,
            version=5,
            task=task,
            status=status,
            queue="default",
            created=self.created,
            changed=self.created + (ended or 0) * MS,
            started=None if started is None else self.created + started * MS,
            ended=None if ended is None else self.created + ended * MS,
            **fields,
        )
        self.events: list[Event] = []

    def span_id(self, span: int) -> bytes:
        return bytes([self.number]) * 7 + bytes([span])

    def span(self, span: int, parent: int, name: str, start: int, took: int | None, **values: Any) -> None:
        fields: dict[str, Any] = {
            "kind": "open" if took is None else "span",
            "duration": None if took is None else took * MS,
            "status": "unset",
            "attributes": {},
            **values,
        }
        level = {"error": ERROR, "unfinished": WARN}.get(fields["status"], INFO)
        self._add(span_id=self.span_id(span), parent=parent, start=start, name=name, message="", level=level, **fields)

    def log(self, parent: int, at: int, message: str, level: int = INFO, **attributes: Any) -> None:
        self._add(
            kind="log", span_id=None, parent=parent, start=at, name="logger", message=message, level=level,
            duration=None, status=None, attributes=attributes,
        )  # fmt: skip

    def _add(self, *, parent: int, start: int, **values: Any) -> None:
        self.events.append(
            Event(
                sequence=len(self.events),
                run_id=self.run_id,
                trace_id=self.run.trace_id,
                parent_id=self.span_id(parent),
                time=self.created + start * MS,
                **values,
            )
        )


def failed() -> Writer:
    """Two attempts that fail in an HTTP call."""
    run = Writer(1, "charge-card", "FAILED", attempt=2, tags=("billing",), payload={"order": 7})
    run.run.reason = "ConnectError: All connection attempts failed (attempt 2 of 2)"
    run.run.error = {"type": "httpx.ConnectError", "message": EXCEPTION["message"], "exception": EXCEPTION}
    for attempt, start in ((1, 12), (2, 250)):
        base = attempt * 10
        fails: dict[str, Any] = {
            "status": "error",
            "extra": {"status_message": "ConnectError: All connection attempts failed"},
        }
        run.span(base, 99, f"Attempt {attempt}", start, 160, **fails)
        run.span(base + 1, base, "run()", start + 1, 158, **fails)
        run.log(base + 1, start + 2, "charging {cents} cents", cents=995, customer="Ada")
        run.span(
            base + 2, base + 1, "HTTP POST /charge", start + 5, 150, status="error", extra={"exception": EXCEPTION},
            attributes={"http.request.method": "POST", "url.full": "https://pay.example/charge", "order": 7},
        )  # fmt: skip
        run.log(base + 1, start + 156, "could not charge", ERROR, order=7)
    run.span(3, 99, "Retry delay", 172, 78)
    return run


def completed() -> Writer:
    run = Writer(2, "sync-user", "COMPLETED", output={"name": "Ada"}, payload={"user_id": 1})
    run.span(10, 99, "Attempt 1", 12, 400)
    run.span(11, 10, "run()", 13, 398)
    run.log(11, 20, "syncing user {user_id}", user_id=1)
    run.log(11, 21, "the cache is cold\nit will be slow", WARN)
    run.span(12, 11, "fetch-user", 30, 300, attributes={"user.id": "u_55"})
    run.span(13, 12, "HTTP GET /users/1", 40, 250, attributes={"http.response.status_code": 200})
    return run


def running() -> Writer:
    run = Writer(3, "watch-prices", "EXECUTING", ended=None)
    run.span(10, 99, "Attempt 1", 12, None)
    run.span(11, 10, "run()", 13, None)
    run.span(12, 11, "poll", 14, None)
    run.log(12, 50, "prices are {state}", state="stable")
    return run


def canceled() -> Writer:
    run = Writer(4, "import-customers", "CANCELED", reason="wrong file")
    run.span(10, 99, "Attempt 1", 12, 400, status="canceled")
    run.span(11, 10, "read", 20, 390, status="unfinished")
    return run


def waiting() -> Writer:
    return Writer(5, "nightly-report", "QUEUED", started=None, ended=None, attempt=0)


def save(project: Path, writers: Iterable[Writer]) -> None:
    """Store runs in a project's log."""
    store = open_store(Settings.load(project))
    try:
        for writer in writers:
            store.write(Batch(writer.events, [writer.run]))
    finally:
        store.close()


def save_all(project: Path) -> None:
    """Store one run of every kind."""
    save(project, (failed(), completed(), running(), canceled(), waiting()))
