"""The events of live streams."""

from __future__ import annotations

import msgspec

from runlog.web.api.types.common import Piece
from runlog.web.api.types.events import Log
from runlog.web.api.types.runs import RunRow


class RunsDelta(msgspec.Struct):
    """Event `runs`: rows that changed and match, and the ids of those that changed and do not match."""

    rows: list[RunRow]
    gone: list[str]


class RunDelta(msgspec.Struct):
    """Event `run`: the run's row and headline as they are now."""

    run: RunRow
    headline: list[Piece]


class LogsDelta(msgspec.Struct):
    """Event `logs`: new lines that match, oldest first."""

    items: list[Log]


class Skip(msgspec.Struct):
    """Event `skip`: the stream was too far behind and jumped; so many events were left out."""

    count: int


class Tick(msgspec.Struct):
    """Event `tick`: something changed."""

    position: str
