"""Values as text: JSON, one safe line, sizes."""

from __future__ import annotations

import json
import math
from typing import Any

from runlog.system.text import visible_line


def json_text(value: Any) -> str:
    """JSON in ASCII, on one line; a number that JSON does not have is null."""
    try:
        return json.dumps(value, allow_nan=False, default=str)
    except ValueError:
        return json.dumps(_finite(value), default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def counted(count: int, noun: str) -> str:
    """How many of them there are."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def one_line(text: object) -> str:
    """Foreign text as one safe line."""
    return visible_line(str(text))


def data_text(value: Any) -> str:
    """A payload or output on one line, with its size where it is long."""
    text = json_text(value)
    return visible_line(text) if len(text) <= 2000 else f"{visible_line(text[:2000])}…  ({size_text(len(text))} in all)"


def size_text(size: float) -> str:
    """Bytes with the unit that suits them."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
