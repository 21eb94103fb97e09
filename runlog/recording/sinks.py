"""The sinks of a recorder."""

from __future__ import annotations

import time

from runlog.recording.notice import Notices
from runlog.recording.sink import Sink
from runlog.stores.base import Batch


class Sinks:
    """The sinks and their failures. Changed by any thread, as a whole."""

    def __init__(self) -> None:
        self._sinks: tuple[Sink, ...] = ()
        self.errors: dict[str, int] = {}

    def add(self, sink: Sink) -> None:
        self._sinks = (*self._sinks, sink)

    def remove(self, sink: Sink) -> None:
        self._sinks = tuple(known for known in self._sinks if known is not sink)

    def __bool__(self) -> bool:
        return bool(self._sinks)

    def write(self, batch: Batch, notices: Notices) -> None:
        for sink in self._sinks:
            try:
                sink.write(batch)
            except Exception as error:  # noqa: BLE001  # one sink must not keep a batch from the others
                self._count(sink, error, notices)

    def close(self, deadline: float, notices: Notices) -> None:
        sinks, self._sinks = self._sinks, ()
        for sink in sinks:
            try:
                sink.close(max(0.0, deadline - time.monotonic()))
            except Exception as error:  # noqa: BLE001
                self._count(sink, error, notices)

    def _count(self, sink: Sink, error: Exception, notices: Notices) -> None:
        name = type(sink).__name__
        self.errors[name] = self.errors.get(name, 0) + 1
        notices.say(f"sink {name}", f"{name} failed, and does without some records: {type(error).__name__}: {error}")
