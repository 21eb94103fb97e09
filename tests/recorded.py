"""A recorder with its store, and what it recorded: for tests of everything that records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.context import attach, detach, get_current, set_value

from runlog.config import Settings
from runlog.recording import Recorder, open_recorder
from runlog.stores import open_reader
from runlog.stores.base import Event
from runlog.tracing.scope import RUN_KEY, RunScope


class Recorded:
    """The process's recorder, on a store of its own, and a way to look into that."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.settings = Settings.load(arguments={"console": {"enabled": False}, **arguments})
        self.recorder: Recorder = open_recorder(self.settings)

    def events(self, run_id: str | None = None) -> list[Event]:
        """What is stored under a run (None: under no run), oldest first."""
        assert self.recorder.flush(20)
        if not self.settings.log_path.exists():  # nothing has been recorded
            return []
        reader = open_reader(self.settings)
        try:
            return sorted(reader.events(run_id, limit=1_000_000), key=lambda event: event.sequence)
        finally:
            reader.close()

    def logs(self, run_id: str | None = None) -> list[Event]:
        return [event for event in self.events(run_id) if event.kind == "log"]

    def messages(self, run_id: str | None = None) -> list[str]:
        return [event.message for event in self.logs(run_id)]


@contextmanager
def recording(**arguments: Any) -> Iterator[Recorded]:
    """Record into the project in the current folder; `arguments` are settings."""
    recorded = Recorded(arguments)
    try:
        yield recorded
    finally:
        recorded.recorder.close()


@contextmanager
def in_run(run_id: str, task: str = "a-task") -> Iterator[RunScope]:
    """Be inside an attempt of a run, which ends with the block."""
    scope = RunScope(run_id, task)
    token = attach(set_value(RUN_KEY, scope, get_current()))
    try:
        yield scope
    finally:
        scope.close_open_spans()
        detach(token)
