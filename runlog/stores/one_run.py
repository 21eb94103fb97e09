"""What a store tells about one run or one event: the half of `base.Reader` that a run's page is made of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from runlog.stores.base import Event, Run


Way = Literal["failing", "stopped", "running"]
"""Which spans lead down: those with an error; those that were stopped (and the attempt round them); those that are
open."""
STOPPED = ("canceled", "unfinished")
"""Statuses of spans that did not come to their end."""
STATUSES = ("unset", "ok", "error", "canceled", "unfinished")
"""As numbers in a trace."""
ATTEMPT, PROCESS = "Attempt ", "process"
"""How the span of an attempt begins, and what that of its own process is called."""

MESSAGE_READ, ATTRIBUTES_READ = 1000, 16_384
Data = Literal["payload", "output", "metadata"]


@dataclass(slots=True)
class TraceRows:
    """What a tree and a time axis need of some events of a run, in the order of their ids: a column for each field, all
    of the same length, of numbers as the page packs them."""

    id: Sequence[int] = ()
    kind: Sequence[int] = ()
    """0 log, 1 open, 2 span."""
    level: Sequence[int] = ()
    """0 to 255."""
    status: Sequence[int] = ()
    """Index into STATUSES; 0 for logs."""
    start: Sequence[int] = ()
    """Nanoseconds after the run was created."""
    duration: Sequence[int] = ()
    """Nanoseconds; -1 for open spans and logs."""
    span: Sequence[bytes] = ()
    """8 bytes; zeros for a log."""
    parent: Sequence[bytes] = ()
    """8 bytes; zeros at the top."""
    name: Sequence[str] = ()
    message: Sequence[str] = ()
    """The first MESSAGE_READ characters of a log's message, as it was written; one more where there are more."""
    attributes: Sequence[str] = ()
    """JSON: the first ATTRIBUTES_READ characters; one more where there are more."""
    extra: Sequence[str | None] = ()
    """JSON; of a long one only the title of its exception, and which keys it has."""

    def __len__(self) -> int:
        return len(self.id)


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


@dataclass(slots=True)
class Losses:
    """What of a run is not in the log, and why."""

    refused: dict[str, int]
    """Records, by what refused them: `rate`, `full`, `invalid`, `spool:<rank>`."""
    dropped: dict[str, int]
    """Parts of records over a limit: attributes, events, links, frames, ..."""
    truncated: int
    """Values that were cut for their length."""


class RunReader(Protocol):
    """See `base.Reader`."""

    def event(self, number: int) -> Event:
        """One event, whole. Raises EventNotFound."""
        ...

    def trace(
        self,
        run: Run,
        *,
        after: int = 0,
        limit: int = 5000,
        inside: Collection[bytes] | None = None,
        has_logs: bool = True,
    ) -> TraceRows:
        """Rows of a run with an id over `after`: of all spans, or of these only, with the logs directly inside them."""
        ...

    def trace_size(
        self, run: Run, *, after: int = 0, inside: Collection[bytes] | None = None, has_logs: bool = True
    ) -> int:
        """How many rows `trace` still has after `after`; the starts of spans are among them, also of those that end."""
        ...

    def spans_inside(self, run: Run, span_id: bytes) -> set[bytes]:
        """The ids of a span and of all spans inside it."""
        ...

    def spans_above(self, run: Run, span_id: bytes) -> set[bytes]:
        """The ids of a span and of all spans that it is in."""
        ...

    def way_down(self, run: Run, way: Way) -> list[Event]:
        """The spans on the way down the run's tree: at each level the last of those that lead down, which is the one
        that ended last (failing) or began last.

        Of failing ones also the span that ended last beside each, where that tells whether the failure was survived:
        `tree.failure` finds the same in a tree of these events as in the whole one.
        """
        ...

    def attempts(self, run: Run, *, limit: int = 1000) -> list[Event]:
        """The spans of a run's attempts, as far as they have come, the first so many."""
        ...

    def losses(self, run: Run) -> Losses:
        """What of a run is not in the log. Reads all of its events."""
        ...

    def relatives(self, run: Run) -> Relatives:
        """The runs beside a run."""
        ...

    def names(self, run_ids: Sequence[str]) -> dict[str, RunName]:
        """Those of these runs that are in the log."""
        ...

    def runs_of_spans(self, places: Sequence[tuple[bytes, bytes]]) -> dict[tuple[bytes, bytes], RunName]:
        """The run that each (trace id, span id) leads into, where it is found: the one whose root span it is, else the
        first of that trace. Only the newest 100,000 runs are looked at."""
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
