"""Time-ordered ids."""

from __future__ import annotations

import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_LENGTH = 26  # 130 bits hold 48 of milliseconds and 80 of randomness
RUN_ID_PREFIX = "run_"


def new_run_id(milliseconds: int | None = None) -> str:
    """Return `run_` and 26 characters that sort by creation time (a ULID in lower case).

    Two ids of one millisecond have no order between them.
    """
    if milliseconds is None:
        milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds << 80) | int.from_bytes(os.urandom(10))
    return RUN_ID_PREFIX + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))
