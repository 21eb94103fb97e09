"""What a thread is doing on behalf of capture, so that nothing is captured twice or for ever."""

from __future__ import annotations

import threading


class _Guard(threading.local):
    depth = 0
    """How many captures this thread is inside of: a value that logs while it is turned into text, a signal handler."""
    shown = 0
    """How many records are being shown that were captured already: text written meanwhile is theirs."""
    record: object = None
    """The `logging` record among them that its handlers have now."""


guard = _Guard()
