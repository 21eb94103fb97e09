"""What the embedded engine does about its file: locked, read-only, damaged, deleted, forked."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import threading
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

import anyio
import apsw
import pytest

from runlog.engines.base import Interrupt, Outcome
from runlog.engines.local import LocalEngine, LostQueue, care, claiming, live_workers, operations, reading, submitting
from runlog.errors import RunNotFound, StoreError, StoreTooNew
from runlog.system.files import private_directory
from runlog.system.sqlite import Database
from tests.engines.conftest import Changes, claim_one, eventually, new_run, work_on

pytestmark = pytest.mark.anyio


@pytest.fixture
async def local(tmp_path: Path, anyio_backend: object) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(tmp_path / "queue.db", Changes())
    yield engine
    with anyio.CancelScope(shield=True):
        await engine.close()


async def test_files_are_private(local: LocalEngine) -> None:
    await local.submit([new_run()])
    await claim_one(local)
    for path in local.path.parent.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


async def test_a_locked_queue_blocks_nobody_and_loses_nothing(local: LocalEngine) -> None:
    await local.submit([new_run()])
    delivery = await claim_one(local)
    new = new_run()
    ticks = 0
    with local.path.with_name("queue.db.lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(local.submit, [new])
            local.finish_soon(delivery, Outcome("COMPLETED"))
            tasks.start_soon(local.flush)
            for _ in range(20):
                await anyio.sleep(0.01)
                ticks += 1
            fcntl.flock(lock, fcntl.LOCK_UN)
    assert ticks == 20
    assert (await local.get(new.run_id)).status == "QUEUED"
    assert (await local.get(delivery.run.run_id)).status == "COMPLETED"


@pytest.mark.slow
async def test_a_transaction_of_another_program_is_waited_for(local: LocalEngine) -> None:
    await local.submit([new_run()])
    other = apsw.Connection(str(local.path))
    other.execute("BEGIN EXCLUSIVE")
    new = new_run()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(local.submit, [new])
        await anyio.sleep(7)  # longer than SQLite's own patience
        other.execute("COMMIT")
    other.close()
    assert (await local.get(new.run_id)).status == "QUEUED"


async def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path, anyio_backend: object) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    engine = LocalEngine(blocked / "queue.db", Changes())
    for call in (
        engine.submit([new_run()]),
        engine.claim(work_on("work"), 1),
        engine.get("run_x"),
        engine.wait(["run_x"]),
    ):
        with pytest.raises(StoreError, match="cannot open"):
            await call
    await engine.close()


async def test_a_damaged_queue_is_moved_aside(tmp_path: Path, anyio_backend: object) -> None:
    path = tmp_path / "queue.db"
    path.write_bytes(b"this is no database" * 100)
    engine = LocalEngine(path, Changes())
    new = new_run()
    await engine.submit([new])
    assert (await engine.get(new.run_id)).status == "QUEUED"
    assert engine.moved_aside is not None
    assert engine.moved_aside.read_bytes().startswith(b"this is no database")
    await engine.close()


async def test_a_queue_of_a_newer_version_is_left_alone(tmp_path: Path, anyio_backend: object) -> None:
    engine = LocalEngine(tmp_path / "queue.db", Changes())
    await engine.submit([new_run()])
    await engine.close()
    connection = apsw.Connection(str(tmp_path / "queue.db"))
    connection.pragma("user_version", 99)
    connection.close()
    engine = LocalEngine(tmp_path / "queue.db", Changes())
    with pytest.raises(StoreTooNew):
        await engine.submit([new_run()])
    await engine.close()


async def test_a_queue_that_is_deleted_is_started_anew(local: LocalEngine) -> None:
    await local.submit([new_run()])
    lost = await claim_one(local)
    for path in [*local.path.parent.glob("queue.db*"), *local.path.parent.glob("workers/*")]:
        if not path.name.endswith(".lock") or path.parent.name == "workers":
            path.unlink()
    new = new_run()
    await local.submit([new])
    assert (await claim_one(local)).run.run_id == new.run_id
    assert not await local.finish(lost, Outcome("COMPLETED"))
    assert live_workers(local.path) == [local.worker_name]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("how", ["deleted", "replaced"])
async def test_runs_of_a_queue_that_is_deleted_under_a_worker_are_given_an_end(tmp_path: Path, how: str) -> None:
    """Nobody does anything but wait for work."""
    path, changes, lost = tmp_path / "queue.db", Changes(), list[LostQueue]()
    spare = LocalEngine(tmp_path / "other" / "queue.db", Changes())
    await spare.submit([new_run("other")])
    await spare.close()
    engine = LocalEngine(path, changes, lost=lost.append)
    ended, running, waiting = new_run(), new_run(), new_run("later")
    await engine.submit([ended, running, waiting])
    assert await engine.finish(await claim_one(engine), Outcome("COMPLETED"))
    delivery, told = await claim_one(engine), list[Interrupt]()
    engine.watch(delivery, told.append)
    version = (await engine.get(running.run_id)).version
    path.unlink()
    if how == "replaced":
        spare.path.rename(path)
    await eventually(lambda: _true(lost))
    assert [interrupt.reason for interrupt in told] == ["its queue was deleted"]
    assert await engine.lost(delivery) == "its queue was deleted"
    assert not await engine.finish(delivery, Outcome("COMPLETED"))
    await engine.close()
    assert lost[0].count == 2
    assert changes.of(ended.run_id)[-1] == "COMPLETED"
    assert changes.of(running.run_id).count("CRASHED") == changes.of(waiting.run_id).count("CRASHED") == 1
    (crashed,) = [run for run in changes if run.run_id == running.run_id and run.status == "CRASHED"]
    assert (crashed.version, crashed.reason, crashed.attempt) == (version + 1, "its queue was deleted", 1)
    assert crashed.error == {"type": "Crashed", "message": "its queue was deleted"}


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_of_several_workers_each_run_of_a_deleted_queue_is_ended_by_one(tmp_path: Path) -> None:
    """The file alone is deleted: the others still have its companions open."""
    path, told = tmp_path / "queue.db", list[LostQueue]()
    engines = [LocalEngine(path, Changes(), lost=told.append) for _ in range(3)]
    runs = [new_run() for _ in range(5)]
    await engines[0].submit(runs)
    for engine in engines:
        await claim_one(engine)
    path.unlink()
    await eventually(lambda: _true(len(told) == 3))
    assert sorted(run.run_id for lost in told for run in lost.runs) == sorted(run.run_id for run in runs)
    assert {lost.count for lost in told} == {5}
    new = new_run()
    await engines[1].submit([new])
    assert (await claim_one(engines[2])).run.run_id == new.run_id
    for engine in engines:
        await engine.close()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_queue_that_is_put_back_loses_nothing(tmp_path: Path) -> None:
    path, changes, lost = tmp_path / "queue.db", Changes(), list[LostQueue]()
    engine, new = LocalEngine(path, changes, lost=lost.append), new_run()
    await engine.submit([new])
    await engine.close()
    engine = LocalEngine(path, changes, lost=lost.append)
    await engine.get(new.run_id)
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    copy.rename(path)
    assert (await claim_one(engine)).run.run_id == new.run_id
    assert (lost[0].count, lost[0].runs) == (0, [])
    await engine.close()


async def test_a_worker_without_its_lock_gets_no_run(local: LocalEngine) -> None:
    new = new_run()
    await local.submit([new])
    lock = private_directory(local.path.parent / "workers") / f"{local.worker_name}.lock"
    lock.touch(mode=0o600)
    with lock.open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="lock file"):
            await local.claim(work_on("work"), 1)
    assert (await local.get(new.run_id)).status == "QUEUED"
    assert (await claim_one(local)).run.run_id == new.run_id
    assert live_workers(local.path) == [local.worker_name]


async def test_a_queue_whose_folder_is_deleted_is_started_anew_for_a_worker_that_waits(
    tmp_path: Path, anyio_backend: object
) -> None:
    engine = LocalEngine(tmp_path / "folder" / "queue.db", Changes())
    new, got = new_run(), []
    async with anyio.create_task_group() as tasks:

        async def claim() -> None:
            got.append((await claim_one(engine)).run.run_id)

        tasks.start_soon(claim)
        await eventually(lambda: _true(live_workers(engine.path)))
        shutil.rmtree(engine.path.parent)
        await engine.submit([new])
    assert got == [new.run_id]
    assert live_workers(engine.path) == [engine.worker_name]
    assert _registered(engine) == [engine.worker_name]
    await engine.close()


async def _true(value: object) -> bool:
    return bool(value)


def _registered(engine: LocalEngine) -> list[str]:
    connection = apsw.Connection(str(engine.path))
    try:
        return [name for (name,) in connection.execute("SELECT name FROM worker")]
    finally:
        connection.close()


def _once(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, error: Exception) -> None:
    """Let the next call raise this."""
    original, errors = getattr(owner, name), [error]

    def call(*arguments: object) -> object:
        if errors:
            raise errors.pop()
        return original(*arguments)

    monkeypatch.setattr(owner, name, call)


@pytest.mark.parametrize("anew", [True, False])
async def test_who_waits_for_a_run_that_is_gone_is_told(local: LocalEngine, anew: bool) -> None:
    runs = [new_run(), new_run()]
    await local.submit(runs)
    waiting = []

    async def wait() -> None:
        waiting.append(True)
        with pytest.raises(RunNotFound):
            await local.wait([run.run_id for run in runs])

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await eventually(lambda: _true(waiting))
            await local.get(runs[0].run_id)  # asked after the wait, answered with it
            for path in local.path.parent.glob("queue.db*"):
                path.unlink()
            if anew:
                await local.submit([new_run()])


async def test_damage_that_cannot_be_moved_aside_at_once_is_told_and_passes(
    local: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await local.submit([new_run()])
    _once(monkeypatch, submitting, "submit", apsw.CorruptError("malformed"))
    _once(monkeypatch, Database, "_move_aside", OSError(5, "Input/output error"))
    with anyio.fail_after(20):
        with pytest.raises(StoreError, match="malformed"):
            await local.submit([new_run()])
        new = new_run()
        await local.submit([new])
        assert (await local.get(new.run_id)).status == "QUEUED"


async def test_an_error_of_the_engine_itself_is_told_to_who_waits(
    local: LocalEngine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    new = new_run()
    await local.submit([new])
    _once(monkeypatch, reading, "get", ValueError("odd"))
    with anyio.fail_after(20):
        with pytest.raises(StoreError, match="odd"):
            await local.get(new.run_id)
        assert (await local.get(new.run_id)).status == "QUEUED"
    assert "odd" in capsys.readouterr().err


@pytest.mark.parametrize("module", [operations, reading])
async def test_what_is_wrong_with_one_question_is_not_told_to_others(
    local: LocalEngine, monkeypatch: pytest.MonkeyPatch, module: ModuleType
) -> None:
    new, other = new_run(), new_run()
    await local.submit([new, other])
    refused: list[str] = []

    async def ask(name: str, answer: Awaitable[object]) -> None:
        try:
            await answer
        except StoreError:
            refused.append(name)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            local._before_fork()  # so that all of them are in one turn of the thread
            group.start_soon(ask, "first", local.changes((0, 0), 1))
            await anyio.wait_all_tasks_blocked()
            _once(monkeypatch, module, "get", ValueError("odd"))
            group.start_soon(ask, "wrong", local.wait([new.run_id]) if module is operations else local.get(new.run_id))
            await anyio.wait_all_tasks_blocked()
            for answer in (local.get(other.run_id), local.wait([other.run_id]), local.cancel(other.run_id)):
                group.start_soon(ask, "fine", answer)
            await anyio.wait_all_tasks_blocked()
            local._after_fork_in_parent()
    assert refused == ["wrong"]


async def test_a_worker_is_registered_anew_if_that_was_not_committed(
    local: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await local.submit([new_run("other")])
    _once(monkeypatch, claiming, "next_due", apsw.FullError("database or disk is full"))
    with anyio.fail_after(20):
        with pytest.raises(StoreError, match="full"):
            await local.claim(work_on("work"), 1)
        await local.submit([new_run()])
        await claim_one(local)
    assert _registered(local) == [local.worker_name]


async def test_all_who_close_at_the_same_time_return(local: LocalEngine) -> None:
    await local.submit([new_run()])
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(local.close)


async def test_a_change_that_cannot_be_recorded_ends_nothing(
    tmp_path: Path, anyio_backend: object, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(run: object) -> None:
        raise RuntimeError("no record")

    engine = LocalEngine(tmp_path / "queue.db", broken)
    new = new_run()
    await engine.submit([new])
    assert await engine.finish(await claim_one(engine), Outcome("COMPLETED"))
    await engine.close()
    assert "could not be recorded" in capsys.readouterr().err


async def test_a_worker_is_seen_as_long_as_it_lives(local: LocalEngine) -> None:
    assert live_workers(local.path) == []
    await local.submit([new_run()])
    assert live_workers(local.path) == []
    await claim_one(local)
    assert live_workers(local.path) == [local.worker_name]
    await local.close()
    assert live_workers(local.path) == []


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_forks_under_load_leave_both_sides_working(local: LocalEngine) -> None:
    stop = threading.Event()
    children: list[int] = []

    def fork_away() -> None:
        while not stop.is_set() and len(children) < 20:
            child = os.fork()
            if child == 0:
                thread = threading.Thread(target=_submit_in_child, args=(local,))
                thread.start()
                thread.join(20)
                os.kill(os.getpid(), signal.SIGKILL if thread.is_alive() else signal.SIGTERM)
            children.append(child)
            time.sleep(0.01)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, fork_away)
        submitted = 0
        while len(children) < 20:
            await local.submit([new_run()])
            submitted += 1
            await anyio.sleep(0)
    stop.set()
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [-signal.SIGTERM] * 20
    runs = await local.changes((0, 0), 100_000)
    assert len(runs) == submitted + 20


def _submit_in_child(engine: LocalEngine) -> None:
    anyio.run(engine.submit, [new_run()])


async def test_who_has_lost_a_run_is_told_and_cannot_end_it(local: LocalEngine) -> None:
    new = new_run()
    await local.submit([new])
    before = await claim_one(local)
    told: list[Interrupt] = []
    local.watch(before, told.append)
    connection = apsw.Connection(str(local.path))
    connection.set_busy_timeout(5000)
    connection.execute("UPDATE state SET worker = 'of-a-process-that-is-gone'")
    connection.close()
    changes = Changes()
    other = LocalEngine(local.path, changes)
    after = await claim_one(other)
    assert (after.attempt, after.crashes) == (2, 1)
    assert not await local.finish(before, Outcome("COMPLETED"))
    assert await other.finish(after, Outcome("FAILED"))
    assert not await local.finish(before, Outcome("COMPLETED"))
    assert [interrupt.kind for interrupt in told] in ([], ["lost"])
    assert changes.of(new.run_id)[-2:] == ["EXECUTING", "FAILED"]
    await other.close()


async def test_an_attempt_whose_run_was_taken_is_interrupted(local: LocalEngine) -> None:
    await local.submit([new_run()])
    delivery = await claim_one(local)
    told: list[Interrupt] = []
    local.watch(delivery, told.append)
    connection = apsw.Connection(str(local.path))
    connection.set_busy_timeout(5000)
    connection.execute("UPDATE state SET token = token + 1")
    connection.close()
    with anyio.fail_after(20):
        while not told:
            await anyio.sleep(0.01)
    assert told[0].kind == "lost"


async def test_a_queue_that_is_locked_when_it_is_opened_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runlog.system.sqlite._BUSY_MS", 50)
    path = tmp_path / "queue.db"
    first = LocalEngine(path, Changes())
    await first.submit([new_run()])
    await first.close()
    other = apsw.Connection(str(path))
    other.execute("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE theirs(x)").fetchall()
    engine, new = LocalEngine(path, Changes()), new_run()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(engine.submit, [new])
        await anyio.sleep(0.3)
        other.execute("ROLLBACK")
        other.close()
    assert (await engine.get(new.run_id)).status == "QUEUED"
    await engine.close()


@pytest.mark.parametrize("error", [apsw.BusyError("busy"), apsw.IOError("disk I/O error")])
async def test_a_look_that_fails_ends_no_wait(
    local: LocalEngine, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    new = new_run()
    await local.submit([new])
    other = LocalEngine(local.path, Changes())
    delivery = await claim_one(other)
    ended: list[str] = []

    async def wait() -> None:
        ended.append((await local.wait([new.run_id]))[0].status)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await eventually(lambda: _true(local._thread and local._thread._waits))
            _once(monkeypatch, operations, "statuses", error)
            assert await other.finish(delivery, Outcome("COMPLETED"))
    assert ended == ["COMPLETED"]
    await other.close()


async def test_what_a_dead_worker_had_is_taken_back_though_nothing_else_is_known_of_it(
    local: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease in the run's own row counts, and taking it back is tried again when it fails."""
    lost, fine = new_run(), new_run()
    await local.submit([lost, fine])
    await claim_one(local)
    connection = apsw.Connection(str(local.path))
    connection.set_busy_timeout(5000)
    connection.execute("UPDATE state SET worker = 'forgotten' WHERE status = 'EXECUTING'")
    connection.execute("DELETE FROM worker")
    connection.close()
    other = LocalEngine(local.path, Changes())
    _once(monkeypatch, care, "reclaim", apsw.IOError("disk I/O error"))
    with anyio.fail_after(20):
        taken = [await claim_one(other), await claim_one(other)]
    assert sorted((one.run.run_id, one.crashes) for one in taken) == sorted([(lost.run_id, 1), (fine.run_id, 0)])
    await other.close()


async def test_what_a_trigger_and_a_cancel_commit_survives_power_loss_and_the_rest_does_not_wait_for_it(
    local: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    transaction = Database.transaction

    def noted(database: Database, *, durable: bool = False) -> AbstractContextManager[apsw.Connection]:
        asked.append(durable)
        return transaction(database, durable=durable)

    monkeypatch.setattr(Database, "transaction", noted)
    await local.submit([first := new_run(), new_run()])
    assert asked[-1]
    await local.cancel(first.run_id)
    assert asked[-1]
    delivery = await claim_one(local)
    del asked[:]
    await local.finish(delivery, Outcome("COMPLETED"))
    assert not any(asked)
