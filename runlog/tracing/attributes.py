"""A span's attributes: cleaned as they come, the oldest given up at the limit."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from runlog.recording.clean import Limits, clean_attributes


def first_attributes(values: Mapping[str, Any], limits: Limits) -> tuple[dict[str, Any], int]:
    """Return the attributes that a span starts with, and how many were dropped."""
    dropped = 0
    if type(values) is dict and len(values) > limits.attributes:
        dropped = len(values) - limits.attributes
        values = dict(islice(values.items(), dropped, None))
    cleaned, more = clean_attributes(values, limits)
    if "" in cleaned:
        del cleaned[""]
    return cleaned, dropped + more


def merge_attributes(own: dict[str, Any], values: Mapping[str, Any], limits: Limits) -> int:
    """Set attributes; what is set again moves to the end. Return how many were dropped."""
    cleaned, dropped = first_attributes(values, limits)
    for key, value in cleaned.items():
        own.pop(key, None)
        own[key] = value
    while len(own) > limits.attributes:
        try:
            del own[next(iter(own))]
            dropped += 1
        except (RuntimeError, KeyError, StopIteration):  # another thread was faster
            continue
    return dropped
