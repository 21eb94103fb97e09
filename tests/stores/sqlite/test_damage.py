"""A damaged or foreign file is moved aside, never deleted, and a new one is started."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from random import Random

import apsw
import pytest

from runlog.errors import StoreError, StoreTooNew
from runlog.stores.base import Batch
from runlog.stores.sqlite import SQLiteStore, check_log
from runlog.stores.sqlite.schema import APPLICATION_ID, MIGRATIONS
from tests.helpers import times
from tests.stores.sqlite.records import log, run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


def filled(path: Path, batches: int = 20) -> bytes:
    store = SQLiteStore(path)
    for number in range(batches):
        store.write(Batch(events=[log(f"hello {number} {n}", "run_a", key=n) for n in range(100)], runs=[run()]))
    store.close()
    return path.read_bytes()


def foreign_database(path: Path) -> bytes:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (a)")
    connection.execute("INSERT INTO mine VALUES (1)")
    connection.commit()
    connection.close()
    return path.read_bytes()


def with_application_id(path: Path) -> bytes:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA application_id = 77")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    return path.read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        b"this is a text and no database\n" * 500,
        b"SQLite format 3\0" + b"\xff" * 5000,
        os.urandom(10_000),
        foreign_database,
        with_application_id,
    ],
    ids=["text", "bad header", "noise", "foreign", "other application"],
)
def test_what_is_no_log_is_moved_aside_as_it_is(path: Path, content: object) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        assert callable(content)
        content = content(path)
    store = SQLiteStore(path)
    assert store.moved_aside is not None
    assert store.moved_aside.read_bytes() == content
    store.write(Batch(events=[log("new")]))
    assert store.last_event_id() == 1
    assert check_log(path).moved_aside == (store.moved_aside,)


def test_an_empty_file_is_a_new_log(path: Path) -> None:
    path.touch()
    store = SQLiteStore(path)
    store.write(Batch(events=[log("new")]))
    assert store.moved_aside is None


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_replaced_when_it_shows(path: Path, keep: float) -> None:
    content = filled(path)
    path.write_bytes(content[: int(len(content) * keep)])
    store = SQLiteStore(path)
    batch = Batch(
        events=[log("hello again", "run_a", key=5) for _ in range(100)], runs=[run()], spool_id="s", positions={0: 1}
    )
    store.write(batch)
    assert store.moved_aside is not None
    assert store.moved_aside.stat().st_size >= len(content) * keep * 0.99
    assert [event.id for event in batch.events] == list(range(1, 101))
    assert len(store.events("run_a")) == 100
    assert store.positions("s") == {0: 1}
    assert check_log(path).problems == ()


def test_random_smashes_never_stop_the_writing(path: Path) -> None:
    content = filled(path)
    random = Random(3)
    moved = 0
    for _ in range(times(15, 15)):
        smashed = bytearray(content)
        for _ in range(20):
            position = random.randrange(len(smashed) - 64)
            smashed[position : position + 64] = random.randbytes(64)
        path.write_bytes(smashed)
        store = SQLiteStore(path)
        for number in range(3):
            batch = Batch(events=[log(f"hello {number}", "run_a", key=number) for _ in range(50)], runs=[run()])
            store.write(batch)
            assert batch.events[-1].id
        moved += store.moved_aside is not None
        store.close()
        for left in path.parent.glob("log.db*"):
            left.unlink()
    assert moved > 0


def test_reading_a_damaged_file_is_an_error_that_says_so(path: Path) -> None:
    content = filled(path)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(StoreError, match="malformed") as caught:
        SQLiteStore(path, readonly=True).search(None, limit=10_000)
    assert "runlog doctor" in str(caught.value)
    assert path.read_bytes() == content[: len(content) // 2]
    assert check_log(path).problems != ()


def test_reading_moves_nothing(path: Path) -> None:
    for content in (b"no database" * 1000, foreign_database(path)):
        path.write_bytes(content)
        with pytest.raises(StoreError):
            SQLiteStore(path, readonly=True)
        assert path.read_bytes() == content
        assert check_log(path).problems != ()


@pytest.mark.parametrize("readonly", [False, True])
def test_a_newer_schema_is_refused_and_not_touched(path: Path, readonly: bool) -> None:
    filled(path, 1)
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", len(MIGRATIONS) + 1)
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match="newer runlog") as caught:
        SQLiteStore(path, readonly=readonly)
    assert caught.value.fix == "upgrade: pip install --upgrade runlog-tasks"
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*damaged*"))


def test_a_second_process_goes_over_to_the_new_file(path: Path) -> None:
    first, second = SQLiteStore(path), SQLiteStore(path)
    second.write(Batch(events=[log("before")]))
    assert first._database is not None
    first._database.replace_damaged()
    first.write(Batch(events=[log("a")]))
    second.write(Batch(events=[log("b")]))
    assert [event.message for event in first.events(None)] == ["a", "b"]
    assert second.moved_aside is None


def test_a_deleted_log_is_started_anew(path: Path) -> None:
    store = SQLiteStore(path)
    store.write(Batch(events=[log("a")]))
    for file in path.parent.glob("log.db*"):
        file.unlink()
    store.write(Batch(events=[log("b")]))
    assert [event.message for event in SQLiteStore(path, readonly=True).events(None)] == ["b"]
    assert store.moved_aside is None


def test_a_cut_wal_opens_with_whole_batches(path: Path) -> None:
    store = SQLiteStore(path)
    for number in range(50):
        store.write(Batch(events=[log(f"{number}") for _ in range(10)], spool_id="s", positions={0: number}))
    random = Random(1)
    wal = path.with_name("log.db-wal").read_bytes()
    main = path.read_bytes()
    for round_ in range(10):
        copy = path.parent / f"copy{round_}" / "log.db"
        copy.parent.mkdir()
        copy.write_bytes(main)
        cut = random.randrange(len(wal))
        copy.with_name("log.db-wal").write_bytes(wal[:cut] + random.randbytes(100) * (round_ % 2))
        opened = SQLiteStore(copy)
        stored = opened.last_event_id()
        assert stored % 10 == 0
        assert opened.positions("s").get(0, -1) == stored // 10 - 1
        assert opened.moved_aside is None
        opened.write(Batch(events=[log("on")]))
        opened.close()


def test_a_sound_log_has_no_problems(path: Path) -> None:
    filled(path)
    health = check_log(path, thorough=True)
    assert (health.problems, health.moved_aside) == ((), ())
    assert check_log(path.with_name("absent.db")).problems != ()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
def test_a_log_in_a_folder_that_cannot_be_written_is_read(tmp_path: Path) -> None:
    folder = Path("/tmp") / f"runlog-read-only-{os.getpid()}"  # every parent must let the other user through
    try:
        folder.mkdir(mode=0o755)
        filled(folder / "log.db", 1)
        (folder / "log.db").chmod(0o644)
        program = (
            "import os, sys; from pathlib import Path; from runlog.stores.sqlite import SQLiteStore;"
            "os.seteuid(65534); path = Path(sys.argv[1]);"
            "print(len(SQLiteStore(path, readonly=True).events('run_a')));"
            "\ntry: SQLiteStore(path)\nexcept Exception as error: print(type(error).__name__)"
        )
        command = [sys.executable, "-c", program, str(folder / "log.db")]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
        assert done.stdout.split() == ["100", "StoreError"]
    finally:
        shutil.rmtree(folder)


def test_the_schema_names_this_program(path: Path) -> None:
    filled(path, 1)
    connection = apsw.Connection(str(path))
    assert (connection.pragma("application_id"), connection.pragma("user_version")) == (APPLICATION_ID, len(MIGRATIONS))
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("auto_vacuum") == 2
