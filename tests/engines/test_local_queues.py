"""How the embedded engine keeps limits: over processes, over dead ones, and at a cost that no backlog raises."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import apsw
import pytest

from runlog.engines.base import Delivery, Outcome, Work
from runlog.engines.local import LocalEngine, claiming, ending, submitting, workforce
from runlog.engines.local.queue import Held, Queue
from runlog.engines.local.schema import APPLICATION_ID, MIGRATIONS
from runlog.system.sqlite import Database
from tests.engines.conftest import SECOND, Changes, new_run, nothing_to_claim, work_on

BACKLOG = 20_000


class Bench:
    """A queue without an engine's thread, whose work is counted."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path, APPLICATION_ID, MIGRATIONS)
        self.queue = Queue(self.database.connection, "worker", 60 * SECOND)
        self.steps = 0

    @contextmanager
    def transaction(self) -> Iterator[int]:
        with self.database.transaction():
            self.queue.begin()
            yield time.time_ns()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the steps of SQLite's machine in `steps`."""
        self.steps = 0

        def add(event: dict[str, Any]) -> None:
            self.steps += event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]

        self.database.connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, add)
        yield
        self.database.connection.trace_v2(0)

    def submit(self, count: int, **changes: Any) -> None:
        with self.transaction() as now:
            submitting.submit(self.queue, [new_run(created=now, available=now, **changes) for _ in range(count)], now)

    def claim(self, work: Work, limit: int = 10) -> list[Held]:
        with self.transaction() as now:
            workforce.register(self.queue, work, now)
        taken: list[Held] = []
        with self.transaction() as now, self.counted():
            taken += claiming.claim(self.queue, work, limit, now)
        return taken

    def claim_all(self, work: Work) -> None:
        """Claim until a claim gets nothing, and has nothing left to pass."""
        while self.claim(work) or self.queue.effects.again:
            pass

    def finish(self, held: Held) -> None:
        with self.transaction() as now, self.counted():
            assert ending.finish(self.queue, held, Outcome("COMPLETED"), now)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "queue.db")
    yield made
    made.database.close()


def ready(bench: Bench, work: Work) -> None:
    bench.submit(BACKLOG, queue="mail")


def full(bench: Bench, work: Work) -> None:
    bench.submit(100, queue="mail")
    bench.claim_all(work)
    bench.submit(BACKLOG, queue="mail")


