"""Reading back what a test has recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from runlog.config import CaptureSettings, ConsoleSettings, LogSettings, Settings
from runlog.console.message import render_message
from runlog.instrumentation import Instrumentation, Instrumentations, InstrumentationState
from runlog.recording import Recorder, open_recorder
from runlog.stores import open_reader
from runlog.stores.base import LEVEL_NAMES, Event
from runlog.tracing.provider import TracerProvider

_LIMIT = 10_000


@contextmanager
def recording(folder: Path) -> Iterator[Recorder]:
    """Open a recorder for a project in `folder` as the process's, and close it in the end."""
    settings = Settings(
        root=folder,
        log=LogSettings(level="debug"),
        console=ConsoleSettings(enabled=False),
        capture=CaptureSettings(logging=False, stdout=False, stderr=False, warnings=False),
    )
    recorder = open_recorder(settings)
    try:
        yield recorder
    finally:
        recorder.close()


class Telemetry:
    """What was recorded since it was made. Reading waits until everything is stored.

    A context manager: leaving it uninstalls what it has installed.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.provider = TracerProvider(recorder)
        """Give it to code that is to be traced."""
        self.tracer = self.provider.get_tracer("test")
        self.instrumentations = Instrumentations(self.provider)
        self._after = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.uninstall()
        self.provider.shutdown()

    def install(self, instrumentation: type[Instrumentation[Any]] | str, **options: Any) -> InstrumentationState:
        """Install an instrumentation by its class, name or import string; raises InstrumentationError if it fails."""
        if isinstance(instrumentation, str):
            state = self.instrumentations.install(instrumentation, options=options)
        else:
            state = self.instrumentations.install_class(instrumentation, options)
        if state.is_problem:
            self.instrumentations.raise_for_errors()
        return state

    def uninstall(self) -> None:
        """Take back what `install` has installed."""
        self.instrumentations.uninstall()

    @property
    def events(self) -> list[Event]:
        """Everything recorded, in the order in which it was stored: logs, and spans at their start and at their end."""
        if not self.recorder.flush(10):
            raise AssertionError(f"not stored within 10 seconds: {self.recorder.statistics()}")
        if not self.recorder.settings.log_path.exists():  # nothing was recorded
            return []
        reader = open_reader(self.recorder.settings)
        try:
            found: list[Event] = []
            after = self._after
            while True:
                page, after = reader.tail(None, after=after, limit=_LIMIT)
                found += page
                if len(page) < _LIMIT:
                    return found
        finally:
            reader.close()

    @property
    def spans(self) -> list[Event]:
        """The spans that have ended, in the order of their start."""
        return sorted((event for event in self.events if event.kind == "span"), key=_order)

    @property
    def open_spans(self) -> list[Event]:
        """The spans that have started and not ended."""
        events = self.events
        ended = {event.span_id for event in events if event.kind == "span"}
        return sorted((event for event in events if event.kind == "open" and event.span_id not in ended), key=_order)

    @property
    def logs(self) -> list[Event]:
        return sorted((event for event in self.events if event.kind == "log"), key=_order)

    def clear(self) -> None:
        """Forget what was recorded so far."""
        self._after = max([self._after, *(event.id for event in self.events)])

    def tree(self) -> str:
        """Return spans and logs as an indented text without times and ids: for snapshots.

        A span is its name, with its status where that is not unset or ok; a log is its level and message.
        """
        events = self.events
        ended = {event.span_id for event in events if event.kind == "span"}
        shown = [event for event in events if event.kind != "open" or event.span_id not in ended]
        ids = {event.span_id for event in shown if event.kind != "log"}
        below: dict[bytes | None, list[Event]] = {}
        for event in sorted(shown, key=_order):
            below.setdefault(event.parent_id if event.parent_id in ids else None, []).append(event)
        lines: list[str] = []
        stack = [(0, event) for event in reversed(below.get(None, []))]
        while stack:
            depth, event = stack.pop()
            lines.append("  " * depth + _line(event))
            if event.kind != "log":
                stack.extend((depth + 1, child) for child in reversed(below.get(event.span_id, [])))
        return "\n".join(lines)


def _order(event: Event) -> tuple[int, int]:
    return event.time, event.sequence


def _line(event: Event) -> str:
    if event.kind == "log":
        level = LEVEL_NAMES.get(event.level, str(event.level))
        return f"{level}: {render_message(str(event.message), event.attributes)}"
    status = "open" if event.kind == "open" else event.status
    return event.name if status in ("unset", "ok", None) else f"{event.name} [{status}]"
