"""Where the writer thread puts what it has drained."""

from __future__ import annotations

from typing import Protocol

from runlog.stores.base import Batch


class Sink(Protocol):
    """Takes every batch after it has been scrubbed and stored. Called by the writer thread only.

    What it raises is counted and reported, and keeps nothing from the store or from the other sinks. It must not
    wait for anything slow: hand over to a thread of its own.
    """

    def write(self, batch: Batch) -> None: ...

    def close(self, timeout: float) -> None:
        """Flush, within `timeout` seconds."""
        ...
