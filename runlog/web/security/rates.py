"""How often something may be asked for: of each address, and in all."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_ADDRESSES = 1024


@dataclass(slots=True)
class _Bucket:
    left: float
    filled: float


class Rate:
    """Requests at once, refilled at so many a second."""

    def __init__(self, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, who: str) -> float:
        """Take one; return 0, or the seconds after which there is one again."""
        now = self._clock()
        bucket = self._buckets.pop(who, None) or _Bucket(self._burst, now)
        self._buckets[who] = bucket  # the newest stands last
        if len(self._buckets) > _ADDRESSES:
            self._buckets.popitem(last=False)
        bucket.left = min(self._burst, bucket.left + (now - bucket.filled) * self._per_second)
        bucket.filled = now
        if bucket.left < 1:
            return (1 - bucket.left) / self._per_second
        bucket.left -= 1
        return 0.0


class Rates:
    """Of callbacks: of an address, and in all, so that many addresses are no way round."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._of_each, self._of_all = Rate(60, 20, clock), Rate(200, 100, clock)

    def take(self, address: str) -> float:
        """Take one; return 0, or the seconds to wait."""
        return self._of_each.take(address) or self._of_all.take("")
