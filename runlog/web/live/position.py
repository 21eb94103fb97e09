"""How far a client has read the log."""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """The newest event and the newest change of a run that the client has; written `<event>.<change>`."""

    event: int
    change: int

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """None where the text is no position."""
        event, dot, change = text.partition(".")
        if not (dot and event.isdecimal() and change.isdecimal() and len(text) < 40 and text.isascii()):
            return None
        return cls(int(event), int(change))

    def __str__(self) -> str:
        return f"{self.event}.{self.change}"

    def is_beyond(self, other: Position) -> bool:
        """In an event or a change newer than any of the other."""
        return self.event > other.event or self.change > other.change
