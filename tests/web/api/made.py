"""A small log with something of everything that lists show."""

from __future__ import annotations

import pytest

from runlog.stores.base import ERROR, INFO, WARN, Batch, Event, Run
from runlog.stores.sqlite import SQLiteStore
from tests.web.asking import Answer, Asked

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
BASE = 1_790_000_040 * SECOND  # a whole minute
RUNS = 30
STATUSES = ("COMPLETED", "COMPLETED", "FAILED", "EXECUTING", "CANCELED")


def run_of(number: int, version: int = 1) -> Run:
    status, created = STATUSES[number % 5], BASE + number * 20 * SECOND
    failed = status == "FAILED"
    return Run(
        f"run_{number:02}",
        version,
        f"task-{number % 3}",
        status,
        "mail" if number % 2 else "default",
        created,
        created + version,
        attempt=1,
        started=created + SECOND,
        ended=None if status == "EXECUTING" else created + 3 * SECOND,
        tags=("vip", f"customer {number % 4}") if number % 2 else (),
        payload={"user": {"id": number}, "text": "x" * 1000},
        error={"type": "ValueError", "message": "no"} if failed else None,
        code_version="v1" if number < 10 else "v2",
    )


def events_of(number: int) -> list[Event]:
    """Of each run a log that names its user, a span, and where it failed an error."""
    run = run_of(number)
    at, span_id = run.created + SECOND, bytes([number + 1]) * 8

    def event(kind: str, level: int, name: str, message: str, **attributes: object) -> Event:
        own = span_id if kind == "span" else None
        took = SECOND if kind == "span" else None
        return Event(0, kind, run.run_id, bytes(16), own, span_id, at, took, level, None, name, message, attributes)

    made = [event("log", INFO, "logger", "user {user} came", user=f"u {number % 7}"), event("span", INFO, "load", "")]
    if run.error:
        made.append(event("log", ERROR, "logger", "it failed", code=number))
    elif number % 4 == 0:
        made.append(event("log", WARN, "stdout", "it is slow"))
    return made


def write(asked: Asked, batch: Batch) -> None:
    path = asked.settings.log_path
    path.parent.mkdir(exist_ok=True)
    store = SQLiteStore(path)
    store.write(batch)
    store.close()


@pytest.fixture
def made(asked: Asked) -> Asked:
    """The application of a project with this log."""
    numbers = range(RUNS)
    write(asked, Batch([event for number in numbers for event in events_of(number)], [run_of(n) for n in numbers]))
    return asked


def refused(answer: Answer, status: int = 400) -> str:
    """What a refusal says, once it is one."""
    assert answer.status == status, answer.body
    error = answer.json["error"]
    return " ".join(str(error.get(part, "")) for part in ("code", "what", "why", "fix"))
