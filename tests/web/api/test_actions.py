"""Runs cancelled and replayed from the page."""

from __future__ import annotations

from typing import Any

import pytest

from runlog.stores.base import Run
from runlog.tasks import runs, trigger
from runlog.web.api import actions
from tests.web.asking import TOKENS, Asked

pytestmark = pytest.mark.anyio


async def queued(asked: Asked, count: int = 1, task: str = "send-mail", payload: Any = None) -> list[str]:
    """Runs that wait for a worker that does not come."""
    await asked.services.project.open()
    return [(await trigger(task, payload)).id for _ in range(count)]


async def run_of(run_id: str) -> Run:
    return await runs.get(run_id)


def replay_of(run: Run) -> Any:
    return (run.options or {}).get("replay_of")


async def test_a_run_is_cancelled_once_and_for_a_reason(asked: Asked) -> None:
    (run_id,) = await queued(asked)
    first = await asked.post(f"/api/runs/{run_id}/cancel", {"reason": "wrong customer"})
    assert (first.status, first.json) == (200, {"canceled": True})
    assert ((await run_of(run_id)).status, (await run_of(run_id)).reason) == ("CANCELED", "wrong customer")
    assert (await asked.post(f"/api/runs/{run_id}/cancel", {})).json == {"canceled": False}


async def test_a_run_is_replayed_with_its_payload_or_another(asked: Asked) -> None:
    (run_id,) = await queued(asked, payload={"user_id": 1})
    same = await run_of((await asked.post(f"/api/runs/{run_id}/replay", {})).json["run_id"])
    other = await run_of((await asked.post(f"/api/runs/{run_id}/replay", {"payload": [2]})).json["run_id"])
    nothing = await run_of((await asked.post(f"/api/runs/{run_id}/replay", {"payload": None})).json["run_id"])
    assert [(one.payload, replay_of(one)) for one in (same, other, nothing)] == [
        ({"user_id": 1}, run_id), ([2], run_id), (None, run_id)
    ]  # fmt: skip


async def test_a_payload_without_its_secrets_has_to_be_given_anew(asked: Asked) -> None:
    (run_id,) = await queued(asked, payload={"password": "hunter2"})
    await asked.post(f"/api/runs/{run_id}/cancel", {})
    refused = await asked.post(f"/api/runs/{run_id}/replay", {})
    assert (refused.status, refused.json["error"]["what"]) == (409, f"the payload of run {run_id} is no longer whole")
    assert (await asked.post(f"/api/runs/{run_id}/replay", {"payload": {"password": "hunter2"}})).status == 200


@pytest.mark.parametrize("action", ["cancel", "replay"])
async def test_a_run_that_nobody_knows_is_not_found(asked: Asked, action: str) -> None:
    answer = await asked.post(f"/api/runs/run_x/{action}", {})
    assert (answer.status, answer.code) == (404, "not-found")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "which runs?"),
        ({"run_ids": [], "query": "run:*"}, "which runs?"),
        ({"query": "run:*"}, "how many runs were confirmed?"),
        ({"query": "", "expected": 1}, "the query is empty"),
        ({"query": "status:", "expected": 1}, "status"),
        ({"run_ids": ["run_x"] * 10_001}, "too many"),
        ({"run_ids": ["run_x"], "reason": "x" * 2001}, "2,001 characters"),
    ],
)
async def test_what_many_runs_are_is_said_exactly(asked: Asked, body: dict[str, Any], said: str) -> None:
    answer = await asked.post("/api/runs/cancel", body)
    assert answer.status == 400
    assert said in str(answer.json["error"])


async def test_many_runs_are_changed_only_if_they_are_as_many_as_was_confirmed(asked: Asked) -> None:
    mails = await queued(asked, 3)
    await queued(asked, 2, "other")
    refused = await asked.post("/api/runs/cancel", {"query": "task:send-mail", "expected": 2})
    assert (refused.status, refused.code, refused.json["error"]["count"]) == (409, "conflict", 3)
    assert {(await run_of(run_id)).status for run_id in mails} != {"CANCELED"}

    done = await asked.post("/api/runs/cancel", {"query": "task:send-mail", "expected": 3, "reason": "too many"})
    assert done.json == {
        "matched": 3,
        "changed": 3,
        "run_ids": [],
        "refused": [],
        "refused_total": 0,
        "left": 0,
        "next": None,
    }
    assert [(await run_of(run_id)).reason for run_id in mails] == ["too many"] * 3
    # those that have ended do not count: there is nothing left to cancel
    assert (await asked.post("/api/runs/cancel", {"query": "task:send-mail", "expected": 0})).json["changed"] == 0


@pytest.mark.parametrize("act", ["cancel", "replay"])
async def test_many_runs_are_changed_in_portions_each_once(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    monkeypatch.setattr(actions, "_SECONDS", 0.0)
    monkeypatch.setattr(actions, "_PORTION", 2)
    mails = await queued(asked, 5)
    answer = (await asked.post(f"/api/runs/{act}", {"query": "task:send-mail", "expected": 5})).json
    told, made = [(answer["changed"], answer["left"])], answer["run_ids"]
    first = answer["next"]
    while answer["next"] is not None:
        answer = (await asked.post(f"/api/runs/{act}", {"next": answer["next"]})).json
        told.append((answer["changed"], answer["left"]))
        made += answer["run_ids"]
    assert told == [(2, 3), (2, 1), (1, 0)]
    if act == "cancel":
        assert {(await run_of(run_id)).status for run_id in mails} == {"CANCELED"}
    else:
        assert [replay_of(await run_of(run_id)) for run_id in made] == mails
    for body, status in (({"next": first}, 409), ({"next": first, "query": "run:*"}, 400)):
        assert (await asked.post(f"/api/runs/{act}", body)).status == status


async def test_many_runs_are_replayed_and_those_that_cannot_be_are_named(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "_NAMED", 1)
    good = await queued(asked, payload=1)
    bad = await queued(asked, 2, payload={"password": "hunter2"})
    for run_id in bad:
        await asked.post(f"/api/runs/{run_id}/cancel", {})
    answer = (await asked.post("/api/runs/replay", {"run_ids": [*good, *bad, *bad], "expected": 3})).json
    assert (answer["matched"], answer["changed"], answer["refused_total"]) == (3, 1, 2)
    assert [(run_id in bad, "no longer whole" in why) for run_id, why in answer["refused"]] == [(True, True)]
    assert replay_of(await run_of(answer["run_ids"][0])) == good[0]


async def test_looking_opens_nothing(asked: Asked) -> None:
    assert (await asked.get("/api/session")).json["can_operate"] is False
    assert (await asked.get("/api/session", TOKENS.operate)).json["can_operate"] is False  # there is no queue yet
    assert not asked.settings.folder.exists()
    await queued(asked)
    assert (await asked.get("/api/session")).json["can_operate"] is False
    session = (await asked.get("/api/session", TOKENS.operate)).json
    assert (session["can_operate"], session["scope"], session["project"]) == (True, "operate", asked.settings.root.name)
