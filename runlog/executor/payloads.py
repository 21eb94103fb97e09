"""What is kept of a payload when its run has ended."""

from __future__ import annotations

import msgspec

from runlog.config import Settings
from runlog.recording.scrub import Scrubber

_REMOVED = b'"[redacted: it could not be searched for secrets]"'


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
