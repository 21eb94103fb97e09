"""When a failed attempt is followed by another one."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a run is tried, and how long it rests in between. Delays are seconds.

    After attempt n it rests `min(max_delay, min_delay * factor ** (n - 1))`; `jitter` makes that up to twice as long
    (never over `max_delay`), so that runs which failed together do not come back together.
    """

    max_attempts: int = 3
    factor: float = 2.0
    min_delay: float = 1.0
    max_delay: float = 60.0
    jitter: bool = True

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ValueError(f"max_attempts is {self.max_attempts}; the first attempt counts, so it is at least 1")
        if not (self.factor > 0 and 0 <= self.min_delay <= self.max_delay):
            raise ValueError(f"{self}: factor is over 0, and 0 <= min_delay <= max_delay")

    @classmethod
    def of(cls, value: Retry | int | None) -> Retry:
        """`None` is the default, a number the attempts with the default delays."""
        if isinstance(value, Retry):
            return value
        return cls() if value is None else cls(max_attempts=value)

    def delay(self, attempt: int) -> float:
        """Seconds to rest after this attempt (1 for the first)."""
        try:
            base = self.min_delay * self.factor ** (attempt - 1)
        except OverflowError:
            base = self.max_delay
        return min(self.max_delay, base * (1 + random.random() if self.jitter else 1))


_LONGEST_DELAY = 100 * 365 * 86_400


def delay_seconds(value: float | timedelta) -> float:
    """A delay in seconds. Raises ValueError if it is no duration, or over 100 years."""
    number = seconds(value)
    if number > _LONGEST_DELAY:
        raise ValueError(f"a delay of {value!r} is over 100 years")
    return number


def seconds(value: float | timedelta) -> float:
    """A duration in seconds. Raises ValueError if it is negative or not a number."""
    number = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if not number >= 0:
        raise ValueError(f"{value!r} is not a duration: seconds, 0 or more, or a timedelta")
    return number
