from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

import apsw
import pytest

from runlog.errors import StoreError
from runlog.system.sqlite import Database

MIGRATIONS = ("CREATE TABLE entry (name TEXT) STRICT",)


def entries(path: Path) -> list[str]:
    connection = apsw.Connection(str(path))
    try:
        return [name for (name,) in connection.execute("SELECT name FROM entry")]
    finally:
        connection.close()


def test_a_database_whose_folder_was_deleted_is_written_under_a_lock_that_others_see(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "some.db"
    database = Database(path, 1, MIGRATIONS)
    shutil.rmtree(path.parent)
    with database.transaction() as connection:
        connection.execute("INSERT INTO entry VALUES ('new')")
        with path.with_name("some.db.lock").open("r+b") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert entries(path) == ["new"]
    database.close()


def test_a_database_that_cannot_be_replaced_is_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "some.db"
    database = Database(path, 1, MIGRATIONS)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", _input_output_error)
        with pytest.raises(StoreError, match="Input/output error"):
            database.replace_damaged()
    database.checkpoint()  # there is nothing to do, and nothing is wrong
    with database.transaction() as connection:
        connection.execute("INSERT INTO entry VALUES ('kept')")
    assert entries(path) == ["kept"]
    database.close()


def _input_output_error(*_arguments: object) -> None:
    raise OSError(5, "Input/output error")


def test_closing_leaves_a_file_alone_that_took_the_place_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "some.db"
    first = Database(path, 1, MIGRATIONS)
    shutil.rmtree(path.parent)
    second = Database(path, 1, MIGRATIONS)
    with second.transaction() as connection:
        connection.execute("INSERT INTO entry VALUES ('new')")
    first.close()
    assert entries(path) == ["new"]
    second.close()


def test_a_durable_transaction_waits_for_the_disk_and_the_next_one_does_not(tmp_path: Path) -> None:
    database = Database(tmp_path / "some.db", 1, MIGRATIONS)
    normal, full = 1, 2
    for durable, wanted in ((True, full), (False, normal)):
        with database.transaction(durable=durable) as connection:
            assert connection.pragma("synchronous") == wanted
    database.close()


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_what_a_file_that_is_gone_leaves_behind_is_not_taken_for_that_of_the_next(tmp_path: Path, how: str) -> None:
    """SQLite would play the old WAL into another file, and trust the index in memory that others have open."""
    path, other = tmp_path / "some.db", tmp_path / "other.db"
    second = Database(other, 1, MIGRATIONS)
    with second.transaction() as connection:
        connection.execute("INSERT INTO entry VALUES ('other')")
    second.close()
    databases = [Database(path, 1, MIGRATIONS) for _ in range(2)]
    left: list[object] = []
    databases[0].leaving = lambda old: left.extend(old.execute("SELECT name FROM entry"))
    with databases[0].transaction() as connection:
        connection.execute("INSERT INTO entry VALUES ('old')")
    path.unlink()
    if how == "replaced":
        other.rename(path)
    for number, database in enumerate(databases):
        with database.transaction() as connection:
            connection.execute("INSERT INTO entry VALUES (?)", (str(number),))
    assert left == [("old",)]
    assert entries(path) == ["other"] * (how == "replaced") + ["0", "1"]
    assert databases[0].connection.pragma("integrity_check") == "ok"
    for database in databases:
        database.close()
