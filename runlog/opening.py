"""What an open project does to the whole process."""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

from opentelemetry import trace as otel

from runlog import capture, console
from runlog.config import Settings
from runlog.errors import ConfigError
from runlog.instrumentation import install_all
from runlog.logger import logger
from runlog.recording import get_recorder, open_recorder
from runlog.system.patch import Patch
from runlog.tracing.export import from_settings as add_exporters
from runlog.tracing.provider import get_provider

_FLUSH, _FLUSH_STEP = 5.0, 0.4
_OF_EACH = {"tasks", "version", "worker", "retention", "database"}
"""Settings that are not of the whole process, but of each `open()`."""


class ProcessRecording:
    """Recording, capture, exporters and instrumentations of the project that is open in this process.

    The first `open()` starts it, those within share it, and the last one to be left stops it.
    """

    _current: ClassVar[ProcessRecording | None] = None
    _joining: ClassVar[Any] = threading.RLock()

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._users = 0
        self._stack = ExitStack()
        try:
            self._start(settings)
        except BaseException:
            self._stack.close()
            raise

    @classmethod
    def join(cls, settings: Settings) -> ProcessRecording:
        """Start, or share, the recording of this project. Raises ConfigError if another one is open."""
        with cls._joining:
            recording = cls._current
            if recording is None:
                recording = cls._current = cls(settings)
            else:
                recording._check_same(settings)
            recording._users += 1
            return recording

    def leave(self) -> None:
        """Stop, if nobody else is here."""
        with self._joining:
            self._users -= 1
            if not self._users:
                type(self)._current = None
                self._stack.close()

    def _check_same(self, settings: Settings) -> None:
        own = self._settings
        if _places(own) != _places(settings):
            raise ConfigError(
                f"cannot open the project {settings.root} in this process",
                f"{own.root} is open, and what a process records goes to one project",
                "leave the other runlog.open() first, or use a process for each",
            )
        if own.model_dump(exclude=_OF_EACH) != settings.model_dump(exclude=_OF_EACH):
            logger.warn("the project is open already in this process, with other settings: they go on to count")

    def _start(self, settings: Settings) -> None:
        recorder = open_recorder(settings)
        self._stack.callback(_flush)
        console.attach(settings, recorder)
        provider = get_provider()
        if isinstance(otel.get_tracer_provider(), otel.ProxyTracerProvider):
            otel.set_tracer_provider(provider)
        if settings.export.exporters or settings.export.processors:
            self._stack.callback(provider.close_bridge)
            add_exporters(settings, provider)
        patch = Patch()
        self._stack.callback(patch.undo)
        capture.install(settings, patch)
        self.instrumentations = install_all(settings, provider)
        self._stack.callback(self.instrumentations.uninstall)
        for state in self.instrumentations.problems:
            logger.error(
                "instrumentation {name} is not installed: {reason}",
                {"name": state.name, "reason": state.reason, "state": state.state, "fix": state.fix},
            )


def _renew_lock() -> None:
    ProcessRecording._joining = threading.RLock()


os.register_at_fork(after_in_child=_renew_lock)  # another thread of the parent may have held it


def _places(settings: Settings) -> tuple[Path, ...]:
    return settings.root.resolve(), settings.log_path.resolve()


def _flush() -> None:
    """Wait until the records are stored, for as long as it goes on; what is not stored then waits in the spool."""
    recorder = get_recorder()
    deadline, left = time.monotonic() + _FLUSH, -1
    while not recorder.flush(_FLUSH_STEP) and time.monotonic() < deadline:
        before, left = left, recorder.statistics().waiting
        if left == before or recorder.statistics().degraded is not None:
            return
