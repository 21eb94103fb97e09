"""Small helpers that several tests use."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

ROUNDS = int(os.environ.get("RUNLOG_TEST_ROUNDS", "0"))


def times(short: int, long: int) -> int:
    """How often to do something: `short` in `make test`, `long` for each of the ROUNDS of `make test-slow`."""
    return long * ROUNDS or short


def wait_until(predicate: Callable[[], object], timeout: float = 10.0) -> None:
    """Poll until `predicate` is true; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not predicate():
        if time.monotonic() > deadline:
            raise AssertionError(f"not true after {timeout} s: {predicate}")
        time.sleep(0.01)
