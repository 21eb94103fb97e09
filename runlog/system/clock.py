"""Waiting for a time of the wall clock."""

from __future__ import annotations

import math
import time

from anyio import current_time, sleep

_SLICE = 5.0
"""Seconds after which it is noticed, at the latest, that the machine was suspended or its clock was set."""


async def sleep_until(moment: int, *, at_most: float = math.inf) -> None:
    """Wait until the wall clock shows a time (ns since 1970 UTC), and no longer than `at_most` seconds."""
    end = current_time() + at_most
    while (left := min((moment - time.time_ns()) / 1e9, end - current_time())) > 0:  # noqa: ASYNC110 - clocks tell nobody
        await sleep(min(left, _SLICE))
