"""What stands at a place in a query that is still being written, and how a value is spelled there."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPACE = re.compile(r"[\s-]*")
_BARE = re.compile(r'[^\s()":]+')
_BARE_VALUE = re.compile(r'[^\s()"]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)("|\\?\Z)', re.DOTALL)
_OPERATOR = re.compile(r">=|<=|>|<|=")
_ESCAPE = re.compile(r'\\(["\\])')


@dataclass(frozen=True, slots=True)
class Place:
    """What is being written at a place: a word or key, or with `key` a value of it.

    What replaces it stands from `start` to `end`.
    """

    start: int
    end: int
    typed: str
    """What is there of it before the place."""
    key: str | None = None
    operator: str = ""


def place_at(text: str, position: int) -> Place:
    """What is being written at a position of any text, well formed or not."""
    return _Scanner(text, max(0, min(position, len(text)))).place()


class _Scanner:
    """Goes through the words and values from the beginning, as the parser does but without errors."""

    def __init__(self, text: str, target: int) -> None:
        self._text, self._target = text, target
        self._at = 0
        self._keys: list[str | None] = []
        """Of each open parenthesis: the key that its values are of."""

    def place(self) -> Place:
        while True:
            self._take(_SPACE)
            if self._at >= self._target and not self._begins_here():
                return Place(self._target, self._target, "", self._key)
            character = self._text[self._at : self._at + 1]
            if character in ("(", ")"):
                self._parenthesis(character)
            elif character == ":":
                self._at += 1
            else:
                found = self._value(self._key, "") if self._key is not None else self._item()
                if found is not None:
                    return found

    @property
    def _key(self) -> str | None:
        return self._keys[-1] if self._keys else None

    def _begins_here(self) -> bool:
        """Whether something starts right at the place: it is what is being written there."""
        return self._at == self._target and self._text[self._at : self._at + 1] not in ("", "(", ")", ":")

    def _parenthesis(self, character: str) -> None:
        self._at += 1
        if character == "(":
            self._keys.append(self._key)
        elif self._keys:
            self._keys.pop()

    def _item(self) -> Place | None:
        """A word, a phrase, or a key and what follows it."""
        start, (typed, whole) = self._at, self._token(_BARE)
        colon = self._text.startswith(":", self._at)
        if self._target <= self._at:
            return Place(start, self._at + colon, typed)
        if not colon:
            return None
        self._at += 1
        start, operator = self._at, self._take(_OPERATOR)
        if self._target < self._at:
            self._token(_BARE_VALUE)
            return Place(start, self._at, self._text[start : self._target], whole)
        if self._text.startswith("(", self._at) and self._target > self._at:
            self._at += 1
            self._keys.append(whole)
            return None
        return self._value(whole, operator)

    def _value(self, key: str | None, operator: str) -> Place | None:
        start, (typed, _) = self._at, self._token(_BARE_VALUE)
        return Place(start, self._at, typed, key, operator) if self._target <= self._at else None

    def _token(self, bare: re.Pattern[str]) -> tuple[str, str]:
        """Take one; return what is before the place of it, and all of it, both as they are meant."""
        start, text = self._at, self._text
        quoted = text.startswith('"', start)
        self._take(_QUOTED if quoted else bare)
        before = text[start : min(self._at, max(start, self._target))]
        return _meant(before), _meant(text[start : self._at])

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        found = match[0] if match else ""
        self._at += len(found)
        return found


def _meant(token: str) -> str:
    if not token.startswith('"'):
        return token
    inside = token[1:-1] if len(token) > 1 and token.endswith('"') else token[1:]
    return _ESCAPE.sub(r"\1", inside)
