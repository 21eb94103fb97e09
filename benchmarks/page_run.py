"""`python -m benchmarks.page_run [--spans N] [--logs N] [--failures N] [--project DIR]`: what one run's page costs the
server.

A run of 100,000 spans and 100,000 logs is made through the store's own writer, once, beside runs that failed and logs
with exceptions. Each question is asked several times, by the functions that the server calls for it. Shown are the
median and the worst time in milliseconds, how many of them the processor was at work for it (the rest is what else the
machine did), and the size of the answer as JSON.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.page import BIG, write_big
from runlog.config import Settings
from runlog.reading.failures import FailureIndex
from runlog.stores.base import ERROR, Batch, Event, Reader, Run
from runlog.stores.sqlite import SQLiteStore
from runlog.web.api.comparison import comparison
from runlog.web.api.context import run_context
from runlog.web.api.events import event_detail
from runlog.web.api.run import run_delta, run_detail
from runlog.web.api.trace import ROWS, trace_page
from runlog.web.single_file import Limits, html_file

SECOND = 1_000_000_000
A_BATCH = 500
TIMES = 5
FRAMES = [
    {"file": f"/srv/app/part{number}.py", "line": number, "function": f"step{number}", "source": "go(order)"}
    for number in range(20)
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--logs", type=int, default=100_000)
    parser.add_argument("--failures", type=int, default=20_000, help="runs that failed, and as many logged exceptions")
    parser.add_argument("--project", type=Path, help="where the log is made, or was made before")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        settings = Settings.load(options.project or Path(temporary))
        if not settings.log_path.exists():
            settings.log_path.parent.mkdir(parents=True, exist_ok=True)
            write_big(settings.log_path, options.spans, options.logs)
            write_failures(settings.log_path, options.failures)
        reader = SQLiteStore(settings.log_path, readonly=True)
        try:
            measure(reader, settings)
        finally:
            reader.close()


def write_failures(log: Path, count: int) -> None:
    """The big run failed, in the deepest of its failing spans; many small runs failed too, or logged an exception."""
    store = SQLiteStore(log)
    try:
        big = msgspec.structs.replace(store.run(BIG), version=9, status="FAILED", error={"type": "E", "message": "no"})
        store.write(Batch(runs=[big]))
        for first in range(0, count, A_BATCH):
            batch = Batch(spool_id="made")
            for number in range(first, min(first + A_BATCH, count)):
                _add_failure(batch, number)
            store.write(batch)
        store.maintain()
    finally:
        store.close()


def _add_failure(batch: Batch, number: int) -> None:
    now = time.time_ns() - 3600 * SECOND + number * 10_000_000
    kind, message = f"Error{number % 40}", f"order {number} was not paid"
    exception = {"type": kind, "module": "shop", "message": message, "frames": FRAMES[number % 7 :]}
    failed, survived = f"run_failed{number:020d}", f"run_lived{number:021d}"
    error = {"type": f"shop.{kind}", "message": message, "exception": exception}
    for run_id, status, told in ((failed, "FAILED", error), (survived, "COMPLETED", None)):
        run = Run(run_id, 3, f"task{number % 9}", status, "q", now, now + SECOND, 1, started=now, ended=now + SECOND)
        run.error = told
        batch.runs.append(run)
    batch.events.append(
        Event(
            0,
            "log",
            survived,
            None,
            None,
            None,
            now,
            None,
            ERROR,
            None,
            "logger",
            "it broke",
            {},
            {"exception": exception},
        )
    )


def measure(reader: Reader, settings: Settings) -> None:
    run = reader.run(BIG, data=False)
    print(f"one run with {run.spans:,} spans and {run.logs:,} logs, {run.errors:,} of them errors")
    print(f"{'':44} {'median':>9} {'worst':>9} {'CPU':>9} {'KiB':>8}")
    show("the run: headline, cause, what is beside it", lambda: run_detail(reader, settings, BIG))
    show("what changes while it goes on", lambda: run_delta(reader, settings, run))
    show("the first page of its trace", lambda: trace_page(reader, run, 0, ROWS))
    show("all pages of its trace", lambda: all_pages(reader, run))
    middle = [event for event in reader.events(BIG, limit=5000) if event.kind == "span"]
    top = next(event for event in middle if event.span_id is not None)
    show("the inside of one span", lambda: trace_page(reader, run, 0, ROWS, top.span_id))
    show("a span", lambda: event_detail(reader, top.id))
    show("its duration beside the last 1,000", lambda: comparison(reader, top.id))
    show("the context: workers, what is missing", lambda: run_context(reader, settings, run))
    show("the file that opens without a server", lambda: b"".join(html_file(reader, settings, run, FILE)), times=1)
    index = FailureIndex()
    show("groups of errors, the first time", lambda: find(reader, index), times=1)
    print(f"    of {len(find(reader, index)):,} failures")
    show("groups of errors, again", lambda: find(reader, index))


FILE = Limits(events=10_000, seconds=20.0)


def all_pages(reader: Reader, run: Run) -> list[Any]:
    pages = [trace_page(reader, run, 0, ROWS)]
    while pages[-1].more:
        pages.append(trace_page(reader, run, pages[-1].cursor, ROWS))
    return pages


def find(reader: Reader, index: FailureIndex) -> list[Any]:
    now = time.time_ns()
    return [note.time for note in index.find(reader, now - 86_400 * SECOND, now, 60.0).notes]


def show(what: str, ask: Callable[[], Any], *, times: int = TIMES) -> None:
    took, worked, answer = [], [], None
    for _ in range(times):
        start, cpu = time.perf_counter(), time.thread_time()
        answer = ask()
        took.append((time.perf_counter() - start) * 1000)
        worked.append((time.thread_time() - cpu) * 1000)
    size = len(answer) if isinstance(answer, bytes) else len(msgspec.json.encode(answer))
    print(f"{what:44} {statistics.median(took):9.1f} {max(took):9.1f} {min(worked):9.1f} {size / 1024:8.0f}")


if __name__ == "__main__":
    main()
