"""The engine port: what the executor asks of whoever delivers runs.

An engine only delivers: it keeps runs durably, hands them out under a lease, takes them back, and carries a cancel. What
a run means (attempts, retries, limits, hooks, outcome) is the executor's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from runlog.stores.base import Run


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be queued. Times are nanoseconds since 1970 UTC."""

    run_id: str
    task: str
    queue: str
    payload: bytes | None
    """JSON, or None for a task without a payload."""
    available: int
    """Not before this time."""
    created: int
    trace_id: bytes
    span_id: bytes
    parent_run_id: str | None = None
    root_run_id: str | None = None
    parent_span_id: bytes | None = None
    """The span that the run's root span is under: for runs in their parent's trace."""
    links: tuple[tuple[bytes, bytes], ...] = ()
    """(trace id, span id) of what triggered it, where it starts a trace of its own."""
    tags: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    """What the trigger overrode: max_attempts, max_duration."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A run handed to a worker, under a lease. Every write about it carries `token`: a late writer loses."""

    run: NewRun
    attempt: int
    """1 for the first."""
    crashes: int
    token: int
    started: int | None
    """The start of the first attempt (ns), None on the first."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: a terminal status, or QUEUED/DELAYED to run again at `available`."""

    status: str
    output: bytes | None = None
    error: dict[str, Any] | None = None
    available: int | None = None
    reason: str | None = None
    uses_attempt: bool = True
    """False where the attempt was interrupted by a shutdown."""


OnChange = Callable[[Run], None]
"""Called with every committed change of a run, after the commit, from any thread."""


class Engine(Protocol):
    """All methods may be called from any event loop; none blocks it."""

    async def submit(self, runs: Sequence[NewRun]) -> None:
        """Queue runs, all or none. When it returns they survive a kill and power loss."""
        ...

    async def claim(self, tasks: Sequence[str], limit: int) -> list[Delivery]:
        """Wait until there is work for these tasks and take up to `limit` runs. Cancel the call to stop waiting."""
        ...

    async def finish(self, delivery: Delivery, outcome: Outcome) -> bool:
        """End an attempt; False if its lease is no longer held (another worker has it, or it was cancelled)."""
        ...

    async def cancel(self, run_id: str, reason: str | None = None) -> bool:
        """Ask for a cancel of a run and of its children that are waited for; False if it had ended already.

        A queued run is CANCELED when this returns; a running one as soon as its worker has stopped it."""
        ...

    async def canceled(self, delivery: Delivery) -> str:
        """Wait until a cancel is asked for a running delivery; return its reason (may be empty)."""
        ...

    async def get(self, run_id: str) -> Run:
        """The engine's truth about a run, with payload, output and error. Raises RunNotFound."""
        ...

    async def wait(self, run_ids: Sequence[str]) -> list[Run]:
        """Wait until all these runs are terminal; return them in the order asked for."""
        ...

    async def close(self) -> None:
        """Give up the leases still held (their runs are queued again, no attempt used) and release everything."""
        ...
