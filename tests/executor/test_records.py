"""The queue's states in the run log."""

from __future__ import annotations

import time

import anyio
import apsw
import pytest

from runlog.engines.base import Outcome
from runlog.engines.local import LocalEngine
from runlog.executor import Care, RunRecords, heal
from runlog.stores import open_reader
from runlog.stores.base import ERROR, WARN, Run
from tests.engines.conftest import claim_one, new_run
from tests.recorded import Recorded, recording

pytestmark = pytest.mark.anyio


async def test_states_that_a_killed_process_did_not_record_are_healed() -> None:
    with recording() as recorded:
        records = RunRecords(recorded.recorder)
        silent = LocalEngine(recorded.settings.queue_path, lambda run: None)
        lost, half, known = new_run("lost"), new_run("half"), new_run("known")
        await silent.submit([lost])
        await silent.finish(await claim_one(silent, "lost"), Outcome("COMPLETED", output=b'{"n": 2}'))
        await silent.close()
        engine = LocalEngine(recorded.settings.queue_path, records)
        await engine.submit([half, known])
        await engine.close()
        silent = LocalEngine(recorded.settings.queue_path, lambda run: None)
        await silent.finish(await claim_one(silent, "half"), Outcome("FAILED", error={"type": "E", "message": "m"}))
        assert recorded.recorder.flush(20)
        reader = open_reader(recorded.settings)
        assert await heal(silent, reader, 0, records.again) == 2
        assert recorded.recorder.flush(20)
        assert await heal(silent, reader, 0, records.again) == 0
        stored = [reader.run(new.run_id) for new in (lost, half, known)]
        reader.close()
        await silent.close()
    assert [(run.status, run.version) for run in stored] == [("COMPLETED", 3), ("FAILED", 3), ("QUEUED", 1)]
    assert (stored[0].payload, stored[0].output) == ({"n": 1}, {"n": 2})
    assert stored[1].error == {"type": "E", "message": "m"}


async def test_a_running_worker_heals_what_another_process_did_not_record() -> None:
    with recording(retention={"days": 0}) as recorded:
        silent = LocalEngine(recorded.settings.queue_path, lambda run: None)
        care = Care(silent, RunRecords(recorded.recorder), recorded.settings, interval=0.1, settled=0.1)
        stop = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(care.run, stop)
            await silent.submit([new_run("first")])
            await anyio.sleep(0.3)
            late = new_run("late")
            await silent.submit([late])
            with anyio.fail_after(20):
                while late.run_id not in known(recorded, [late.run_id]):
                    await anyio.sleep(0.05)
            stop.set()
        await silent.close()


async def test_a_worker_heals_what_was_lost_long_ago_but_not_what_was_deleted() -> None:
    with recording() as recorded:
        silent = LocalEngine(recorded.settings.queue_path, lambda run: None)
        half, deleted, queued = new_run("half"), new_run("deleted"), new_run("queued")
        await silent.submit([half])
        RunRecords(recorded.recorder).again(await silent.get(half.run_id))
        await silent.finish(await claim_one(silent, "half"), Outcome("COMPLETED"))
        await silent.submit([deleted, queued])
        await silent.finish(await claim_one(silent, "deleted"), Outcome("COMPLETED"))
        queue = apsw.Connection(str(recorded.settings.queue_path))
        queue.execute("UPDATE state SET changed = changed - ?", (29 * 86_400 * 10**9,))
        queue.close()
        care = Care(silent, RunRecords(recorded.recorder), recorded.settings, interval=0.1, settled=0.1)
        stop = anyio.Event()
        ids = [run.run_id for run in (half, deleted, queued)]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(care.run, stop)
            with anyio.fail_after(20):
                while known(recorded, ids) != {half.run_id: 3, queued.run_id: 1}:
                    await anyio.sleep(0.05)
            stop.set()
        await silent.close()
        assert known(recorded, ids) == {half.run_id: 3, queued.run_id: 1}


@pytest.mark.parametrize("runs", [0, 1])
async def test_a_log_that_is_not_there_lacks_everything_and_that_is_no_failure(
    runs: int,
) -> None:
    with recording() as recorded:
        silent = LocalEngine(recorded.settings.queue_path, lambda run: None)
        queued = [new_run() for _ in range(runs)]
        await silent.submit(queued)
        looked = anyio.Event()

        class Records(RunRecords):
            def again(self, run: Run) -> None:
                super().again(run)
                looked.set()

        care = Care(silent, Records(recorded.recorder), recorded.settings)
        async with anyio.create_task_group() as tasks:
            stop = anyio.Event()
            tasks.start_soon(care.run, stop)
            with anyio.move_on_after(20 if runs else 0.2):
                await looked.wait()
            stop.set()
        await silent.close()
        assert recorded.messages() == []
        assert recorded.settings.log_path.exists() == bool(runs)
        if runs:
            assert known(recorded, [queued[0].run_id]) == {queued[0].run_id: 1}


def known(recorded: Recorded, run_ids: list[str]) -> dict[str, int]:
    recorded.recorder.flush(5)
    reader = open_reader(recorded.settings)
    try:
        return reader.versions(run_ids)
    finally:
        reader.close()


async def test_changes_whose_record_may_be_on_its_way_are_left_for_later() -> None:
    with recording() as recorded:
        silent = LocalEngine(recorded.settings.queue_path, lambda run: None)
        runs = [new_run() for _ in range(3)]
        await silent.submit(runs)
        assert recorded.recorder.flush(20)
        RunRecords(recorded.recorder).again(await silent.get(runs[0].run_id))
        assert recorded.recorder.flush(20)
        reader = open_reader(recorded.settings)
        healed: list[str] = []

        async def look(until: int) -> int:
            return await heal(silent, reader, 0, lambda run: healed.append(run.run_id), until=until)

        assert await look(time.time_ns() - 60 * 10**9) == 0
        assert await look(time.time_ns()) == 2
        reader.close()
        await silent.close()
    assert healed == [run.run_id for run in runs[1:]]


async def test_each_run_says_why_it_ended_or_waits() -> None:
    with recording() as recorded:
        engine = LocalEngine(recorded.settings.queue_path, RunRecords(recorded.recorder))
        failed, canceled, fine = new_run("failed"), new_run("canceled"), new_run("fine")
        await engine.submit([failed, canceled, fine])
        await engine.finish(await claim_one(engine, "failed"), Outcome("FAILED", reason="it broke"))
        await engine.finish(await claim_one(engine, "fine"), Outcome("COMPLETED"))
        await engine.cancel(canceled.run_id, "not needed")
        await engine.close()
        logs = [recorded.logs(new.run_id) for new in (failed, canceled, fine)]
    assert [[(event.level, event.message) for event in found] for found in logs] == [
        [(ERROR, "it broke")],
        [(WARN, "not needed")],
        [],
    ]
    assert [event.parent_id for event in logs[0]] == [failed.span_id]


async def test_secrets_of_payloads_and_errors_are_not_in_the_log() -> None:
    with recording() as recorded:
        engine = LocalEngine(recorded.settings.queue_path, RunRecords(recorded.recorder))
        new = new_run(payload=b'{"password": "hunter2-and-more", "user": "ada"}')
        await engine.submit([new])
        await engine.close()
        assert recorded.recorder.flush(20)
        reader = open_reader(recorded.settings)
        payload = reader.run(new.run_id).payload
        reader.close()
    assert payload["user"] == "ada"
    assert "hunter2" not in str(payload)
