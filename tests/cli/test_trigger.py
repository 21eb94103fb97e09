"""`runlog trigger`: what its options ask for."""

from __future__ import annotations

import json
import time
from pathlib import Path

import anyio
import pytest

import runlog as api
from runlog.stores.base import Run
from tests.cli.conftest import Command

HOUR = 3600 * 1_000_000_000


def queued(run_id: str) -> Run:
    async def get() -> Run:
        async with api.open(worker=False):
            return await api.runs.get(run_id.strip())

    return anyio.run(get)


@pytest.fixture(autouse=True)
def _project(project: Path) -> None:
    (project / "runlog.toml").write_text("[console]\nenabled = false\n")


def test_every_option_reaches_the_run(runlog: Command) -> None:
    before = time.time_ns()
    answer = runlog(
        "trigger",
        "nobody-knows-it",
        '{"a": 1}',
        *("--delay", "1h", "--ttl", "2h", "--priority", "-5", "--tag", "x", "--queue", "mail"),
        *("--concurrency-key", "user-7", "--key", "order-7", "--metadata", '{"step": 1}'),
        *("--max-attempts", "7", "--max-duration", "5m", "--version", "v2"),
    )
    assert answer.code == 0
    run = queued(answer.out)
    assert (run.queue, run.tags, run.payload, run.metadata) == ("mail", ("x",), {"a": 1}, {"step": 1})
    assert run.available is not None
    assert before + HOUR <= run.available <= time.time_ns() + HOUR
    assert run.options == {
        "concurrency_key": "user-7",
        "priority": -5.0,
        "ttl": 7200.0,
        "max_attempts": 7,
        "max_duration": 300.0,
        "idempotency_key": "order-7",
        "idempotency_scope": "global",
        "version": "v2",
    }
    again = json.loads(runlog("trigger", "nobody-knows-it", "5", "--key", "order-7", "--json").out)
    assert again == {"run_id": run.run_id}


def test_a_time_of_day_is_the_next_one(runlog: Command) -> None:
    run = queued(runlog("trigger", "nobody-knows-it", "--run-at", "2030-01-31T08:00:00Z").out)
    assert run.available == 1_896_076_800 * 1_000_000_000
    later = queued(runlog("trigger", "nobody-knows-it", "--run-at", "00:00").out)
    assert later.available is not None
    assert time.time_ns() - 60_000_000_000 < later.available <= time.time_ns() + 24 * HOUR
    assert (run.queue, run.options) == ("nobody-knows-it", None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--delay", "soon"), "--delay is not a duration"),
        (("--ttl", "x"), "--ttl is not a duration"),
        (("--run-at", "tomorrow"), "--run-at is not a time"),
        (("--run-at", "2020-01-01"), "is over"),
        (("--delay", "5m", "--run-at", "14:00"), "both delay and run_at"),
        (("--metadata", "{"), "--metadata is not JSON"),
        (("--metadata", "[1]"), "a mapping with texts as keys"),
        (("--max-attempts", "0"), "1 or more"),
        (("--key", ""), "the idempotency key is empty"),
        (("--queue", "two words"), "cannot be a queue's name"),
    ],
)
def test_what_makes_no_sense_is_one_clear_error(runlog: Command, options: tuple[str, ...], message: str) -> None:
    answer = runlog("trigger", "nobody-knows-it", *options)
    assert answer.code != 0
    assert message in answer.err
    assert answer.out == ""


@pytest.mark.parametrize("alive", [False, True])
def test_a_run_that_nobody_will_take_for_now_says_so(
    runlog: Command, monkeypatch: pytest.MonkeyPatch, alive: bool
) -> None:
    monkeypatch.setattr("runlog.worker.has_worker", lambda settings: alive)
    answer = runlog("trigger", "greet")
    assert answer.out.startswith("run_")
    assert answer.err == ("" if alive else "No worker runs. To start one: runlog worker\n")
