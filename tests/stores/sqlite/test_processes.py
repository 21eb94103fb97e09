"""Several processes on one log at once, and processes that are killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from runlog.stores.sqlite import SQLiteStore, check_log
from tests.helpers import times, wait_until
from tests.stores.sqlite.programs import BATCH

ROOT = Path(__file__).parents[3]

Process = subprocess.Popen[str]


@contextmanager
def processes(path: Path, *commands: tuple[str, ...]) -> Iterator[list[Process]]:
    """Start programs and let them go at the same instant, when all are ready."""
    command = [sys.executable, "-m", "tests.stores.sqlite.programs"]
    started = [
        subprocess.Popen([*command, name, str(path), *rest], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for name, *rest in commands
    ]
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        path.with_name("gate").touch()
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def test_eight_processes_open_a_log_that_is_not_there(tmp_path: Path) -> None:
    for round_ in range(times(1, 1)):
        path = tmp_path / str(round_) / "log.db"
        path.parent.mkdir()
        with processes(path, *[("open", str(number)) for number in range(8)]) as started:
            assert [process.wait(30) for process in started] == [0] * 8
        store = SQLiteStore(path)
        assert sorted(event.message for event in store.events(None)) == [f"from {number}" for number in range(8)]
        assert store.moved_aside is None
        store.close()
        assert not list(path.parent.glob("*damaged*"))


def write_and_follow(path: Path, seconds: float) -> None:
    writers = [("write", f"w{number}", str(seconds)) for number in range(4)]
    SQLiteStore(path).close()
    with processes(path, *writers, *[("follow", f"r{number}", str(seconds)) for number in range(2)]) as started:
        outputs = [process.communicate(timeout=seconds * 4 + 30)[0] for process in started]
        assert [process.returncode for process in started] == [0] * 6
    stored = [int(output.split()[-1]) for output in outputs[:4]]
    assert min(stored) > 0
    for output in outputs[4:]:
        assert json.loads(output.splitlines()[-1]) == {"count": sum(stored) * (BATCH + 2), "gaps": []}
    store = SQLiteStore(path)
    for number, batches in enumerate(stored):
        assert numbers_of(store, f"w{number}") == list(range(batches * BATCH))
        assert store.positions(f"w{number}") == {0: batches}
    assert check_log(path, thorough=True).problems == ()


def numbers_of(store: SQLiteStore, writer: str) -> list[int]:
    connection = store._connection
    rows = connection.execute(
        "SELECT json_extract(attributes, '$.number') FROM event WHERE id IN (SELECT rowid FROM attr WHERE attr MATCH ?)"
        " ORDER BY 1",
        (f'"writer={writer}"',),
    )
    return [row[0] for row in rows]


def test_four_processes_write_and_two_follow(tmp_path: Path) -> None:
    write_and_follow(tmp_path / "log.db", 1.5)


@pytest.mark.slow
def test_four_processes_write_and_two_follow_for_long(tmp_path: Path) -> None:
    write_and_follow(tmp_path / "log.db", 30)


def test_what_was_acknowledged_survives_kills_once(tmp_path: Path) -> None:
    """Kill a writer at random moments, with another process pruning: whole batches, none lost, indexes sound."""
    path, random = tmp_path / "log.db", Random(2)
    SQLiteStore(path).close()
    acknowledged = 0
    for _ in range(times(6, 20)):
        path.with_name("gate").unlink(missing_ok=True)
        with processes(path, ("write", "w0", "30"), ("prune", "p", "30")) as (writer, pruner):
            assert writer.stdout is not None
            first = writer.stdout.readline()
            time.sleep(random.random() * 0.3)
            writer.kill()
            pruner.kill()
            said = [first, *writer.stdout.read().splitlines()]
        acknowledged = max(acknowledged, *(int(line) for line in said if line.strip()))
        store = SQLiteStore(path)
        done = store.positions("w0")[0]
        assert acknowledged <= done <= acknowledged + 1
        numbers = numbers_of(store, "w0")
        assert numbers == list(range(numbers[0], done * BATCH)) if numbers else done > 0
        assert numbers == sorted(set(numbers))
        store.close()
        assert check_log(path, thorough=True).problems == ()
    store = SQLiteStore(path)
    store.prune(max_size=0)
    left = {event.run_id for event in store.search(None, limit=10_000).items}
    assert left <= {run.run_id for run in store.runs().items if not run.is_terminal}
    for run_id in left:
        assert store.run(run_id or "").logs == len([e for e in store.events(run_id) if e.kind == "log"])


def test_a_writer_waits_for_a_lock_that_another_process_holds(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    store = SQLiteStore(path)
    assert store._database is not None
    with processes(path, ("open", "late")) as (process,):
        with store._database.transaction():
            time.sleep(0.2)
            assert process.poll() is None
        wait_until(lambda: process.poll() == 0, timeout=20)
    assert [event.message for event in store.events(None)] == ["from late"]
