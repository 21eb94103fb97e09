"""What a word is: the one rule by which messages are indexed and searched."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import apsw

WORD_TOKENIZER = ("unicode61", "remove_diacritics", "1")
"""The FTS5 tokenizer with which a SQLite store must index messages."""

_LONGEST = 32_768
"""Bytes of a word that FTS5 keeps."""

_local = threading.local()


def _tokenizer() -> apsw.FTS5Tokenizer:
    """SQLite's own tokenizer, so that no second rule can drift from the index. One a thread, as connections are."""
    try:
        return _local.tokenizer  # type: ignore[no-any-return]
    except AttributeError:
        import apsw

        _local.connection = apsw.Connection(":memory:")
        _local.tokenizer = _local.connection.fts5_tokenizer(WORD_TOKENIZER[0], list(WORD_TOKENIZER[1:]))
        return _local.tokenizer  # type: ignore[no-any-return]


def words(text: str) -> list[str]:
    """Return the words of `text` in order: runs of letters and digits, case folded, without diacritics.

    Exactly SQLite FTS5's `unicode61 remove_diacritics 1`: "Crème-brûlée 1.5" is creme, brulee, 1, 5.
    """
    import apsw

    tokens = _tokenizer()(
        text.encode("utf-8", "replace"),
        apsw.FTS5_TOKENIZE_DOCUMENT,
        None,
        include_offsets=False,
        include_colocated=False,  # so the tokens are plain text
    )
    return [token if len(token) <= _LONGEST // 4 else _cut(token) for token in cast("list[str]", tokens)]


def _cut(token: str) -> str:
    return token.encode()[:_LONGEST].decode("utf-8", "ignore")


@lru_cache(maxsize=1024)
def query_words(text: str) -> tuple[str, ...]:
    """The words of a search term; they must stand next to each other in a message that matches."""
    return tuple(words(text))


def contains(text: str, wanted: Sequence[str], *, prefix: bool = False) -> bool:
    """Say whether the words of `text` contain `wanted` in a row; with `prefix` the last one may be a beginning only."""
    if not wanted:
        return False
    found, size = words(text), len(wanted)
    head, last = list(wanted[:-1]), wanted[-1]
    for start in range(len(found) - size + 1):
        candidate = found[start + size - 1]
        if (candidate.startswith(last) if prefix else candidate == last) and found[start : start + size - 1] == head:
            return True
    return False
