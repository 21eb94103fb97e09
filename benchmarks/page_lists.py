"""`python -m benchmarks.page_lists [--runs N] [--project DIR]`: what the page's lists cost the server on a log of many
runs.

The log is made once, through the store's own writer, and kept in the project. Each question is asked several times, by
the functions that the server calls for it; its best time in milliseconds counts, as whatever else the machine does only
adds to it, and its worst is beside it. `→` is where the time allowed for it ended it, and how many days back it came.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from runlog.config import Settings
from runlog.stores.base import ERROR, INFO, WARN, Batch, Event, Run
from runlog.stores.lists import FACETS
from runlog.stores.query import parse
from runlog.stores.sqlite import SQLiteStore
from runlog.web.api.lists import of_logs
from runlog.web.api.logs import logs_page
from runlog.web.api.runs import runs_page

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAYS = 30
A_BATCH = 400
TASKS = [
    f"{verb}-{thing}"
    for verb in ("send", "sync", "resize", "charge")
    for thing in ("email", "user", "image", "card", "page")
]
QUEUES = ("default", "default", "default", "mail", "slow")
VERSIONS = [f"2026.{number}" for number in range(1, 13)]
ERRORS = ("ValueError", "ConnectError", "TimeoutError", "KeyError", "CardDeclined")
ENDS = ("COMPLETED",) * 190 + ("FAILED",) * 7 + ("CANCELED", "TIMED_OUT", "EXPIRED")


def batches(runs: int) -> Iterator[Batch]:
    """Runs of the last thirty days, three or four events each."""
    random.seed(4)
    step = DAYS * 86_400 * SECOND // runs
    first = time.time_ns() - runs * step
    for start in range(0, runs, A_BATCH):
        batch = Batch(spool_id="made")
        for number in range(start, min(start + A_BATCH, runs)):
            run = _run(number, first + number * step, runs)
            batch.runs.append(run)
            batch.events += _events(run, number)
        yield batch


def _run(number: int, created: int, runs: int) -> Run:
    status = random.choice(ENDS) if number < runs - 50 else random.choice(("QUEUED", "EXECUTING", "WAITING"))
    failed, begun = status == "FAILED", status not in ("QUEUED", "EXPIRED")
    started = created + random.randrange(5_000_000, 2 * SECOND) if begun else None
    over = status in ENDS
    run_id = f"run_{number:026d}"
    return Run(
        run_id,
        3 if begun else 1,
        random.choice(TASKS),
        status,
        random.choice(QUEUES),
        created,
        created + 3 * SECOND,
        int(begun),
        number.to_bytes(16),
        number.to_bytes(8),
        root_run_id=run_id if number % 10 else f"run_{max(0, number - 5):026d}",
        parent_run_id=None if number % 10 else f"run_{max(0, number - 5):026d}",
        worker="worker_1" if begun else None,
        started=started,
        ended=(started or created) + random.randrange(SECOND // 100, 20 * SECOND) if over else None,
        tags=(f"customer-{random.randrange(10_000)}", random.choice(("free", "pro"))) if number % 3 else (),
        payload={"user": {"id": number % 50_000}, "amount": number % 997},
        output={"ok": True} if status == "COMPLETED" else None,
        error={"type": random.choice(ERRORS), "message": f"no such thing: {number}"} if failed else None,
        options={"batch_id": f"batch_{number // 500}"} if number % 5 == 0 else None,
        code_version=VERSIONS[number * len(VERSIONS) // runs] if begun else None,
    )


def _events(run: Run, number: int) -> Iterator[Event]:
    def event(kind: str, level: int, name: str, message: str, **attributes: object) -> Event:
        span = kind == "span"
        return Event(
            0,
            kind,
            run.run_id,
            run.trace_id,
            number.to_bytes(8) if span else None,
            run.span_id,
            (run.started or run.created) + 1_000_000,
            random.randrange(1_000_000, SECOND) if span else None,
            level,
            ("error" if level >= ERROR else "ok") if span else None,
            name,
            message,
            attributes,
        )

    user = f"u_{number % 50_000}"
    yield event(
        "log", INFO, "logger", f"began to handle order {number}", **{"user.id": user, "region": f"r{number % 7}"}
    )
    if number % 40 == 0:
        yield event("log", WARN, "logging:http", "the connection was slow", attempt=number % 5)
    if run.status == "FAILED":
        yield event("log", ERROR, "logger", "could not handle the order", **{"user.id": user})
    status = random.choice((200, 200, 200, 404))
    level = ERROR if run.status == "FAILED" else INFO
    yield event("span", level, "HTTP GET", "", **{"http.status": status, "peer": "api"})


def make(path: Path, runs: int) -> None:
    """Write the log, unless it is there."""
    if path.exists():
        return
    started, records = time.monotonic(), 0
    store = SQLiteStore(path)
    for batch in batches(runs):
        records += len(batch)
        store.write(batch)
        if sys.stderr.isatty():
            print(f"\r{records:,} records", end="", file=sys.stderr)
    store.maintain()
    store.close()
    seconds = time.monotonic() - started
    print(f"{records:,} records in {seconds:.0f} s, {path.stat().st_size / 1e6:,.0f} MB: {path}\n", file=sys.stderr)


QUERIES = (
    "",
    "status:failed",
    "-status:completed",
    "task:send-email",
    "task:send*",
    "queue:slow",
    "tag:customer-77",
    "tag:pro",
    "run.version:2026.3",
    "run.error:ValueError",
    "run.batch:batch_500",
    "run.errors:>0",
    "level:>=warn",
    "user.id:u_5",
    "region:r3 status:timed_out",
    "http.status:404",
    "order 999",
    "could",
    "run.dur:>19s",
    "run.worker:nobody",
    "run.trace:0abc",
)
LOG_QUERIES = (
    "",
    "level:error",
    "task:send-email",
    "user.id:u_5",
    "began",
    "region:r3 level:warn",
    "attempt:>3",
    "-began -could",
)
TIMES = 7

Answer = tuple[str, int | None]
"""What was found, and the time (ns) back to which it was looked for, where that is not all."""


def ask(question: Callable[[], Answer]) -> str:
    """Ask several times; say what it took and found."""
    taken: list[float] = []
    for _ in range(TIMES):
        started = time.perf_counter()
        found, searched_to = question()
        taken.append((time.perf_counter() - started) * 1000)
    cell = f"{min(taken):.1f} (worst {max(taken):.0f})"
    if searched_to is None:
        return f"{cell}: {found}"
    return f"{cell} → {found}, {(time.time_ns() - searched_to) / 86_400 / SECOND:.1f} d"


def table(title: str, rows: Sequence[str], columns: dict[str, Callable[[str], Answer]]) -> None:
    print(f"\n| {title} | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for row in rows:
        cells = [ask(partial(question, row)) for question in columns.values()]
        print(f"| `{row or '(everything)'}` | {' | '.join(cells)} |", flush=True)


def measure(project: Path) -> None:
    settings = Settings.load(project)
    reader = SQLiteStore(settings.log_path, readonly=True)
    first, last = reader.run_times() or (0, 0)
    width = (last - first) // 60 + 1

    def page(text: str) -> Answer:
        found = runs_page(reader, settings, parse(text), None, 50, ())
        return f"{len(found.items)}", None if found.searched_to is None else int(found.searched_to * 1e6)

    def count(text: str) -> Answer:
        found = reader.count_runs(parse(text))
        return f"{found.count:,}", found.searched_to

    def bars(text: str) -> Answer:
        found = reader.run_histogram(parse(text), first, width, 60)
        return f"{found.total:,}", found.searched_to

    def facets(text: str) -> Answer:
        found = reader.run_facets(parse(text), FACETS)[0]
        return f"{found.counted:,}", found.searched_to

    def region(text: str) -> Answer:
        [found] = reader.run_facets(parse(text), ("region",))
        return f"{found.counted:,}", found.searched_to

    def lines(text: str) -> Answer:
        found = logs_page(reader, of_logs(parse(text)), None, 100)
        return f"{len(found.items)}", None if found.searched_to is None else int(found.searched_to * 1e6)

    def levels(text: str) -> Answer:
        found = reader.event_histogram(of_logs(parse(text)), first // MINUTE * MINUTE, width // MINUTE * MINUTE, 61)
        return f"{found.total:,}", found.searched_to

    with reader.within(3600):
        table(
            "Runs",
            QUERIES,
            {"page of 50": page, "count": count, "histogram": bars, "facets": facets, "facet `region`": region},
        )
        table("Logs", LOG_QUERIES, {"page of 100": lines, "histogram": levels})
    reader.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--project", type=Path, default=Path(tempfile.gettempdir()) / "runlog-page-lists")
    options = parser.parse_args()
    options.project.mkdir(exist_ok=True)
    make(Settings.load(options.project).log_path, options.runs)
    measure(options.project)


if __name__ == "__main__":
    main()
