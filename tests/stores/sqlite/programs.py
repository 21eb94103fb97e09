"""What the processes of `test_processes` do: `python -m tests.stores.sqlite.programs NAME PATH ...`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from runlog.stores.base import Batch, Event
from runlog.stores.query import parse
from runlog.stores.sqlite import SQLiteStore
from tests.stores.sqlite.records import log, opened, run, span

BATCH = 50


def wait_for(gate: Path) -> None:
    """All processes of a test start at once."""
    print("ready", flush=True)
    while not gate.exists():
        time.sleep(0.001)


def open_and_write(path: Path, name: str) -> None:
    """Open a log that is not there yet, as every other process does at this instant."""
    wait_for(path.with_name("gate"))
    store = SQLiteStore(path)
    store.write(Batch(events=[log(f"from {name}")]))
    store.close()


def batch_of(name: str, number: int) -> Batch:
    """Batch number n of a writer: its events carry n * BATCH + i, its position is n."""
    run_id = f"run_{name}_{number // 10}"
    events: list[Event] = []
    for index in range(number * BATCH, (number + 1) * BATCH):
        many: dict[str, Any] = {"writer": name, "number": index, "common": "x", "third": index % 3}
        events.append(log(f"message {index}", run_id, time=time.time_ns(), **many))
    first = number * 1000 + 1
    spans = [opened(first + hash(name) % 900, run_id), span(first + hash(name) % 900, run_id, time=time.time_ns())]
    state = run(run_id, number % 10 + 1, "COMPLETED" if number % 10 == 9 else "EXECUTING", created=time.time_ns())
    state.ended = time.time_ns() if state.is_terminal else None
    return Batch([*events, *spans], [state], spool_id=name, positions={0: number + 1})


def write(path: Path, name: str, seconds: str) -> None:
    """Write batch after batch, and say after each that it is stored."""
    store = SQLiteStore(path)
    wait_for(path.with_name("gate"))
    number, end = store.positions(name).get(0, 0), time.monotonic() + float(seconds)
    while time.monotonic() < end:
        store.write(batch_of(name, number))
        number += 1
        print(number, flush=True)
    store.close()


def follow(path: Path, _name: str, seconds: str) -> None:
    """Follow the log as a tail does until it is quiet, search meanwhile, and print what was seen."""
    wait_for(path.with_name("gate"))
    store = SQLiteStore(path, readonly=True)
    seen: list[int] = []
    position, end = 0, time.monotonic() + float(seconds) + 1
    query = parse("common:x third:1 message")
    while True:
        events, position = store.tail(None, after=position)
        seen += [event.id for event in events]
        if not events:
            if time.monotonic() > end and position == store.last_event_id():
                break
            time.sleep(0.005)
        elif len(seen) % 7 == 0:
            assert all(event.attributes["third"] == 1 for event in store.search(query, limit=20).items)
            store.runs(parse("common:x"), limit=5)
    print(json.dumps({"count": len(seen), "gaps": [a for a, b in pairwise(seen) if b != a + 1]}))


def prune(path: Path, _name: str, seconds: str) -> None:
    """Prune all the time whatever has ended."""
    store = SQLiteStore(path)
    wait_for(path.with_name("gate"))
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        store.prune(older_than=time.time_ns())


PROGRAMS: dict[str, Callable[..., None]] = {"open": open_and_write, "write": write, "follow": follow, "prune": prune}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
