"""Secrets that the program itself names."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus

SHORTEST_MASK = 4
_SHORTEST_LINE = 16

# Only ever grows. A dict is the set here: adding to it and listing it are single steps that need no lock.
registered: dict[str, None] = {}

mask_listeners: list[Callable[[], None]] = []
"""Called after a mask was registered, on the thread that did; what they raise is dropped."""


def mask(value: str) -> str:
    """Register a secret: wherever it appears in what is recorded from now on, it becomes `[redacted:mask]`.

    Returns `value` unchanged, so that a secret can be masked where it is read. A value under 4 characters is not
    registered (it would blank ordinary text), nor is anything but a `str`; neither is an error. The lines of a
    secret of several lines are registered too.
    """
    if type(value) is str and add_masks((value,)):
        for listener in tuple(mask_listeners):
            with contextlib.suppress(Exception):
                listener()
    return value


def registered_masks() -> tuple[str, ...]:
    """Return every registered secret, as given."""
    return tuple(registered)


def add_masks(values: Iterable[str]) -> int:
    """Register secrets without telling the listeners; return how many were new."""
    before = len(registered)
    for value in values:
        if len(value.strip()) >= SHORTEST_MASK:
            registered[str(value)] = None
    return len(registered) - before


def mask_forms(values: Iterable[str]) -> list[str]:
    """Return the texts in which these secrets can appear (as they are, quoted for a URL, escaped for JSON or by
    `repr`, line by line), longest first."""
    forms: set[str] = set()
    for value in values:
        secret = value.strip()
        lines = [line.strip() for line in secret.splitlines()]
        for text in (secret, *(line for line in lines if len(line) >= _SHORTEST_LINE)):
            with contextlib.suppress(UnicodeEncodeError):
                forms.update((quote(text, safe=""), quote(text), quote_plus(text)))
            forms.update((text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]))
    return sorted((form for form in forms if len(form) >= SHORTEST_MASK), key=len, reverse=True)
