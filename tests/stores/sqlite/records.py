"""Records to store, short to write."""

from __future__ import annotations

from typing import Any

from runlog.stores.base import INFO, Event, Run

MINUTE = 60_000_000_000
NOW = 30_000_000 * MINUTE


def log(
    message: str = "", /, run_id: str | None = None, *, time: int = NOW, level: int = INFO, **attributes: Any
) -> Event:
    return Event(0, "log", run_id, b"t" * 16, None, b"p" * 8, time, None, level, None, "logger", message, attributes)


def opened(number: int, run_id: str | None = None, *, time: int = NOW, name: str = "work", **attributes: Any) -> Event:
    return Event(0, "open", run_id, b"t" * 16, sid(number), None, time, None, INFO, None, name, "", attributes)


def span(number: int, run_id: str | None = None, *, time: int = NOW, name: str = "work", **values: Any) -> Event:
    made = Event(0, "span", run_id, b"t" * 16, sid(number), None, time, 1000, INFO, "ok", name, "", {})
    for key, value in values.items():
        setattr(made, key, value)
    return made


def sid(number: int) -> bytes:
    return number.to_bytes(8)


def run(
    run_id: str = "run_a", version: int = 1, status: str = "EXECUTING", *, task: str = "send", **values: Any
) -> Run:
    return Run(run_id, version, task, status, "default", values.pop("created", NOW), NOW + version, **values)
