"""Secrets out of text and of plain data: `[redacted:<rule>]` in their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from runlog.errors import ConfigError
from runlog.recording.keys import key_rules
from runlog.recording.masks import (
    add_masks,
    mask,
    mask_forms,
    mask_listeners,
    registered,
    registered_masks,
)
from runlog.recording.pairs import Mode, redact_pairs
from runlog.recording.patterns import redact_patterns

__all__ = ["Scrubber", "add_masks", "mask", "mask_listeners", "registered_masks"]

_CLEAN_SIZE = 8192
_CLEAN_LENGTH = 128
_SHORTEST_PAIR = 5
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_INSERT = re.compile(
    r"[Ii][Nn][Ss][Ee][Rr][Tt]\s{1,8}[Ii][Nn][Tt][Oo]\s{1,8}[^\s(]{1,128}+\s{0,8}\((?P<columns>[^()]{1,1024}+)\)\s{0,8}"
    r"[Vv][Aa][Ll][Uu][Ee][Ss](?P<values>(?:[^;']++|'(?:[^']++|'')*+'?)*+)"
)
_LITERAL = re.compile(r"'(?:[^']++|'')*+'?|(?<![\w$:])\d[\d.]*")
_PLAIN: frozenset[type] = frozenset((bool, int, float, type(None)))
_JSON_DEPTH = 4
_RAW_BYTES = 32

CutReader = Callable[[Any, tuple[str, ...]], Any]
"""Makes text of an `Ext` at a path."""


class Known(NamedTuple):
    """What needs no scrubbing. The first three are sets, and grow."""

    texts: dict[str, None]
    names: dict[str, None]
    keys: dict[str, None]
    """Keys of attributes that name no secret."""
    plain: frozenset[type]
    """Types none of whose values can be a secret."""


class Scrubber:
    """The default rules, and what the config adds: `extra_keys` (words of keys) and `extra_patterns` (regular
    expressions, the whole match is a secret). `known` are secrets to mask beside the registered ones.

    Raises ConfigError for a key without letters and for a pattern that does not compile or matches the empty text.
    Safe to use from several threads.
    """

    def __init__(
        self, extra_keys: Iterable[str] = (), extra_patterns: Iterable[str] = (), *, known: Iterable[str] = ()
    ) -> None:
        self.keys = key_rules(tuple(extra_keys))
        self._patterns = tuple(_compiled(pattern) for pattern in extra_patterns)
        self._own: dict[str, None] = dict.fromkeys(known)
        self._seen = -1
        self._masks: list[str] = []
        self._clean: dict[Mode, dict[str, None]] = {}
        self._known = Known({}, {}, {}, frozenset())
        self.number_masks: frozenset[str] = frozenset()
        """Known secrets that are whole numbers: an integer may be one."""

    def add_known(self, values: Iterable[str]) -> None:
        """Mask these secrets too: those of another process whose records are being recovered."""
        self._own.update(dict.fromkeys(values))

    def secret_key_rule(self, key: str) -> str | None:
        """Return the name of the rule by which `key` names a secret, or None. Cached."""
        return self.keys.rule(key)

    def long_masks(self) -> list[str]:
        """Return the forms of known secrets that are longer than what is dropped at a cut."""
        self._refresh()
        return [form for form in self._masks if len(form) > 256]

    def scrub_text(self, text: str, mode: Mode = "text") -> str:
        """Return `text` without secrets. For `mode` see `pairs.redact_pairs`."""
        if len(self._own) + len(registered) != self._seen:
            self._refresh()
        if len(text) > _CLEAN_LENGTH:
            return self._scrub(text, mode, _JSON_DEPTH)
        clean = self._clean[mode]
        if text in clean:
            return text
        scrubbed = self._scrub(text, mode, _JSON_DEPTH)
        if scrubbed == text:
            if len(clean) >= _CLEAN_SIZE:
                clean.clear()
            clean[text] = None
        return scrubbed

    def known(self) -> Known:
        """Return what is known to be clean, for this record only. A key is if it names no secret either; the caller
        adds those that it finds."""
        if len(self._own) + len(registered) != self._seen:
            self._refresh()
        return self._known

    def _refresh(self) -> None:
        count = len(self._own) + len(registered)
        self._masks = mask_forms((*self._own, *registered_masks()))
        self.number_masks = frozenset(form for form in self._masks if form.isdigit())
        self._clean = {"text": {}, "name": {}, "code": {}}
        plain = _PLAIN - {int} if self.number_masks else _PLAIN
        self._known = Known(self._clean["text"], self._clean["name"], {}, plain)
        self._seen = count  # last: another thread that sees it finds the rest in place

    def _scrub(self, text: str, mode: Mode, json_depth: int) -> str:
        for secret in self._masks:
            if secret in text:
                text = text.replace(secret, "[redacted:mask]")
        if len(text) < _SHORTEST_PAIR:
            return self._extra(text)
        lowered = text.lower()
        if len(lowered) != len(text):
            lowered = text.translate(_ASCII_LOWER)
        if json_depth and text[0] in "{[ \n\t" and self._may_be_json(text, lowered):
            parsed = self._scrub_json(text, json_depth)
            if parsed is not None:
                return self._extra(parsed)
        if "=" in text or ":" in text or "'" in text or '"' in text or "--" in text or "<" in text or "%3" in text:
            scrubbed = redact_pairs(text, lowered, self.keys, mode)
            if scrubbed is not text:
                text, lowered = scrubbed, scrubbed.lower()
        return self._extra(self._forms(text, lowered))

    def _forms(self, text: str, lowered: str) -> str:
        text = redact_patterns(text, lowered)
        if "insert" in lowered and "values" in lowered:
            text = _INSERT.sub(self._insert, text)
        return text

    def _extra(self, text: str) -> str:
        for pattern in self._patterns:
            text = pattern.sub("[redacted:pattern]", text)
        return text

    def _insert(self, match: re.Match[str]) -> str:
        columns = match["columns"].split(",")
        if all(self.keys.rule(column.strip(" \t\r\n\"'`[]")) is None for column in columns):
            return match[0]
        kept = match[0][: match.start("values") - match.start()]
        return kept + _LITERAL.sub("[redacted:sql]", match["values"])

    def _may_be_json(self, text: str, lowered: str) -> bool:
        if '"' not in text or text.lstrip()[:1] not in ("{", "["):
            return False
        return "\\" in text or any(fragment in lowered for fragment in self.keys.fragments)

    def _scrub_json(self, text: str, depth: int) -> str | None:
        """Return JSON text with its secrets replaced, or None where it is no JSON or has none by key."""
        try:
            value = msgspec.json.decode(text)
            scrubbed = self._walk(value, None, (), depth - 1)
            return None if scrubbed == value else msgspec.json.encode(scrubbed).decode()
        except (ValueError, OverflowError, RecursionError):  # msgspec's errors are ValueErrors
            return None

    def scrub_value(self, value: Any) -> Any:
        """Return plain data (what `clean_value` returns, or parsed JSON, of any depth) without secrets: by key at
        every depth, by value in every text, and in JSON inside texts."""
        return self.resolve(value, None)

    def resolve(self, value: Any, read_cut: CutReader | None, path: tuple[str, ...] = (), *, code_key: str = "") -> Any:
        """Like `scrub_value`, with each `Ext` replaced by what `read_cut` makes of it. Texts under the key `code_key`
        are source code."""
        if len(self._own) + len(registered) != self._seen:
            self._refresh()
        return self._walk(value, read_cut, path, _JSON_DEPTH, code_key)

    def _walk(
        self, value: Any, read_cut: CutReader | None, path: tuple[str, ...], json_depth: int, code_key: str = ""
    ) -> Any:
        root: list[Any] = [None]
        work: list[tuple[Any, Any, Any, tuple[str, ...]]] = [(root, 0, value, path)]
        while work:
            target, slot, item, where = work.pop()
            kind = type(item)
            if kind is str:
                target[slot] = self._leaf(item, json_depth)
            elif kind is dict:
                target[slot] = self._dict(item, work, where, code_key)
            elif kind is list or kind is tuple:
                target[slot] = self._list(item, work, where)
            elif item is None or kind is bool or kind is float:
                target[slot] = item
            elif kind is int:
                target[slot] = "[redacted:mask]" if self.number_masks and str(item) in self.number_masks else item
            elif kind is bytes:
                target[slot] = item if len(item) <= _RAW_BYTES else self._bytes(item)
            elif read_cut is not None and kind is msgspec.msgpack.Ext:
                target[slot] = read_cut(item, where)
            else:
                target[slot] = f"<{kind.__name__}>"
        return root[0]

    def _leaf(self, text: str, json_depth: int) -> str:
        return self.scrub_text(text) if json_depth == _JSON_DEPTH else self._scrub(text, "text", json_depth)

    def _bytes(self, data: bytes) -> str:
        return self.scrub_text(data.decode("utf-8", "backslashreplace"))

    def _dict(self, item: dict[Any, Any], work: list[Any], where: tuple[str, ...], code_key: str) -> dict[str, Any]:
        new: dict[str, Any] = {}
        name = item.get("name", item.get("key", item.get("header"))) if "value" in item else None
        named = self.keys.rule(name) if type(name) is str else None
        for key, value in item.items():
            shown = self.scrub_text(key, "name") if type(key) is str else str(key)
            rule = self.keys.rule(key) if type(key) is str else None
            if named is not None and key == "value":
                rule = named
            if rule is not None and value is not None and type(value) is not bool:
                new[shown] = f"[redacted:{rule}]"
            elif key == code_key and type(value) is str:
                new[shown] = self.scrub_text(value, "code")
            else:
                new[shown] = None  # keeps the order
                work.append((new, shown, value, (*where, shown)))
        return new

    def _list(self, item: list[Any] | tuple[Any, ...], work: list[Any], where: tuple[str, ...]) -> list[Any]:
        new: list[Any] = [None] * len(item)
        if len(item) == 2 and type(item[0]) is str and type(item[1]) is str:
            rule = self.keys.rule(item[0])  # a header as a pair
            if rule is not None:
                return [item[0], f"[redacted:{rule}]"]
        for index, value in enumerate(item):
            work.append((new, index, value, (*where, str(index))))
        return new


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigError(
            f"scrub.patterns: {pattern!r} is not a regular expression", str(error), "write a Python regular expression"
        ) from None
    if compiled.search(""):
        raise ConfigError(
            f"scrub.patterns: {pattern!r} matches the empty text",
            "it would put a mark between all characters",
            "make it match at least one character of the secret: use + in the place of *",
        )
    return compiled
