"""How deep in its run a record is."""

from __future__ import annotations

from collections import OrderedDict

from runlog.stores.base import Event

_KNOWN = 20_000
_DEEPEST = 12


class Depths:
    """Follows spans as they open and tells how many of them a record is in.

    The spans that every run has (its root, `Attempt N`, `run()`) do not count. Remembers the last 20,000 spans.
    """

    def __init__(self) -> None:
        self._parents: OrderedDict[bytes, tuple[bytes | None, int]] = OrderedDict()

    def see(self, event: Event) -> None:
        """Learn of a span. Logs are ignored."""
        if event.span_id is None or event.span_id in self._parents:
            return
        counts = 0 if event.name == "run()" or event.name.startswith("Attempt ") else 1
        self._parents[event.span_id] = (event.parent_id, counts)
        if len(self._parents) > _KNOWN:
            self._parents.popitem(last=False)

    def of(self, event: Event) -> int:
        """Return the depth of a record: 0 directly in its run; at most 12."""
        depth, parent = 0, event.parent_id
        for _ in range(100):  # a damaged log could hold a cycle
            if parent is None or parent not in self._parents:
                break
            parent, counts = self._parents[parent]
            depth += counts
        return min(depth, _DEEPEST)
