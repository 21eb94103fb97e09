"""What a store tells about one run or one event: the half of `base.Reader` that a run's page is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from runlog.stores.base import Event


class RunReader(Protocol):
    """See `base.Reader`."""

    def event(self, number: int) -> Event:
        """One event, whole. Raises EventNotFound."""
        ...
