"""One run: what happened, where it went wrong, what is beside it."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from runlog.engines.reasons import words
from tests.cli.sample import MS, Writer, completed, failed, save, save_all
from tests.web.asking import Asked

pytestmark = pytest.mark.anyio

FAILED, COMPLETED = failed().run_id, completed().run_id


def text(headline: list[dict[str, str]]) -> str:
    return "".join(piece["text"] for piece in headline)


async def test_a_failed_run_says_where_and_why(project: Path, asked: Asked) -> None:
    save_all(project)
    found = (await asked.get(f"/api/runs/{FAILED}")).json
    assert text(found["headline"]).endswith("FAILED on attempt 2 of 2 after 408 ms: ConnectError in HTTP POST /charge")
    cause = found["cause"]
    assert (cause["name"], len(cause["path"]), cause["run_id"]) == ("HTTP POST /charge", 3, FAILED)
    assert cause["path"][-1] == cause["span_id"]
    event = (await asked.get(f"/api/events/{cause['event_id']}")).json
    assert (event["name"], event["span_id"]) == ("HTTP POST /charge", cause["span_id"])
    assert found["exception"]["message"] == "All connection attempts failed"
    assert [frame["library"] for frame in found["exception"]["frames"]] == [None, "httpx"]
    assert (found["payload"], found["payload_size"], found["output"]) == ({"order": 7}, 11, None)
    assert found["run"]["queue_time"] == 12 * MS
    assert found["created_text"].endswith("Z")


async def test_a_run_that_succeeded_has_no_cause(project: Path, asked: Asked) -> None:
    save_all(project)
    found = (await asked.get(f"/api/runs/{COMPLETED}")).json
    assert (found["cause"], found["exception"], found["output"]) == (None, None, {"name": "Ada"})


async def test_an_id_may_be_shortened_and_an_unknown_one_is_named(project: Path, asked: Asked) -> None:
    save_all(project)
    assert (await asked.get(f"/api/runs/{FAILED[-6:]}")).json["run"]["run_id"] == FAILED
    for path in ("", "/trace", "/context", "/children", "/data?what=payload"):
        answer = await asked.get(f"/api/runs/run_nothing{path}")
        assert (answer.status, answer.code) == (404, "not-found"), path


async def test_without_a_log_there_is_no_run(asked: Asked) -> None:
    answer = await asked.get(f"/api/runs/{FAILED}")
    assert (answer.status, answer.code) == (404, "no-log")


async def test_the_runs_beside_it(project: Path, asked: Asked) -> None:
    runs = [Writer(number, "sync", "COMPLETED") for number in range(1, 5)]
    runs[3].run.options = {"replay_of": runs[1].run_id}
    runs[2].run.task = "other"
    save(project, runs)
    found = (await asked.get(f"/api/runs/{runs[1].run_id}")).json
    assert found["previous"]["run_id"] == runs[0].run_id
    assert found["next"]["run_id"] == runs[3].run_id
    assert [replay["run_id"] for replay in found["replays"]] == [runs[3].run_id]
    assert found["parent"] is None
    only = (await asked.get(f"/api/runs/{runs[2].run_id}")).json
    assert (only["previous"], only["next"]) == (None, None)


def family() -> list[Writer]:
    """A run that waits for one, and starts another without waiting."""
    parent, waited, started = (Writer(number, "parent" if number == 1 else "child", "FAILED") for number in (1, 2, 3))
    parent.span(10, 99, "Attempt 1", 12, 400, status="error")
    parent.span(11, 10, "child.trigger_and_wait()", 13, 300, status="error")
    waited.span(10, 99, "Attempt 1", 12, 400, status="error")
    for child in (waited, started):
        child.run.parent_run_id = child.run.root_run_id = parent.run_id
    waited.run.parent_span_id = parent.span_id(11)
    return [parent, waited, started]


async def test_children_and_the_way_down_into_one(project: Path, asked: Asked) -> None:
    parent, waited, started = family()
    save(project, [parent, waited, started])
    found = (await asked.get(f"/api/runs/{parent.run_id}")).json
    assert found["children"] == 2
    assert (found["cause"]["run_id"], found["cause"]["name"]) == (waited.run_id, "Attempt 1")
    assert len(found["cause"]["path"]) == 4
    listed = (await asked.get(f"/api/runs/{parent.run_id}/children")).json
    assert [item["run_id"] for item in listed["items"]] == [started.run_id, waited.run_id]
    page = (await asked.get(f"/api/runs/{parent.run_id}/children?limit=1")).json
    rest = (await asked.get(f"/api/runs/{parent.run_id}/children?limit=1&cursor={page['cursor']}")).json
    assert [page["items"][0]["run_id"], rest["items"][0]["run_id"]] == [started.run_id, waited.run_id]
    child = (await asked.get(f"/api/runs/{waited.run_id}")).json
    assert (child["parent"]["run_id"], child["root"]["task"]) == (parent.run_id, "parent")


async def test_large_data_is_asked_for_by_itself(project: Path, asked: Asked) -> None:
    run = completed()
    run.run.payload, run.run.output = {"text": "x" * 300_000}, [1, 2]
    save(project, [run])
    found = (await asked.get(f"/api/runs/{COMPLETED}")).json
    assert (found["payload"], found["payload_size"]) == (None, 300_011)
    assert found["output"] == [1, 2]
    payload = await asked.get(f"/api/runs/{COMPLETED}/data?what=payload")
    assert payload.header("content-type") == "application/json"
    assert payload.json == run.run.payload
    assert (await asked.get(f"/api/runs/{COMPLETED}/data?what=metadata")).status == 404
    for what in ("", "error", "payload%00"):
        assert (await asked.get(f"/api/runs/{COMPLETED}/data?what={what}")).status == 400


@pytest.mark.parametrize(("payload", "scrubbed"), [({"token": "[redacted:key]"}, True), ({"user": 1}, False)])
async def test_a_payload_that_lost_its_secrets_says_so(
    project: Path, asked: Asked, payload: dict[str, object], scrubbed: bool
) -> None:
    run = completed()
    run.run.payload = payload
    save(project, [run])
    assert (await asked.get(f"/api/runs/{COMPLETED}")).json["payload_scrubbed"] is scrubbed


async def test_times_in_words_are_told_as_times(project: Path, asked: Asked) -> None:
    until = (int(time.time()) + 3600) * 1_000_000_000
    run = Writer(1, "sync", "WAITING", ended=None, reason="waits until then")
    run.run.cause = {"code": "several", "waits": [{"code": "until", "until": until}, {"code": "token", "id": "t"}]}
    delayed = Writer(2, "sync", "DELAYED", started=None, ended=None)
    delayed.run.options, delayed.run.available = {"ttl": 60}, until
    save(project, [run, delayed])
    found = (await asked.get(f"/api/runs/{run.run_id}")).json["run"]
    assert [moment for _, moment in found["times"]] == [until / 1e6]
    assert found["times"][0][0] in words({"code": "until", "until": until}, 0)
    found = (await asked.get(f"/api/runs/{delayed.run_id}")).json
    [(written, moment)] = found["times"]
    assert moment == until / 1e6 + 60_000
    assert any(f"(expires at {written})" in fact for fact in found["facts"])


async def test_what_was_asked_for_is_told(project: Path, asked: Asked) -> None:
    run = completed()
    run.run.options = {"max_attempts": 3, "idempotency_key": "k"}
    run.run = msgspec.structs.replace(run.run, metadata={"step": 2})
    save(project, [run])
    found = (await asked.get(f"/api/runs/{COMPLETED}")).json
    assert found["facts"] == ["max_attempts 3", "idempotency key k"]
    assert found["options"] == [["max_attempts", 3], ["idempotency_key", "k"]]
    assert (found["metadata"], found["metadata_size"]) == ({"step": 2}, 10)
