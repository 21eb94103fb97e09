"""What a store tells about one run or one event: the half of `base.Reader` that a run's page is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from runlog.stores.base import Event, Run


class TraceRow(NamedTuple):
    """What a tree and a time axis need of an event; times in nanoseconds."""

    id: int
    kind: int
    """0 log, 1 open, 2 span."""
    level: int
    status: str | None
    name: str
    time: int
    duration: int | None
    span_id: bytes | None
    parent_id: bytes | None
    message: str
    """The beginning of a log's message, as it was written."""
    length: int
    """Of the whole message, in characters."""
    attributes: str | None
    """JSON; only of a log whose message may be a template."""
    http_status: int | str | None
    extra: str | None
    """JSON."""


@dataclass(slots=True)
class TraceRows:
    """Some rows of a run's trace, in the order of their ids."""

    rows: list[TraceRow]
    cursor: int
    """The id to go on after."""
    remaining: int
    """Rows of the run after the cursor, about: with `under`, all of them."""


class RunReader(Protocol):
    """See `base.Reader`."""

    def event(self, number: int) -> Event:
        """One event, whole. Raises EventNotFound."""
        ...

    def trace(self, run: Run, *, after: int = 0, limit: int = 25_000, under: bytes | None = None) -> TraceRows:
        """Rows of a run with an id over `after`; with `under` only those inside that span, and the span itself."""
        ...
