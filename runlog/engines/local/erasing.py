"""What was removed from the queue for good is soon not in its WAL either."""

from __future__ import annotations

import time
from contextlib import suppress

import apsw

from runlog.system.sqlite import Database

_IDLE = 1.0
_AT_LATEST = 10.0


class Erasing:
    """Truncates the WAL when nothing has been written for a second, and after 10 s at the latest, if there is a reason.

    Used by the engine's thread only. The first reason is there at once: a worker that was killed may have left it.
    """

    def __init__(self) -> None:
        self._since: float | None = time.monotonic()
        self._at = self._since + _IDLE

    def committed(self, *, erased: bool) -> None:
        """There was a commit; it may have removed something."""
        now = time.monotonic()
        if erased and self._since is None:
            self._since = now
        if self._since is not None:
            self._at = min(now + _IDLE, max(now, self._since + _AT_LATEST))

    @property
    def patience(self) -> float | None:
        """Seconds until there is something to do."""
        return None if self._since is None else max(0.0, self._at - time.monotonic())

    def run(self, database: Database) -> None:
        """Truncate the WAL if it is time; try again later if somebody reads just now, or the disk is full."""
        if self._since is not None and time.monotonic() >= self._at:
            self._at = time.monotonic() + _IDLE
            with suppress(apsw.Error, OSError):
                if database.try_checkpoint(truncate=True):
                    self._since = None
