"""What other threads ask of the writer."""

from __future__ import annotations

import threading
import time


class Request:
    """A wish to the writer, and whether it has been granted."""

    __slots__ = ("deadline", "done", "granted", "stop", "stopped")

    def __init__(self, timeout: float, *, stop: bool) -> None:
        self.deadline = time.monotonic() + timeout
        self.stop = stop
        self.stopped = False
        self.granted = False
        self.done = threading.Event()
