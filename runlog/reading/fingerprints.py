"""Which errors are one: the same type, the same message but for its values, raised at the same place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

from runlog.console.exceptions import file_home

FRAMES = 5
"""Of the project's own code, next to where it was raised."""
_MESSAGE = 2000
_NAME = re.compile(r"\d+")

# The first that matches at a place counts. None can go back far: each part is told from the next by its letters.
_VALUES = re.compile(
    r"""
    (?P<url>\b[a-zA-Z][a-zA-Z0-9+.-]{1,15}://[^\s'"<>`)\]}]+)
  | (?P<email>\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+)
  | (?P<uuid>\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b)
  | (?P<time>\b\d{4}-\d\d-\d\d(?:[T\ ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?
           | \b\d\d?:\d\d:\d\d(?:[.,]\d{1,9})?\b)
  | (?P<text>(?<!\w)'[^'\n]{0,300}'(?!\w) | "[^"\n]{0,300}" | `[^`\n]{0,300}`)
  | (?P<path>(?<![\w.])(?:~|\.{1,2}|[A-Za-z]:)?[/\\][\w.@+~-]+(?:[/\\][\w.@+~-]+)+[/\\]?)
  | (?P<hex>\b0[xX][0-9a-fA-F]+\b | \b(?=[a-zA-Z_]*\d)(?:[a-zA-Z]{1,12}_)?[0-9a-hjkmnp-tv-z]{20,}\b
          | \b(?=[a-fA-F]*\d)[0-9a-fA-F]{7,}\b)
  | (?P<ip>\b\d{1,3}(?:\.\d{1,3}){3}\b)
  | (?P<number>(?<![\w.])[+-]?\d+(?:[,_]\d+)*(?:\.\d+)?(?:[eE][+-]?\d+)?)
    """,
    re.VERBOSE | re.ASCII,
)
_NAMED = {"hex": "<id>", "uuid": "<id>"}


def fingerprint(kind: str, message: str, frames: Iterable[tuple[str, str]], task: str = "") -> str:
    """16 hexadecimal digits. `frames` are (file, function), that which raised last; without any of the project's own
    code it is the task that tells one error from another."""
    own = [place for place in (_place(file, function) for file, function in frames) if place is not None]
    parts = [kind.rpartition(".")[2], normalised(message), *(own[-FRAMES:] or [f"task {task}"])]
    return blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()


def normalised(message: str) -> str:
    """A message with a placeholder for each value in it: ids, numbers, quoted texts, paths, addresses, times."""
    text = _VALUES.sub(lambda found: _NAMED.get(found.lastgroup or "", f"<{found.lastgroup}>"), message[:_MESSAGE])
    return " ".join(text.split())


@lru_cache(4096)
def _place(file: str, function: str) -> str | None:
    short, library = file_home(file)
    return None if library is not None else f"{_NAME.sub('#', short)}:{_NAME.sub('#', function)}"