def full_keys(bench: Bench, work: Work) -> None:
    for key in "abc":
        bench.submit(BACKLOG // 3, queue="mail", concurrency_key=key)
    bench.claim_all(work)


def paused(bench: Bench, work: Work) -> None:
    bench.submit(BACKLOG, queue="mail")
    with bench.transaction():
        bench.database.connection.execute("INSERT OR REPLACE INTO queue VALUES ('mail', NULL, 1)")
        bench.queue.forget_settings()


def of_another_version(bench: Bench, work: Work) -> None:
    bench.submit(BACKLOG, version="v9")


def of_another_queue(bench: Bench, work: Work) -> None:
    bench.submit(BACKLOG, queue="elsewhere")


@pytest.mark.parametrize("backlog", [full, full_keys, paused, of_another_version, of_another_queue, ready])
def test_the_cost_of_a_claim_does_not_depend_on_what_waits(
    bench: Bench, tmp_path: Path, backlog: Callable[[Bench, Work], None]
) -> None:
    queues = ("free",) if backlog is of_another_queue else None
    work = work_on("work", queues=queues, limits={"mail": None if backlog in (ready, paused) else 2})
    few = Bench(tmp_path / "few.db")
    few.submit(3, queue="free" if backlog is not ready else "mail")
    few.claim(work)
    backlog(bench, work)
    bench.submit(3, queue="free")
    taken = bench.claim(work, 3)
    assert len(taken) == 3
    assert {held.delivery.run.queue for held in taken} == {"mail" if backlog is ready else "free"}
    assert bench.steps < 5 * few.steps
    few.database.close()


def test_ending_a_run_admits_the_next_at_a_cost_that_does_not_depend_on_how_many_wait(bench: Bench) -> None:
    work = work_on("work", limits={"mail": 2})
    bench.submit(5, queue="mail")
    first, second = bench.claim(work)
    bench.finish(first)
    few = bench.steps
    bench.submit(BACKLOG, queue="mail")
    (third,) = bench.claim(work)
    bench.finish(second)
    assert bench.steps < 2 * few
    assert len(bench.claim(work)) == 1
    assert third.row < 5


def test_a_newly_limited_queue_is_passed_in_steps(bench: Bench) -> None:
    """Rows that came while the queue had no limit are held in some transactions, each of some hundreds."""
    bench.submit(3000, queue="mail")
    bench.submit(1, queue="free")
    work = work_on("work", limits={"mail": 2})
    taken = bench.claim(work)
    assert sorted(held.delivery.run.queue for held in taken) == ["free", "mail", "mail"]
    assert bench.queue.effects.again
    bench.claim_all(work)
    held = bench.queue.value("SELECT count(*) FROM state WHERE place = 1")
    assert held == 2998


def test_a_file_of_the_first_schema_is_brought_to_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    database = Database(path, APPLICATION_ID, MIGRATIONS[:1])
    with database.transaction() as connection:
        for number, status in enumerate(("COMPLETED", "QUEUED", "DELAYED", "EXECUTING", "QUEUED"), 1):
            connection.execute(
                "INSERT INTO run(run_id, task, queue, created, trace_id, span_id, waited, tags, payload) "
                "VALUES (?, 'work', 'default', 5, x'01', x'02', 0, ?, ?)",
                (f"run_{number}", "a\nb", b"%d" % number),
            )
            connection.execute(
                "INSERT INTO state(id, task, status, version, changed, available, token, worker, lease, output) "
                "VALUES (?, 'work', ?, 1, 5, ?, 7, ?, 9, ?)",
                (
                    number,
                    status,
                    2**62 if status == "DELAYED" else 5,
                    "of-a-dead-process" if status == "EXECUTING" else None,
                    b"42" if status == "COMPLETED" else None,
                ),
            )
        connection.execute("DELETE FROM run WHERE id = 5; DELETE FROM state WHERE id = 5")
        connection.execute("INSERT INTO worker VALUES ('of-a-dead-process', 1, '[]')")
    database.close()

    async def check() -> None:
        engine = LocalEngine(path, Changes())
        done = await engine.get("run_1")
        assert (done.status, done.output, done.payload, done.tags) == ("COMPLETED", b"42", b"1", ("a", "b"))
        assert (await engine.get("run_3")).status == "DELAYED"
        taken: dict[str, Delivery] = {}
        with anyio.fail_after(20):
            while len(taken) < 2:
                taken |= {delivery.run.run_id: delivery for delivery in await engine.claim(work_on("work"), 10)}
        assert sorted(taken) == ["run_2", "run_4"]
        assert taken["run_4"].crashes == 1
        assert await engine.finish(taken["run_2"], Outcome("COMPLETED", output=b"1"))
        new = new_run()
        await engine.submit([new])
        assert (await engine.changes((0, 0), 100))[-1].cursor[1] == 6  # no number is given twice
        await engine.close()

    anyio.run(check)


WORKER = """
import fcntl, os, random, sys
from pathlib import Path
import anyio
from runlog.engines.base import Outcome, Work
from runlog.engines.local import LocalEngine

folder = Path(sys.argv[1])

def count(queue, change):
    descriptor = os.open(folder / f"{queue}.count", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    now = int(os.read(descriptor, 20) or b"0") + change
    os.pwrite(descriptor, b"%-20d" % now, 0)
    os.close(descriptor)
    if now > int(queue[-1]):
        (folder / "exceeded").write_text(f"{queue}: {now}")

async def execute(engine, delivery):
    queue = delivery.run.queue
    count(queue, 1)
    await anyio.sleep(random.random() / 100)
    count(queue, -1)
    if random.random() < 0.3:
        engine.mark(delivery, "WAITING", "waits")
        await anyio.sleep(random.random() / 100)
        await engine.resume(delivery)
        count(queue, 1)
        await anyio.sleep(random.random() / 100)
        count(queue, -1)
    again = delivery.attempt == 1 and random.random() < 0.2
    assert await engine.finish(delivery, Outcome("QUEUED" if again else "COMPLETED"))

async def main():
    engine = LocalEngine(folder / "queue.db", lambda run: None)
    work = Work(("work",), limits={"limit-1": 1, "limit-3": 3})
    async with anyio.create_task_group() as tasks:
        while not (folder / "stop").exists():
            with anyio.move_on_after(0.3):
                for delivery in await engine.claim(work, 4):
                    tasks.start_soon(execute, engine, delivery)
    await engine.close()

anyio.run(main)
"""


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_four_processes_on_one_queue_never_exceed_its_limits(tmp_path: Path) -> None:
    engine = LocalEngine(tmp_path / "queue.db", Changes())
    runs = [new_run(queue=f"limit-{1 if number % 4 == 0 else 3}") for number in range(120)]
    await engine.submit(runs)
    workers = [subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path)]) for _ in range(4)]
    try:
        with anyio.fail_after(60):
            ended = await engine.wait([run.run_id for run in runs])
    finally:
        (tmp_path / "stop").touch()
        codes = [await anyio.to_thread.run_sync(worker.wait, 20) for worker in workers]
    assert {run.status for run in ended} == {"COMPLETED"}
    assert not (tmp_path / "exceeded").exists()
    assert codes == [0] * 4
    await engine.close()


