"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from runlog.web.live.position import Position

RETRY = b"retry: 1000\n\n"
"""Milliseconds after which a client that lost the stream comes back."""
PING = b": \n\n"


@dataclass(frozen=True, slots=True)
class Message:
    """One event. JSON has no line breaks in it, so each is one `data` line."""

    event: str
    data: Any
    position: Position

    def encode(self) -> bytes:
        return b"event: %b\nid: %b\ndata: %b\n\n" % (
            self.event.encode(),
            str(self.position).encode(),
            msgspec.json.encode(self.data),
        )
