"""What is kept of a payload when its run has ended, and whether that is all of it."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from runlog.config import Settings
from runlog.recording.scrub import Scrubber

_REMOVED = b'"[redacted: it could not be searched for secrets]"'
_MARK = re.compile(
    r"\[redacted[:\]]|\[redacted: |…\[[\d,]+ characters cut\]…|\A<(?:[\d,]+ more|more|depth|cycle|unreadable\b.*)>\Z"
    r"|\A\[runlog could not scrub this record"
)
"""What the log has in the place of something that it does not keep."""


class PayloadScrubber:
    """Takes the secrets out of a payload, as they are taken out of records. Never raises; used by any thread."""

    def __init__(self, settings: Settings) -> None:
        self._scrubber = Scrubber(settings.scrub.keys, settings.scrub.patterns)

    def __call__(self, payload: bytes) -> bytes:
        """Return JSON without secrets: `payload` itself if it has none."""
        try:
            return self._scrubbed(payload)
        except Exception:  # noqa: BLE001 - the run has ended, and that has to be written
            return _REMOVED

    def _scrubbed(self, payload: bytes) -> bytes:
        try:
            value = msgspec.json.decode(payload)
        except (ValueError, RecursionError):  # no JSON, or deeper than can be read
            text = payload.decode("utf-8", "backslashreplace")
            scrubbed = self._scrubber.scrub_text(text)
            return payload if scrubbed == text else scrubbed.encode("utf-8", "backslashreplace")
        clean = self._scrubber.scrub_value(value)
        return payload if clean == value else msgspec.json.encode(clean)


def is_whole(value: Any) -> bool:
    """Whether plain data of the log has no mark in the place of something that was left out."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and _MARK.search(item):
            return False
        if isinstance(item, dict):
            waiting += [*item, *item.values()]
        elif isinstance(item, list):
            waiting += item
    return True
