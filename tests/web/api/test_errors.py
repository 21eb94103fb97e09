"""Failures in groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from runlog.reading import failures
from runlog.stores.base import ERROR
from tests.cli.sample import EXCEPTION, MS, SECOND, START, Writer, completed, failed, save, save_all
from tests.web.asking import Asked

pytestmark = pytest.mark.anyio

FROM, TO = START // MS, START // MS + 3_600_000


async def groups(asked: Asked, query: str = "", start: int = FROM, end: int = TO) -> list[dict[str, Any]]:
    answer = await asked.get(f"/api/errors?from={start}&to={end}&q={quote(query)}")
    assert answer.status == 200, answer.body
    assert answer.json["searched_to"] is None
    assert answer.json["total"] == len(answer.json["groups"])
    found: list[dict[str, Any]] = answer.json["groups"]
    return found


def failing(number: int, message: str, task: str = "sync", status: str = "FAILED") -> Writer:
    run = Writer(number, task, status)
    run.run.error = {"type": "app.Broken", "message": message}
    return run


def logged(run: Writer, message: str, kind: str = "Broken", at: int = 5) -> None:
    run.log(10, at, "it broke", ERROR)
    run.events[-1].extra = {"exception": {"type": kind, "module": "app", "message": message, "frames": []}}


async def test_runs_that_failed_alike_are_one_group(project: Path, asked: Asked) -> None:
    save(project, [failing(1, "no order 5"), failing(2, "no order 7"), failing(3, "no user 7"), completed()])
    first, second = await groups(asked)
    assert (first["message"], first["count"]) == ("no user 7", 1)
    assert (second["type"], second["count"], second["runs"], second["kind"]) == ("Broken", 2, 2, "run")
    assert (second["message"], second["tasks"]) == ("no order 7", ["sync"])
    assert second["newest"]["run_id"] == failing(2, "").run_id
    assert second["last"] - second["first"] == 60_000
    assert (len(second["spark"]), sum(second["spark"]), second["spark"][0]) == (24, 2, 2)


async def test_what_timed_out_or_crashed_is_among_them_and_what_was_cancelled_is_not(
    project: Path, asked: Asked
) -> None:
    runs = [failing(number, f"{status.lower()}", status=status) for number, status in enumerate(
        ("TIMED_OUT", "CRASHED", "CANCELED", "EXPIRED"), 1)]  # fmt: skip
    runs.append(Writer(9, "sync", "CRASHED", reason="its process is gone"))
    save(project, runs)
    assert sorted((group["type"], group["message"]) for group in await groups(asked)) == [
        ("Broken", "crashed"),
        ("Broken", "timed_out"),
        ("Crashed", "its process is gone"),
    ]


async def test_a_failure_that_was_also_logged_is_counted_once(project: Path, asked: Asked) -> None:
    run = failed()
    logged(run, EXCEPTION["message"], EXCEPTION["type"])
    save(project, [run])
    [group] = await groups(asked)
    assert (group["count"], group["kind"], group["type"]) == (1, "run", "ConnectError")


async def test_an_exception_that_a_run_survived_is_a_group_of_logs(project: Path, asked: Asked) -> None:
    survived, other = completed(), failing(1, "another reason")
    logged(survived, "no order 5", at=5)
    logged(survived, "no order 6", at=6)
    logged(other, "no order 7")
    save(project, [survived, other])
    found = {group["message"]: group for group in await groups(asked)}
    assert found.keys() == {"no order 6", "no order 7", "another reason"}
    assert (found["no order 6"]["kind"], found["no order 6"]["count"], found["no order 6"]["runs"]) == ("log", 2, 1)
    assert found["no order 6"]["newest"]["run_id"] == survived.run_id
    event = (await asked.get(f"/api/events/{found['no order 6']['newest_event']}")).json
    assert event["exception"]["message"] == "no order 6"


async def test_what_is_new_is_there_at_the_next_call(project: Path, asked: Asked) -> None:
    save(project, [failing(1, "first"), Writer(2, "sync", "EXECUTING", ended=None)])
    assert [group["message"] for group in await groups(asked)] == ["first"]
    later, survived = failing(2, "second"), Writer(3, "sync", "COMPLETED")
    later.run.version = 9
    logged(survived, "third")
    save(project, [later, survived])
    assert [group["message"] for group in await groups(asked)] == ["third", "second", "first"]


async def test_a_time_and_a_query_narrow_them(project: Path, asked: Asked) -> None:
    survived = Writer(4, "other", "COMPLETED")
    logged(survived, "logged")
    save(project, [failing(1, "a"), failing(2, "b", task="other"), failing(3, "c"), survived])
    minute = 60_000
    assert [group["message"] for group in await groups(asked, start=FROM + 2 * minute)] == ["logged", "c", "b"]
    assert [group["message"] for group in await groups(asked, end=FROM + 3 * minute)] == ["b", "a"]
    assert [group["message"] for group in await groups(asked, "task:other")] == ["logged", "b"]
    assert [group["message"] for group in await groups(asked, "-task:other")] == ["c", "a"]
    assert await groups(asked, "task:nobody") == []


async def test_one_group(project: Path, asked: Asked) -> None:
    save(project, [failed(), failing(2, "other")])
    [group] = await groups(asked, "task:charge-card")
    path = f"/api/errors/{group['fingerprint']}?from={FROM}&to={TO}"
    found = (await asked.get(path)).json
    assert found["group"] == group
    assert [frame["function"] for frame in found["exception"]["frames"]] == ["charge", "post"]
    assert [(item["run"]["run_id"], item["event_id"]) for item in found["occurrences"]] == [(failed().run_id, None)]
    unknown = await asked.get(path.replace(group["fingerprint"], "0" * 16))
    assert (unknown.status, unknown.code) == (404, "not-found")


async def test_how_far_back_was_looked_is_said(project: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_AT_ONCE", 2)
    monkeypatch.setattr("runlog.web.api.errors._LOOKING", -1.0)
    save(project, [failing(number, "x") for number in range(1, 9)])
    first = (await asked.get(f"/api/errors?from={FROM}&to={TO}")).json
    assert first["searched_to"] is not None
    assert first["groups"] == []
    monkeypatch.setattr("runlog.web.api.errors._LOOKING", 1.0)
    assert [group["count"] for group in await groups(asked)] == [8]


async def test_errors_without_an_exception_are_passed_over_few_at_a_time(
    project: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "_AT_ONCE", 2)
    run = completed()
    logged(run, "it is there", at=4)
    for at in range(5, 10):
        run.log(at, at, "it broke", ERROR)
    save(project, [run])
    assert [group["message"] for group in await groups(asked)] == ["it is there"]
    looked = await asked.services.readers.run(lambda reader: reader.logged_errors(limit=2))
    assert [error.exception for error in looked] == [None, None]


async def test_no_more_is_kept_than_has_room(project: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "MOST", 10)
    monkeypatch.setattr(failures, "_AT_ONCE", 2)
    save(project, [failing(number, "x") for number in range(1, 13)])
    found = (await asked.get(f"/api/errors?from={FROM}&to={TO}")).json
    assert (found["groups"][0]["count"], found["searched_to"]) == (10, FROM + 3 * 60_000)
    save(project, [failing(number, "x") for number in range(13, 20)])
    found = (await asked.get(f"/api/errors?from={FROM}&to={TO}")).json
    assert found["groups"][0]["last"] == (START + 19 * 60 * SECOND) / MS + 420
    assert found["searched_to"] > FROM + 3 * 60_000


async def test_a_new_log_begins_anew(project: Path, asked: Asked) -> None:
    save(project, [failing(number, "old") for number in range(1, 5)])
    assert [group["count"] for group in await groups(asked)] == [4]
    for path in asked.settings.log_path.parent.glob("log.db*"):
        path.unlink()
    save(project, [failing(1, "new")])
    assert [group["message"] for group in await groups(asked)] == ["new"]


@pytest.mark.parametrize("bad", ["q=%22open", "from=x", "from=2&to=1", "limit=0"])
async def test_what_cannot_be_asked_for(project: Path, asked: Asked, bad: str) -> None:
    save_all(project)
    assert (await asked.get(f"/api/errors?{bad}")).status == 400
    assert (await asked.get("/api/errors/nonsense")).status == 404


async def test_words_are_of_the_exception_too(project: Path, asked: Asked) -> None:
    run = failing(1, "no order 5", task="sync")
    logged(run, "not a number", kind="ValueError")
    save(project, [run, failing(2, "no user 7", task="mail")])
    found = [
        [group["message"] for group in await groups(asked, query)]
        for query in ("ValueError", "valueerr", "broken", '"no user"', "no task:mail", "ValueError task:mail", "-order")
    ]
    assert found[:2] == [["not a number"]] * 2
    assert sorted(found[2]) == ["no order 5", "no user 7"]
    assert found[3:6] == [["no user 7"], ["no user 7"], []]
