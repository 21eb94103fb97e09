"""The queue's states in the run log."""

from __future__ import annotations

import pytest

from runlog.engines.base import Outcome
from runlog.engines.local import LocalEngine
from runlog.executor import RunRecords, heal
from runlog.stores import open_reader
from runlog.stores.base import ERROR, WARN
from tests.engines.conftest import claim_one, new_run
from tests.recorded import recording

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
