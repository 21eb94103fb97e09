"""What is changed: what is asked for, and what came of it."""

from __future__ import annotations

from typing import Any

import msgspec


class CancelRequest(msgspec.Struct, forbid_unknown_fields=True):
    reason: str | None = None


class ReplayRequest(msgspec.Struct, forbid_unknown_fields=True):
    payload: Any = msgspec.UNSET
    """Another payload; absent: the stored one."""


class BulkRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Runs by id, or all that match a query; `expected` is the number that the user confirmed. Or, with `next` alone,
    what an answer left to be done."""

    run_ids: list[str] | None = None
    query: str | None = None
    expected: int | None = None
    reason: str | None = None
    next: str | None = None


class Canceled(msgspec.Struct):
    canceled: bool
    """False: it had ended."""


class Replayed(msgspec.Struct):
    run_id: str


class BulkResult(msgspec.Struct):
    """What was done in about two seconds."""

    matched: int
    """How many runs it was about, those that are left not among them."""
    changed: int
    run_ids: list[str]
    """The new runs of a replay, the first 1,000."""
    refused: list[tuple[str, str]]
    """(run id, why), the first 100."""
    refused_total: int
    left: int
    """How many are still to be done."""
    next: str | None
    """What the next request names to go on with them, once; None when all was done."""
