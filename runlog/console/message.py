"""Messages, attributes and durations as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from runlog.console.pieces import Piece, clipped
from runlog.system.text import visible_line

ATTRIBUTE_LENGTH = 200
"""Characters of an attribute's value that a terminal shows; the run log has it whole."""

_FIELD = re.compile(r"(?<!\{)\{([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)\}(?!\})")
_KNOWN_LENGTH = 500
_BARE = re.compile(r"[^\s\"'=\\\[\]{},]+")


def render_message(message: str, attributes: Mapping[str, Any]) -> str:
    """Fill `{name}` and `{user.id}` in a message from its attributes.

    Only plain names are filled, and nothing of a name is evaluated: a field with anything else in it (`{a!r}`,
    `{a[0]}`, `{a:>9}`, `{{a}}`) and a name that is unknown stay as they are. Filled-in text is not filled again.
    """
    if "{" not in message or not attributes:
        return message
    parts = _split(message) if len(message) <= _KNOWN_LENGTH else _FIELD.split(message)
    if len(parts) == 1:
        return message
    filled = list(parts)
    for number in range(1, len(parts), 2):
        name = parts[number]
        value = attributes.get(name, attributes)
        found = True
        if value is attributes:  # not there as it is written
            found, value = _look_up(attributes, name)
        filled[number] = (value if type(value) is str else _plain(value)) if found else f"{{{name}}}"
    return "".join(filled)


@lru_cache(1024)
def _split(message: str) -> list[str]:
    """Text and names in turn: most messages are one of a few templates."""
    return _FIELD.split(message)


def _look_up(attributes: Mapping[str, Any], name: str) -> tuple[bool, Any]:
    value: Any = attributes
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            return False, None
        value = value[part]
    return True, value


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | dict | bool | None):
        try:
            return msgspec.json.encode(value).decode()
        except (TypeError, ValueError, RecursionError):
            return "<value>"
    return str(value) if isinstance(value, int | float) else f"<{type(value).__name__}>"


def format_value(value: Any) -> str:
    """Return an attribute's value on one line, quoted where it would not be told from what follows."""
    text = _plain(value)
    clip = clipped(visible_line(text), ATTRIBUTE_LENGTH)
    if isinstance(value, str) and not _BARE.fullmatch(text):
        escaped = clip.replace('"', '\\"')
        return f'"{escaped}"'
    return clip


def format_attributes(attributes: Mapping[str, Any]) -> list[list[Piece]]:
    """Return `key=value` for each attribute, as styled pieces."""
    return [
        [
            (clipped(visible_line(str(key)), ATTRIBUTE_LENGTH), "key"),
            ("=", "punctuation"),
            (format_value(value), "value"),
        ]
        for key, value in attributes.items()
    ]


def format_duration(nanoseconds: int) -> str:
    """Return a duration with the unit that suits it: `85 µs`, `120 ms`, `1.2 s`, `2 min 3 s`, `5 h 12 min`."""
    microseconds = nanoseconds / 1_000
    if microseconds < 999.5:
        return f"{microseconds:.0f} µs"
    if microseconds < 999_500:
        milliseconds = microseconds / 1_000
        return f"{milliseconds:.1f} ms" if milliseconds < 9.95 else f"{milliseconds:.0f} ms"
    seconds = microseconds / 1_000_000
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
