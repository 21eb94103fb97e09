"""Where a run ran, what its worker traced with, and what is missing in it: as a real worker recorded it."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace

import runlog
from runlog.config import Settings
from runlog.instrumentation import Instrumentation, InstrumentationPatch, Options
from runlog.recording import get_recorder
from runlog.stores.base import DEBUG, EXPORT_EVENT, WARN, Event
from runlog.tasks import task
from tests.cli.sample import MS, Writer, completed, save
from tests.web.asking import Asked

pytestmark = pytest.mark.anyio

HERE = f"{__name__}:Stub"
QUIET: dict[str, Any] = {"console": {"enabled": False}, "worker": {"grace": 0.2}}


class StubOptions(Options):
    depth: int = 3


class Stub(Instrumentation[StubOptions]):
    """Counts as what instruments a library."""

    name = "stub"

    def install(self, patch: InstrumentationPatch, options: StubOptions) -> None:
        global _tracer
        _tracer = patch.tracer


_tracer: trace.Tracer = trace.NoOpTracer()


@task(id="traced")
async def traced() -> None:
    for _ in range(3):
        with _tracer.start_as_current_span("called"):
            pass


@pytest.fixture
async def run_id(project: Path) -> str:
    """A run that a worker with two instrumentations has executed; one of them is not there."""
    arguments = {**QUIET, "instrumentations": [HERE, "absent"], "instrumentation": {"stub": {"depth": 5}}}
    async with runlog.open(arguments=arguments):
        handle = await traced.trigger()
        assert (await handle.wait()).status == "COMPLETED"
    assert get_recorder().flush(20)
    return handle.id


async def test_the_worker_of_a_run_tells_what_it_is(asked: Asked, run_id: str) -> None:
    found = (await asked.get(f"/api/runs/{run_id}/context")).json
    [worker] = found["workers"]
    assert (worker["pid"], worker["python"], worker["alive"]) == (os.getpid(), platform.python_version(), False)
    assert worker["id"] == (await asked.get(f"/api/runs/{run_id}")).json["run"]["worker"]
    assert ["queue", "traced"] in found["queue"]
    assert ["python", platform.python_version()] in found["versions"]
    assert found["losses"] == []


async def test_its_instrumentations_are_as_it_had_them(asked: Asked, run_id: str) -> None:
    context = (await asked.get(f"/api/runs/{run_id}/context")).json
    found = (await asked.get("/api/plugins")).json["plugins"]
    assert context["plugins"] == found
    absent, stub = found
    assert (absent["name"], absent["state"], absent["spans"]) == ("absent", "not-found", 0)
    assert absent["reason"]
    assert absent["fix"]
    assert (stub["name"], stub["state"], stub["options"], stub["spans"]) == (HERE, "active", [["depth", 5]], 3)


async def test_before_the_first_run_nothing_is_known(project: Path, asked: Asked) -> None:
    save(project, [completed()])
    assert (await asked.get("/api/plugins")).json == {"plugins": [], "exporters": []}


async def test_each_attempt_names_its_worker(project: Path, asked: Asked) -> None:
    run = Writer(1, "sync", "COMPLETED", worker="host-7-ab")
    run.span(10, 99, "Attempt 1", 1, 2, attributes={"worker": "other-5-cd"})
    run.span(20, 99, "Attempt 2", 4, 2, attributes={"worker": "host-7-ab"})
    save(project, [run])
    found = (await asked.get(f"/api/runs/{run.run_id}/context")).json
    assert [(worker["id"], worker["pid"], worker["host"]) for worker in found["workers"]] == [
        ("other-5-cd", 5, "other"),
        ("host-7-ab", 7, "host"),
    ]


def exporting(run: Writer, level: int, **attributes: Any) -> Event:
    """What a process says of its exporter."""
    told = {"exporter": "otlp", **attributes}
    return Event(0, "log", None, None, None, None, run.created, None, level, None, EXPORT_EVENT, "", told)


async def test_what_is_missing_in_a_run_is_told(project: Path, asked: Asked) -> None:
    run, other = completed(), Writer(4, "other", "COMPLETED")
    for target in (run, other):
        target.log(11, 5, "3 records refused", WARN)
        target.events[-1].name = "runlog"
        target.events[-1].attributes = {"refused.rate": 2, "refused.spool:debug": 1}
    run.span(14, 11, "much", 9, 1, extra={"dropped": {"events": 2, "attributes": 5}, "truncated": {"a": 900, "b": 800}})
    run.span(15, 11, "more", 9, 1, extra={"dropped": {"events": 1}})
    failing = exporting(run, WARN, failed=7, dropped=1, error="refused")
    failing.time += 100 * MS
    other.events.append(failing)
    save(project, [run, other])
    found = (await asked.get(f"/api/runs/{run.run_id}/context")).json["losses"]
    assert [(loss["what"], loss["count"]) for loss in found] == [
        ("refused", 2),
        ("refused", 1),
        ("dropped", 5),
        ("dropped", 3),
        ("cut", 2),
        ("not exported", 8),
    ]
    assert found[-1]["detail"] == "otlp failed meanwhile: refused"


async def test_exporters_are_those_of_the_config_as_they_last_said(project: Path) -> None:
    from runlog.web.services import Services

    settings = Settings.load(project, {"export": {"exporters": ["otlp", "console"]}})
    run = completed()
    run.events += [exporting(run, WARN, exported=1), exporting(run, DEBUG, exported=4, failed=0)]
    save(project, [run])
    async with Services(settings) as services:
        found = (await Asked(settings, services).get("/api/plugins")).json["exporters"]
    first, second = (dict(map(tuple, pairs)) for pairs in found)
    assert (first["name"], first["kind"], first["state"], first["exported"]) == ("otlp", "exporter", "works", 4)
    assert (second["name"], second["state"]) == ("console", "unknown")
