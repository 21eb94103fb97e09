"""`runlog workers`: which workers there are, and what they take."""

from __future__ import annotations

import time
from typing import Any

from runlog.cli.layout import Column, table
from runlog.cli.options import JsonLines
from runlog.cli.output import Output, note, output
from runlog.cli.project import load_settings
from runlog.config import Settings
from runlog.console.pieces import Piece
from runlog.engines.base import WorkerState
from runlog.reading.clock import age
from runlog.reading.records import time_text
from runlog.reading.text import one_line

_COLUMNS = (
    Column("worker", shrink=True, least=12),
    Column("pid", "right"),
    Column("alive"),
    Column("running", "right"),
    Column("seen", drop=3),
    Column("started", drop=2),
    Column("version", shrink=True, drop=4),
    Column("queues", shrink=True),
    Column("tasks", shrink=True, least=12),
)


def command(json: JsonLines = False) -> None:
    """Show the workers of this project: those that run, and those that died and were not noticed yet.

    \b
    runlog workers
    runlog workers --json
    """
    states = _workers(load_settings())
    if json:
        for state in states:
            output().json(worker_record(state))
    elif states:
        _print(output(), states)
    else:
        note("No worker runs. To start one: runlog worker")


def _workers(settings: Settings) -> list[WorkerState]:
    from runlog.engines.local.looking import QueueFile

    if not settings.queue_path.exists():
        return []
    with QueueFile(settings.queue_path) as queue:
        return sorted(queue.workers(), key=lambda state: state.started)


def worker_record(state: WorkerState) -> dict[str, Any]:
    """A worker as JSON, with times as in all of it."""
    work = state.work
    return {
        "name": state.name,
        "pid": _pid(state.name),
        "alive": state.alive,
        "running": state.running,
        "seen": time_text(state.seen),
        "started": time_text(state.started),
        "version": work.version,
        "queues": None if work.queues is None else list(work.queues),
        "tasks": list(work.tasks),
    }


def _print(out: Output, states: list[WorkerState]) -> None:
    now, rows = time.time_ns(), []
    for state in states:
        work = state.work
        row: list[Piece] = [
            (one_line(state.name), "task"),
            (str(_pid(state.name) or ""), "value"),
            ("yes", "good") if state.alive else ("no", "bad"),
            (f"{state.running:,}", "value"),
            (age(state.seen, now), "time"),
            (age(state.started, now), "time"),
            (one_line(work.version or ""), ""),
            ("all" if work.queues is None else one_line(", ".join(work.queues)), ""),
            (one_line(", ".join(sorted(work.tasks))) or "none", ""),
        ]
        rows.append(row)
    out.lines(table(_COLUMNS, rows, out.width if out.terminal else None))


def _pid(name: str) -> int | None:
    """The process id, which is in the name of a worker: host-pid-random."""
    parts = name.rsplit("-", 2)
    return int(parts[1]) if len(parts) == 3 and parts[1].isdigit() else None
