"""What a worker tells of itself in the run log, for whoever reads it in another process."""

from __future__ import annotations

import math
import os
import platform
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import anyio

from runlog.config import Settings
from runlog.engines.base import Engine
from runlog.instrumentation import Instrumentations
from runlog.recording import RANK_ALWAYS, get_recorder
from runlog.recording.clean import clean_attributes
from runlog.stores.base import DEBUG, PLUGIN_EVENT, WORKER_EVENT, Event

_PAUSES = (10.0, 50.0, 540.0)
"""Seconds from the first time to the first look at what has changed, to the second, and so on."""
_AGAIN = 86_400.0
"""Seconds after which all is told once more: the log forgets what is old."""
_MOST_RESOURCE = 50


class Presence:
    """Tells which process a worker is and what became of its instrumentations: at first, and when that changes."""

    def __init__(self, engine: Engine, settings: Settings, instrumentations: Instrumentations | None) -> None:
        self._engine, self._settings, self._instrumentations = engine, settings, instrumentations
        self._told: dict[str, dict[str, Any]] = {}
        self._told_at = -math.inf

    async def run(self, begun: anyio.Event) -> None:
        """Tell from the first attempt on, until it is cancelled, and once more then. A worker without a run records
        nothing."""
        await begun.wait()
        pauses = iter(_PAUSES)
        try:
            while True:
                self._tell(self._engine.worker_name or "")
                await anyio.sleep(next(pauses, _PAUSES[-1]))
        finally:
            self._tell(self._engine.worker_name or "")

    def _tell(self, worker: str) -> None:
        if time.monotonic() - self._told_at >= _AGAIN:
            self._told_at = time.monotonic()
            self._told = {}
            _write(WORKER_EVENT, "worker {worker.name}", worker, _process(self._settings))
        for name, attributes in _plugins(self._instrumentations).items():
            if self._told.get(name) != attributes:
                self._told[name] = attributes
                _write(PLUGIN_EVENT, "instrumentation {plugin} is {state}", worker, attributes)


def _process(settings: Settings) -> dict[str, Any]:
    worker = settings.worker
    return {
        "process.pid": os.getpid(),
        "host.name": socket.gethostname(),
        "os.type": platform.system().lower(),
        "process.runtime.name": platform.python_implementation().lower(),
        "process.runtime.version": platform.python_version(),
        "runlog.version": version("runlog-tasks"),
        "code.version": settings.code_version or "",
        "worker.concurrency": worker.concurrency,
        "worker.queues": list(worker.queues),
        **_resource(os.environ),
    }


def _resource(environment: Mapping[str, str]) -> dict[str, str]:
    """What OpenTelemetry's variables say of the service, without loading its SDK."""
    pairs = (item.partition("=") for item in environment.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    found = {f"resource.{key.strip()}": value.strip() for key, _, value in pairs if key.strip()}
    if name := environment.get("OTEL_SERVICE_NAME", ""):
        found["resource.service.name"] = name
    return dict(list(found.items())[:_MOST_RESOURCE])


def _plugins(instrumentations: Instrumentations | None) -> dict[str, dict[str, Any]]:
    if instrumentations is None:
        return {}
    spans = instrumentations.spans()
    found = {}
    for state in instrumentations:
        told = {key: value for key, value in asdict(state).items() if value not in (None, [], {}, "")}
        del told["name"], told["milliseconds"]
        found[state.name] = {"plugin": state.name, **told, "spans": spans.get(state.name, 0)}
    return found


def _write(name: str, message: str, worker: str, attributes: dict[str, Any]) -> None:
    recorder = get_recorder()
    cleaned, _ = clean_attributes({"event.name": name, "worker.name": worker, **attributes}, recorder.limits)
    event = Event(
        sequence=recorder.next_sequence(), kind="log", run_id=None, trace_id=None, span_id=None, parent_id=None,
        time=time.time_ns(), duration=None, level=DEBUG, status=None, name=name, message=message, attributes=cleaned,
    )  # fmt: skip
    recorder.emit(event, RANK_ALWAYS)
