"""A project of its own for each test: recorder, SQLite store and tracer provider."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import context as otel
from opentelemetry.context import Context

from runlog.config import Settings
from runlog.recording import Recorder, open_recorder
from runlog.stores import open_reader
from runlog.stores.base import Batch, Event, Run
from runlog.tracing.provider import TracerProvider, set_provider
from runlog.tracing.scope import RUN_KEY, RunScope
from runlog.tracing.tracer import Tracer


class Collector:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.runs: list[Run] = []

    def write(self, batch: Batch) -> None:
        self.events.extend(batch.events)
        self.runs.extend(batch.runs)

    def close(self, timeout: float) -> None:
        pass


class Log:
    """The project that a test records into, and reads from."""

    def __init__(self, **arguments: Any) -> None:
        self.settings = Settings.load(arguments={"console": {"enabled": False}, **arguments})
        self.recorder: Recorder = open_recorder(self.settings)
        self.collector = Collector()
        self.recorder.add_sink(self.collector)
        self.provider = TracerProvider(self.recorder)
        set_provider(self.provider)

    @property
    def tracer(self) -> Tracer:
        return self.provider.get_tracer("test", "1.2")

    def use(self, **arguments: Any) -> Tracer:
        """Go on with a provider of other sampler, limits or ids; return a tracer of it."""
        self.provider = TracerProvider(self.recorder, **arguments)
        set_provider(self.provider)
        return self.tracer

    def events(self) -> list[Event]:
        """Everything that has been recorded."""
        assert self.recorder.flush(20)
        return list(self.collector.events)

    def spans(self) -> dict[str, Event]:
        """Name → ended span. Names must differ."""
        spans = [event for event in self.events() if event.kind == "span"]
        assert len({span.name for span in spans}) == len(spans), [span.name for span in spans]
        return {span.name: span for span in spans}

    def span(self) -> Event:
        """The one ended span that there is."""
        (span,) = self.spans().values()
        return span

    def stored(self, run_id: str | None = None) -> list[Event]:
        """The events of a run (or of none) as the store has them."""
        assert self.recorder.flush(20)
        reader = open_reader(self.settings)
        try:
            return reader.events(run_id)
        finally:
            reader.close()

    def wait_for(self, predicate: Callable[[Event], object], timeout: float = 10.0) -> Event:
        """The first event for which `predicate` is true, once it is recorded."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for event in self.events():
                if predicate(event):
                    return event
        raise AssertionError("no such event was recorded")

    def close(self) -> None:
        set_provider(None)
        self.provider.shutdown()
        self.recorder.close(5)


def in_run(run_id: str = "run_1", context: Context | None = None) -> tuple[RunScope, Context]:
    """A scope, and a context that is in it."""
    scope = RunScope(run_id, "task", 1)
    return scope, otel.set_value(RUN_KEY, scope, Context() if context is None else context)


class _Within:
    def __init__(self, run_id: str) -> None:
        self.scope, self._context = in_run(run_id, otel.get_current())

    def __enter__(self) -> RunScope:
        self._token = otel.attach(self._context)
        return self.scope

    def __exit__(self, *_: object) -> None:
        otel.detach(self._token)


def within(run_id: str = "run_1") -> _Within:
    """Be in a run for a `with` block."""
    return _Within(run_id)


@pytest.fixture
def log(project: Path) -> Iterator[Log]:
    log = Log()
    yield log
    log.close()
