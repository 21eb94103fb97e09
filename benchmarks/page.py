"""`python -m benchmarks.page [--spans N] [--logs N] [--log FILE] [--chromium PATH]`: the run page in a real browser.

A run of 100,000 spans and 100,000 logs is made through the store's own writer and shown by `runlog ui`, in a headless
Chromium that draws in software. Measured are: the time from navigation to the first rows of the tree and to all of it;
frames while scrolling, jumping, zooming and panning; the memory of the page; and frames, rows and delay while another
process writes 2,000 records a second into a run that goes on.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runlog.config import Settings
from runlog.stores.base import DEBUG, ERROR, INFO, WARN, Batch, Event, Run
from runlog.stores.sqlite import SQLiteStore

SECOND = 1_000_000_000
A_BATCH = 2000
BIG, LIVE = "run_00000000000000000000000big", f"run_live{time.time_ns():022d}"
TRACE = bytes(16)
FRAMES = 240
LIVE_SECONDS = 20
A_SECOND = 2000
EVERY = 0.05

Figures = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--logs", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where the project is made, or was made before")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        log = Settings.load(folder).log_path
        if not log.exists():
            log.parent.mkdir(parents=True, exist_ok=True)
            write_big(log, options.spans, options.logs)
        server, address, token = serve(folder)
        try:
            measure(address, token, log, options.chromium)
        finally:
            server.terminate()
            server.wait()


# ── what is shown ─────────────────────────────────────────────────────────────────────────────────────────────────────


def write_big(log: Path, spans: int, logs: int) -> None:
    """One run that ended: batches of items, each item with a request, a query and logs; some fail."""
    store = SQLiteStore(log)
    made = Made(BIG, time.time_ns() - 600 * SECOND)
    try:
        batch = Batch(spool_id="made", runs=[made.run("EXECUTING")])
        for event in made.events(spans, logs):
            batch.events.append(event)
            if len(batch.events) >= A_BATCH:
                store.write(batch)
                batch = Batch(spool_id="made")
        batch.runs.append(made.run("COMPLETED"))
        store.write(batch)
        store.maintain()
    finally:
        store.close()


class Made:
    """A run and its events, in the order in which a writer stores them: spans as they end."""

    def __init__(self, run_id: str, created: int) -> None:
        self.run_id, self.created, self.time = run_id, created, created + 2 * SECOND
        self.started = self.time
        self.spans = self.logs = self.version = self._number = 0
        self._random = random.Random(4)
        self._base = 1 if run_id == BIG else 2 + time.time_ns() // SECOND % 60_000

    def run(self, status: str) -> Run:
        self.version += 1
        ended = self.time if status == "COMPLETED" else None
        return Run(
            self.run_id,
            self.version,
            "nightly-import",
            status,
            "default",
            self.created,
            self.time,
            1,
            TRACE,
            self._base.to_bytes(8),
            worker="bench-1",
            started=self.started,
            ended=ended,
        )

    def events(self, spans: int, logs: int) -> Iterator[Event]:
        """So many of each, in batches of forty items."""
        attempt, body = self._id(), self._id()
        yield self._span("open", "Attempt 1", attempt, self._base.to_bytes(8), self.started)
        yield self._span("open", "run()", body, attempt, self.started)
        while self.spans + 2 < spans or self.logs < logs:
            yield from self._batch(body, spans, logs)
        yield self._span("span", "run()", body, attempt, self.started, self.time - self.started)
        yield self._span("span", "Attempt 1", attempt, self._base.to_bytes(8), self.started, self.time - self.started)

    def _batch(self, body: bytes, spans: int, logs: int) -> Iterator[Event]:
        batch, began = self._id(), self.time
        name = self._random.choice(("import customers", "import orders", "reconcile"))
        yield self._span("open", name, batch, body, began)
        for _ in range(40):
            yield from self._item(batch, spans, logs)
        yield self._span("span", name, batch, body, began, self.time - began)
        self.time += 2_000_000

    def _item(self, batch: bytes, spans: int, logs: int) -> Iterator[Event]:
        item, began, number = self._id(), self.time, self._number
        fails = self._random.random() < 0.0005
        if self.logs < logs:
            level = DEBUG if number % 3 else INFO
            yield self._log(f"processing item {number} of customer {number % 977}", item, began + 20_000, level)
        if self.spans + 4 < spans:
            took = self._random.randrange(1_000_000, 4_000_000)
            yield self._span("span", f"HTTP GET /users/{number}", self._id(), item, began + 50_000, took, fails)
            yield self._span("span", "INSERT users", self._id(), item, began + 4_100_000, 400_000)
        for text in ("fetched", "saved"):
            if self.logs < logs:
                level = ERROR if fails else WARN if number % 50 == 0 else INFO
                yield self._log(f"item {number} {text}", item, began + 4_600_000, level)
        self.time = began + 5_200_000
        if self.spans < spans:
            yield self._span("span", "process item", item, batch, began, 5_000_000, fails)

    def _id(self) -> bytes:
        self._number += 1
        return (self._base << 48 | self._number).to_bytes(8)

    def _span(
        self, kind: str, name: str, span: bytes, parent: bytes, start: int, took: int | None = None, fails: bool = False
    ) -> Event:
        self.spans += kind == "span"
        status = None if kind == "open" else "error" if fails else "ok"
        error = {"exception": {"type": "ValueError", "message": "cannot read the answer"}} if fails else None
        level = ERROR if fails else INFO
        attributes = {"http.response.status_code": 500 if fails else 200} if name.startswith("HTTP") else {}
        return Event(0, kind, self.run_id, TRACE, span, parent, start, took, level, status, name, "", attributes, error)

    def _log(self, message: str, parent: bytes, moment: int, level: int) -> Event:
        self.logs += 1
        return Event(
            0, "log", self.run_id, TRACE, None, parent, moment, None, level, None, "logger", message, {"n": self.logs}
        )


def write_live(log: Path, stop: threading.Event) -> None:
    """2,000 records a second into a run that goes on; each batch's last log says when it was written."""
    store = SQLiteStore(log)
    made = Made(LIVE, time.time_ns() - 3 * SECOND)
    made.started = made.time = time.time_ns()
    store.write(Batch(spool_id="live", runs=[made.run("EXECUTING")]))
    events = made.events(10**9, 10**9)
    due = time.monotonic()
    while not stop.is_set():
        batch = Batch(spool_id="live", events=[next(events) for _ in range(int(A_SECOND * EVERY))])
        late = time.time_ns() - made.time
        for event in batch.events:
            event.time += late
        made.time += late
        store.write(batch)
        due += EVERY
        stop.wait(max(0.0, due - time.monotonic()))
    store.write(Batch(spool_id="live", runs=[made.run("COMPLETED")]))
    store.close()


