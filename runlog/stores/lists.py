"""What a store tells about many runs or events at once: the half of `base.Reader` that lists are made of."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from runlog.stores.base import Run


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