@pytest.mark.anyio
async def test_a_place_ends_with_the_lease_also_of_a_worker_that_lives(tmp_path: Path) -> None:
    work = work_on("work", limits={"mail": 1})
    hanging, other = LocalEngine(tmp_path / "queue.db", Changes()), LocalEngine(tmp_path / "queue.db", Changes())
    first, second = new_run(queue="mail"), new_run(queue="mail")
    await hanging.submit([first, second])
    await hanging.claim(work, 1)
    assert await nothing_to_claim(other, work)
    connection = apsw.Connection(str(tmp_path / "queue.db"))
    connection.set_busy_timeout(5000)
    connection.execute("UPDATE state SET lease = 1 WHERE status = 'EXECUTING'")
    connection.close()
    with anyio.fail_after(20):
        (delivery,) = await other.claim(work, 1)
    assert delivery.run.run_id == second.run_id
    await hanging.close()
    await other.close()


@pytest.mark.anyio
async def test_a_run_that_was_killed_with_its_worker_gives_its_place_back(tmp_path: Path) -> None:
    work = work_on("work", limits={"mail": 1})
    engine = LocalEngine(tmp_path / "queue.db", Changes())
    first, second = new_run(queue="mail"), new_run(queue="mail")
    await engine.submit([first, second])
    connection = apsw.Connection(str(tmp_path / "queue.db"))
    connection.set_busy_timeout(5000)
    await engine.claim(work, 1)
    connection.execute("UPDATE state SET worker = 'of-a-process-that-is-gone' WHERE status = 'EXECUTING'")
    connection.close()
    with anyio.fail_after(20):
        (again,) = await engine.claim(work, 2)
    assert (again.run.run_id, again.crashes) == (first.run_id, 1)
    assert (await engine.get(second.run_id)).status == "QUEUED"
    await engine.finish(again, Outcome("COMPLETED"))
    with anyio.fail_after(20):
        assert [delivery.run.run_id for delivery in await engine.claim(work, 2)] == [second.run_id]
    await engine.close()