# ── measuring ─────────────────────────────────────────────────────────────────────────────────────────────────────────

COUNT_FRAMES = """([act, frames]) => new Promise((done) => {
  const gaps = [];
  let last = 0, number = 0;
  const step = (time) => {
    if (last > 0) gaps.push(time - last);
    last = time;
    if (number++ >= frames) { done(gaps); return; }
    ACTIONS[act](number);
    requestAnimationFrame(step);
  };
  const rows = document.querySelector('.tl-scroll');
  const wheel = (more) => rows.dispatchEvent(
    new WheelEvent('wheel', { clientX: 900, clientY: 500, cancelable: true, bubbles: true, ...more }));
  const ACTIONS = {
    scroll: () => { rows.scrollTop += 60; },
    jump: (n) => { rows.scrollTop = (n * 7919 * 28) % (rows.scrollHeight - rows.clientHeight); },
    zoom: (n) => wheel({ ctrlKey: true, deltaY: n % 80 < 40 ? -60 : 60 }),
    pan: (n) => wheel({ shiftKey: true, deltaY: n % 80 < 40 ? -60 : 60 }),
    none: () => undefined,
  };
  requestAnimationFrame(step);
})"""

LOADED = "() => /^[1-9][0-9,]+ rows$/.test(document.querySelector('.tl-summary')?.textContent ?? '')"


def measure(address: str, token: str, log: Path, chromium: str) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{address}/#token={token}")
        page.wait_for_selector("h1")
        show(page, address, log)
        browser.close()


def show(page: Any, address: str, log: Path) -> None:
    began = time.perf_counter()
    page.goto(f"{address}/runs/{BIG}", wait_until="commit")
    page.wait_for_function("() => document.querySelectorAll('.tl-row:not([hidden])').length > 3", polling=20)
    say("first rows of the tree", time.perf_counter() - began, "s", 1.0)
    page.wait_for_function(LOADED, polling=50, timeout=120_000)
    say("all rows", time.perf_counter() - began, "s")
    print(f"  {page.text_content('.tl-summary')}")
    page.keyboard.press("r")  # what repeats is not folded: as many rows as there are
    page.wait_for_function("() => Number(document.querySelector('.tl-scroll').ariaRowCount) > 100_000")
    for act in ("scroll", "jump", "zoom", "pan"):
        frames(page, act)
    memory(page)
    live(page, address, log)


def live(page: Any, address: str, log: Path) -> None:
    stop = threading.Event()
    writer = threading.Thread(target=write_live, args=(log, stop))
    writer.start()
    try:
        time.sleep(1)
        page.goto(f"{address}/runs/{LIVE}", wait_until="commit")
        page.wait_for_selector(".tl-row")
        end = time.monotonic() + LIVE_SECONDS
        while time.monotonic() < end:
            frames(page, "none", least=30)
        print(f"  {page.text_content('.tl-summary')}")
    finally:
        stop.set()
        writer.join()
    memory(page)


def frames(page: Any, act: str, least: int = 50) -> None:
    gaps = sorted(page.evaluate(COUNT_FRAMES, [act, FRAMES]))
    median, worst = gaps[len(gaps) // 2], gaps[-1]
    name = "live" if act == "none" else act
    say(f"{name}: frames a second, median", 1000 / median, "", least, more=True)
    say(f"{name}: longest frame", worst, "ms", 100)


def memory(page: Any) -> None:
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")
    say("page memory", (heap["usedSize"] + heap.get("backingStorageSize", 0)) / 1e6, "MB", 300)


def say(what: str, value: float, unit: str, wanted: float | None = None, *, more: bool = False) -> None:
    met = wanted is None or (value >= wanted if more else value <= wanted)
    goal = "" if wanted is None else f"   ({'at least' if more else 'at most'} {wanted:g})"
    print(f"{'  ' if met else '! '}{what:<40}{value:>9.2f} {unit}{goal}", flush=True)


def serve(folder: Path) -> tuple[subprocess.Popen[str], str, str]:
    command = [sys.executable, "-m", "runlog.cli", "ui", "--port", "0"]
    server = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    assert server.stdout is not None
    for line in server.stdout:
        found = re.search(r"(http://\S+?)/?#token=(\S+)", line)
        if found is not None:
            return server, found.group(1), found.group(2)
    raise SystemExit("runlog ui said no address")


if __name__ == "__main__":
    main()
