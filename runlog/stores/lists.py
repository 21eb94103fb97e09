"""What a store tells about many runs or events at once: the half of `base.Reader` that lists are made of."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from runlog.stores.base import Run

NEWEST_EVENTS = 1000
"""Of a run, among which an attribute is looked for where one is shown with each run of a list."""


class ListReader(Protocol):
    """See `base.Reader`."""

    def within(self, seconds: float) -> AbstractContextManager[None]:
        """Bound the time of all that is read inside it: what takes longer raises QueryTimeout, and the reader can be
        used on. One inside another cannot make it longer."""
        ...

    def position(self) -> tuple[int, int]:
        """The newest event's id and the newest change's number: where a live view that shows all until now goes on."""
        ...

    def changes(self, after: int, limit: int = 500) -> tuple[list[Run], int]:
        """Runs whose row changed (state or counters) since the change with the number `after`, in the order of their
        newest change, and the number to go on from. `payload`, `output` and `metadata` are left out.

        A run whose own record has not come yet is among them, with version 0 and no task.
        """
        ...

    def cells(self, runs: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Run's number (`Run.id`) → column → value, of those that have one.

        `payload.x`, `output.x` and `metadata.x` are parts of a run's data, if that is no larger than 256 KiB; `attr.x`
        is an attribute of the newest event that has it, of the newest `NEWEST_EVENTS`. Other columns are nowhere.
        """
        ...
