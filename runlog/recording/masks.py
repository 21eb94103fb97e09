"""Secrets that the program itself names."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from urllib.parse import quote, quote_plus

from runlog.system.files import private_file
from runlog.system.signals import raised_by_signal

SHORTEST_MASK = 4
MASKS_FILE = "masks"
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


def save_masks(folder: Path, start: int) -> int:
    """Add the registered secrets from number `start` on to those beside a process's records, so that they are masked
    when another process stores these. Return how many are there now.

    A line each, appended: several threads may do so at once.
    """
    values = list(islice(tuple(registered), start, None))
    if not values:
        return start
    try:
        descriptor = private_file(folder / MASKS_FILE, os.O_WRONLY | os.O_APPEND)
        try:
            for value in values:
                os.write(descriptor, json.dumps(value).encode() + b"\n")
        finally:
            os.close(descriptor)
    except OSError as error:
        if raised_by_signal(error):
            raise
        return start
    return start + len(values)


def load_masks(folder: Path) -> None:
    """Register the masks of a dead process in this one."""
    try:
        lines = (folder / MASKS_FILE).read_bytes().split(b"\n")
    except OSError:
        return
    for line in lines:
        with contextlib.suppress(ValueError):  # the last line may be cut short
            value = json.loads(line)
            add_masks([one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)])
