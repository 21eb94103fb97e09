"""What a store tells about one run or one event: the half of `base.Reader` that a run's page is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from runlog.stores.base import Event, Run


Way = Literal["failing", "stopped", "running"]
"""Which spans lead down: those with an error; those that were stopped (and the attempt round them); those that are
open."""
STOPPED = ("canceled", "unfinished")
"""Statuses of spans that did not come to their end."""
ATTEMPT, PROCESS = "Attempt ", "process"
"""How the span of an attempt begins, and what that of its own process is called."""

Data = Literal["payload", "output", "metadata"]


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


class RunName(NamedTuple):
    """What a link to a run shows."""

    run_id: str
    task: str
    status: str


class Child(NamedTuple):
    """A run, and the span that it was triggered in by the run that waited for it."""

    run_id: str
    status: str
    created: int
    ended: int | None
    parent_span_id: bytes


@dataclass(slots=True)
class Relatives:
    """The runs beside a run."""

    previous: RunName | None
    """The run of the same task that was created before it."""
    next: RunName | None
    replays: list[RunName]
    """The first hundred."""
    children: int


class RunReader(Protocol):
    """See `base.Reader`."""

    def event(self, number: int) -> Event:
        """One event, whole. Raises EventNotFound."""
        ...

    def trace(self, run: Run, *, after: int = 0, limit: int = 25_000, under: bytes | None = None) -> TraceRows:
        """Rows of a run with an id over `after`; with `under` only those inside that span, and the span itself."""
        ...

    def way_down(self, run: Run, way: Way) -> list[Event]:
        """The spans on the way down the run's tree: at each level the last of those that lead down, which is the one
        that ended last (failing) or began last.

        Of failing ones also the span that ended last beside each, where that tells whether the failure was survived:
        `tree.failure` finds the same in a tree of these events as in the whole one.
        """
        ...

    def relatives(self, run: Run) -> Relatives:
        """The runs beside a run."""
        ...

    def names(self, run_ids: Sequence[str]) -> dict[str, RunName]:
        """Those of these runs that are in the log."""
        ...

    def children_inside(self, run_id: str) -> list[Child]:
        """The runs that this one waited for, or waits for."""
        ...

    def data(self, run: Run, what: Data) -> str | None:
        """A run's payload, output or metadata as JSON; None if there is none."""
        ...

    def data_sizes(self, run: Run) -> dict[Data, int]:
        """How many bytes of JSON each is; 0 if there is none."""
        ...
