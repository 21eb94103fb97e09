"""When a failed attempt is followed by another one."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a run is tried, and how long it rests in between. Delays are seconds.

    After attempt n it rests `min(max_delay, min_delay * factor ** (n - 1))`; `jitter` makes that up to twice as long
    (never over `max_delay`), so that runs which failed together do not come back together. An error that is none of the
    types in `on` fails the run at once.
    """

    max_attempts: int = 3
    factor: float = 2.0
    min_delay: float = 1.0
    max_delay: float = 60.0
    jitter: bool = True
    on: tuple[type[Exception], ...] = (Exception,)

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ValueError(f"max_attempts is {self.max_attempts}; the first attempt counts, so it is at least 1")
        if not (self.factor > 0 and 0 <= self.min_delay <= self.max_delay):
            raise ValueError(f"{self}: factor is over 0, and 0 <= min_delay <= max_delay")
        given: Any = self.on
        on = (given,) if isinstance(given, type) else tuple(given)
        if not all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in on):
            raise ValueError(f"on is {given!r}; it is a tuple of exception types")
        object.__setattr__(self, "on", on)

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
