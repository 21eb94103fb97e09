"""One-line messages to the terminal about the recording itself: rarely, and never in the user's way."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from runlog.system.text import visible_line

STDERR = 2
EVERY = 60.0  # seconds between two lines about the same thing


class Notices:
    """Writes `runlog: <text>` to the standard error descriptor, at most once a minute for each key."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def say(self, key: str, text: str) -> bool:
        """Write one line unless this key was said lately; tell whether it was written.

        It goes to the descriptor, past a `sys.stderr` that is captured into the run log. Not for the user's thread:
        a full pipe blocks.
        """
        now = time.monotonic()
        said = self._said.get(key)
        if said is not None and now - said < EVERY:
            return False
        self._said[key] = now
        with suppress(OSError):
            os.write(STDERR, f"runlog: {visible_line(text)}\n".encode("utf-8", "backslashreplace"))
        return True

    def has_said(self, key: str) -> bool:
        """Tell whether a line about this key was written and holds."""
        return key in self._said

    def forget(self, key: str) -> bool:
        """Let a key be said again at once; tell whether it had been said."""
        return self._said.pop(key, None) is not None
