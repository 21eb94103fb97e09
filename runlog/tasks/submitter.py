"""How a task reaches an engine without knowing one."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from runlog.errors import ProjectNotOpen
from runlog.stores.base import Run


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run to be triggered, validated already."""

    task: str
    payload: bytes | None
    """JSON, or None where none was given."""
    queue: str = "default"
    delay: float = 0.0
    """Seconds."""
    tags: tuple[str, ...] = ()


class Submitter(Protocol):
    """What the open project offers to tasks and handles. Runs come back with payload and output as JSON in bytes."""

    async def submit(self, requests: Sequence[RunRequest], *, verb: str) -> list[str]:
        """Queue runs, all or none, under a span `<task>.<verb>()`; return their ids. Each starts its own trace.

        Raises PayloadError if a payload is over the limit; then nothing is queued."""
        ...

    async def submit_and_wait(self, requests: Sequence[RunRequest], *, verb: str) -> list[Run]:
        """Queue runs and wait for them, all under one span. They belong to the caller's trace, and are cancelled with
        the caller's run."""
        ...

    async def wait(self, run_ids: Sequence[str]) -> list[Run]:
        """Wait until these runs are terminal. Inside a run the caller gives its slot back meanwhile."""
        ...

    async def get(self, run_id: str) -> Run: ...

    async def cancel(self, run_id: str, reason: str | None = None) -> bool: ...


current_submitter: ContextVar[Submitter | None] = ContextVar("runlog-submitter", default=None)
_process_submitter: Submitter | None = None


def set_process_submitter(submitter: Submitter | None) -> Submitter | None:
    """Set the submitter for contexts that have none of their own; return the one before."""
    global _process_submitter
    before, _process_submitter = _process_submitter, submitter
    return before


def get_submitter() -> Submitter:
    """Return the open project's submitter. Raises ProjectNotOpen."""
    submitter = current_submitter.get() or _process_submitter
    if submitter is None:
        raise ProjectNotOpen(
            "no project is open, so there is no queue to put a run in",
            "trigger, wait and cancel need the project's engine",
            "async with runlog.open(): ...   # or `with runlog.open():` in sync code",
        )
    return submitter
