"""Attributes as tokens of a full-text index: `key=value`, so that one index serves every key.

A token is plain ASCII without capitals, spaces or quotes: a capital `A` is `^a`, any other byte that is not listed
below is `%` and two hexadecimal digits. No two keys or values share a token, unless they are cut for their length.
Deleting from the index computes the tokens again, so this rule may only change together with RULE.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

import msgspec

from runlog.stores.query import attribute_text

RULE = 1
"""The version of this rule; the database says which one its index was made with."""

SYMBOLS = "!#$%&()*+,-./:;<=>?@[]^_{|}~"
"""What a token may hold beside lower-case letters and digits; FTS5's `ascii` tokenizer is told so."""

VALUE_LENGTH = 120
"""Bytes of a value's token; longer ones share the token of their beginning."""
KEY_LENGTH = 250

_MOST_HEADS = 8192
_EMPTY_LIST = "%"  # no value encodes to it: a key is there, and equals nothing
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789" + SYMBOLS) - set("%^")
_is_safe = re.compile(r"[a-z0-9!#$&()*+,\-./:;<=>?@\[\]_{|}~]{0,120}").fullmatch
_ENCODED = re.compile(r"\^(.)|((?:%[0-9a-f]{2})+)")
_ASCII = {
    code: character if character in _SAFE else f"^{character.lower()}" if character.isupper() else f"%{code:02x}"
    for code, character in ((code, chr(code)) for code in range(128))
}


def _encode(text: str) -> str:
    if text.isascii():
        return text.translate(_ASCII)
    return text.encode("utf-8", "surrogatepass").decode("latin-1").translate(_BYTES)


_BYTES = _ASCII | {code: f"%{code:02x}" for code in range(128, 256)}


def encode_value(text: str) -> str:
    """Return the second half of a value's token. Below VALUE_LENGTH no other text has the same."""
    if _is_safe(text):
        return text
    return _encode(text[:VALUE_LENGTH])[:VALUE_LENGTH]


def encode_key(key: str) -> str:
    """Return the first half of a token, with its `=`. Below KEY_LENGTH no other key has the same."""
    return _encode(key[:KEY_LENGTH]).replace("=", "%3d")[:KEY_LENGTH] + "="


def decode(encoded: str) -> str:
    """Return the text of an encoded key (without its `=`) or value."""
    return _ENCODED.sub(_decoded, encoded)


def _decoded(match: re.Match[str]) -> str:
    if match[1]:
        return match[1].upper()
    return bytes.fromhex(match[2].replace("%", "")).decode("utf-8", "replace")


def token_text(attributes: Mapping[str, Any]) -> str:
    """Return the tokens of flat attributes, as the index is given them: the same before storing and after reading.

    Raises ValueError, TypeError or what msgspec raises for a value that JSON would change or refuse.
    """
    tokens: list[str] = []
    known, is_safe = _heads, _is_safe
    for key, value in attributes.items():
        head = known.get(key) or _head(key)
        kind = type(value)
        if kind is str:
            tokens.append(head + (value if is_safe(value) else encode_value(value)))
        elif kind is int:
            token = f"{head}{value}"
            tokens.append(token if len(token) <= VALUE_LENGTH else token[: len(head) + VALUE_LENGTH])
        elif kind is bool:
            tokens.append(head + "true" if value else head + "false")
        elif kind is float:
            # What `attribute_text` makes of it: it has only what a token may have.
            if value.is_integer():
                tokens.append(head + str(int(value))[:VALUE_LENGTH])
            elif isfinite(value):
                tokens.append(f"{head}{value!r}")
            else:
                raise ValueError("JSON has no NaN or infinity")
        elif value is None:
            tokens.append(head + "null")
        else:
            _add_other(tokens, head, value)
    return " ".join(tokens)


_heads: dict[str, str] = {}


def _head(key: str) -> str:
    """Encode a key, and remember it: bounded, as keys may be made up."""
    if len(_heads) >= _MOST_HEADS:
        _heads.clear()
    head = _heads[key] = encode_key(key)
    return head


def _add_other(tokens: list[str], head: str, value: Any) -> None:
    plain = msgspec.json.decode(msgspec.json.encode(value))
    elements = plain if isinstance(plain, list) else [plain]
    if isinstance(value, float) or (elements is plain and _has_null_for_float(value, plain)):
        raise ValueError("JSON has no NaN or infinity")
    tokens.extend([head + encode_value(attribute_text(element)) for element in elements] or (head + _EMPTY_LIST,))


def _has_null_for_float(value: Any, plain: list[Any]) -> bool:
    return any(read is None and given is not None for given, read in zip(value, plain, strict=True))
