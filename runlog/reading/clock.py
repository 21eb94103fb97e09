"""Times of day, ages and durations in words."""

from __future__ import annotations

import time

from runlog.console.message import format_duration
from runlog.stores.base import Run


def clock(nanoseconds: int, now: float | None = None) -> str:
    """A time of day, with its date where it is not today: `14:02:05`, `Jan 31 14:02:05`, `2025-01-31 14:02:05`."""
    try:
        then, today = time.localtime(nanoseconds // 1_000_000_000), time.localtime(now)
        if then[:3] == today[:3]:
            return time.strftime("%H:%M:%S", then)
        return time.strftime("%b %d %H:%M:%S" if then.tm_year == today.tm_year else "%Y-%m-%d %H:%M:%S", then)
    except (OverflowError, ValueError, OSError):  # a damaged record
        return f"@{nanoseconds}"


def age(nanoseconds: int, now: int) -> str:
    """How long ago, in one unit: `42 s ago`, `3 d ago`."""
    seconds = max(0, now - nanoseconds) // 1_000_000_000
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:,} {unit} ago"
    return f"{seconds} s ago"


def day(nanoseconds: int) -> str:
    """The date of a time."""
    try:
        return time.strftime("%Y-%m-%d", time.localtime(nanoseconds // 1_000_000_000))
    except (OverflowError, ValueError, OSError):
        return "?"


def run_duration(run: Run, now: int) -> str:
    """How long a run's attempts took, from the first's start, or have taken so far."""
    if run.started is None:
        return ""
    took = max(0, (now if run.ended is None else run.ended) - run.started)
    days, rest = divmod(took, 86_400_000_000_000)
    text = f"{days} d {rest // 3_600_000_000_000} h" if days else format_duration(took)
    return text if run.ended is not None else text + "…"
