"""SQL text without the values in it: every literal becomes `?`, by reading tokens and never by guessing.

Where a literal ends depends on the dialect. Text that could be read in two ways, or whose last quote or comment never
ends, is dropped whole: nothing of it is kept that might be a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

_LONGEST = 100_000
_BACKSLASH = frozenset({"mysql", "mariadb", "clickhouse", "bigquery", "snowflake", "databricks", "hive", "spark"})
_NO_BACKSLASH = frozenset({"postgresql", "cockroachdb", "sqlite", "oracle", "mssql", "duckdb"})
_DOUBLE_IS_STRING = frozenset({"mysql", "mariadb", "bigquery", "databricks", "hive", "spark"})
_DOUBLE_IS_NAME = frozenset({"postgresql", "cockroachdb", "oracle", "mssql", "duckdb", "clickhouse", "snowflake"})
_HASH_COMMENT = frozenset({"mysql", "mariadb", "bigquery", "clickhouse"})
_NESTED_COMMENT = frozenset({"postgresql", "cockroachdb", "mssql", "duckdb"})
_BRACKET_NAME = frozenset({"mssql", "sqlite"})

_PREFIXES = frozenset({"b", "e", "n", "nq", "q", "r", "u", "x"})
_VERBS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"})
_BEFORE_TARGET = frozenset({"FROM", "INTO", "UPDATE", "TABLE", "VIEW", "INDEX"})
_BETWEEN_TARGET = frozenset({"IF", "NOT", "EXISTS", "ONLY", "OR", "IGNORE"})
_BEFORE_VALUE = frozenset({"=", "<", ">", "!", "LIKE", "GLOB", "MATCH", "REGEXP", "THEN", "ELSE", "WHEN", "BETWEEN"})
_OPENS_VALUES = frozenset({"VALUES", "IN"})
_SETS_PASSWORDS = frozenset({"CREATE", "ALTER", "SET", "GRANT"})

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<dollar>\$(?:[^\W\d]\w*)?\$)
      | (?P<placeholder>%\(\w+\)s|%s|[:$?@]\w+)
      | (?P<number>(?:\d|\.\d)[\w.]*(?:(?<=[eE])[+-]\d+)?)
      | (?P<word>[^\W\d][\w$]*)
      | (?P<line>--)
      | (?P<block>/\*)
      | (?P<quote>['"`])
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_ENDS = {
    ("'", False): re.compile(r"(?:[^']++|'')*+'"),
    ('"', False): re.compile(r'(?:[^"]++|"")*+"'),
    ("`", False): re.compile(r"(?:[^`]++|``)*+`"),
    ("'", True): re.compile(r"(?:[^'\\]++|''|\\.)*+'", re.DOTALL),
    ('"', True): re.compile(r'(?:[^"\\]++|""|\\.)*+"', re.DOTALL),
}
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_LINE_END = re.compile(r"[^\r\n]*")
_CLOSING = {"[": "]", "(": ")", "{": "}", "<": ">"}


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that is safe to keep."""

    text: str | None
    """With `?` for each literal and without comments; None if it cannot be told where a literal ends."""
    operation: str
    """`SELECT`, `INSERT`, `CREATE`; empty if there is none."""
    target: str
    """The first table that it names; empty if there is none."""

    @property
    def summary(self) -> str:
        """What it does, in short: `SELECT users`."""
        return f"{self.operation} {self.target}".strip()


class _UnclearError(Exception):
    """Where a literal or comment ends cannot be told."""


@lru_cache(maxsize=1024)
def sanitized(statement: str, dialect: str = "") -> Statement:
    """Return `statement` without its literals. `dialect` is SQLAlchemy's name of it, or empty."""
    reader = _Reader(statement, dialect)
    if len(statement) > _LONGEST:
        return Statement(None, "", "")
    try:
        reader.read()
    except _UnclearError:
        return Statement(None, reader.operation, "")
    return Statement("".join(reader.out).strip(), reader.operation, reader.target)


class _Reader:
    def __init__(self, text: str, dialect: str) -> None:
        self.text, self.dialect = text, dialect
        self.position = 0
        self.out: list[str] = []
        self.operation = self.target = ""
        self._depth = 0
        self._values_depth: int | None = None
        self._previous = ""
        """The last word in upper case, or the last other character, that was no space and no comment."""
        self._word_before = ""
        self._awaits_target = False
        self._in_target = False

    def read(self) -> None:
        handlers: dict[str, Callable[[str], None]] = {
            "space": self.out.append,
            "dollar": self._dollar,
            "placeholder": self._kept,
            "number": self._number,
            "word": self._word,
            "line": self._line,
            "block": self._block,
            "quote": self._quote,
            "other": self._other,
        }
        text, match = self.text, _TOKEN.match
        while token := match(text, self.position):
            self.position = token.end()
            handlers[token.lastgroup or "other"](token[0])

    def _kept(self, token: str) -> None:
        self.out.append(token)
        self._previous, self._awaits_target, self._in_target = token, False, False

    def _number(self, _token: str) -> None:
        self._kept("?")

    def _dollar(self, tag: str) -> None:
        end = self.text.find(tag, self.position)
        if end < 0:
            raise _UnclearError
        self.position = end + len(tag)
        self._kept("?")

    def _line(self, token: str) -> None:
        following = self.text[self.position : self.position + 1]
        if self.dialect in ("mysql", "mariadb") and following and not following.isspace():
            self._kept(token)  # there, a comment begins with "-- ": this is two signs
        else:
            self._skip_line()

    def _skip_line(self) -> None:
        end = _LINE_END.match(self.text, self.position)
        self.position = end.end() if end else len(self.text)

    def _block(self, _token: str) -> None:
        depth = 1
        while depth:
            edge = _COMMENT_EDGE.search(self.text, self.position)
            if edge is None:
                raise _UnclearError
            self.position = edge.end()
            if edge[0] == "*/":
                depth -= 1
            elif self.dialect in _NESTED_COMMENT:
                depth += 1
            elif self.dialect not in _NO_BACKSLASH | _BACKSLASH:
                raise _UnclearError
        self.out.append(" ")

    def _quote(self, quote: str) -> None:
        start = self.position
        if quote == "`":
            self._end_of(quote, backslash=False)
            self._name(self.text[start : self.position - 1], self.text[start - 1 : self.position])
        elif quote == "'" or self.dialect in _DOUBLE_IS_STRING:
            self._end_of(quote, self._has_backslash(start, quote))
            self._kept("?")
        else:
            self._end_of(quote, backslash=False)
            if self._is_double_quoted_value() or self._is_password():
                self._kept("?")
            else:
                self._name(self.text[start : self.position - 1], self.text[start - 1 : self.position])

    def _has_backslash(self, start: int, quote: str) -> bool:
        if self.dialect in _BACKSLASH:
            return True
        if self.dialect in _NO_BACKSLASH:
            return False
        plain, escaped = (_ENDS[quote, escapes].match(self.text, start) for escapes in (False, True))
        if plain is None or escaped is None or plain.end() != escaped.end():
            raise _UnclearError
        return False

    def _end_of(self, quote: str, backslash: bool) -> None:
        end = _ENDS[quote, backslash].match(self.text, self.position)
        if end is None:
            raise _UnclearError
        self.position = end.end()

    def _is_double_quoted_value(self) -> bool:
        """SQLite takes "x" for text where no column has that name; so may a dialect that is not known."""
        if self.dialect in _DOUBLE_IS_NAME or self.text[self.position : self.position + 1] == ".":
            return False
        return self._previous in _BEFORE_VALUE or self._values_depth is not None

    def _is_password(self) -> bool:
        if self.operation not in _SETS_PASSWORDS:
            return False
        return self._previous == "PASSWORD" or (self._previous == "BY" and self._word_before == "IDENTIFIED")

    def _word(self, word: str) -> None:
        if self.text[self.position : self.position + 1] == "'" and (word.lower() in _PREFIXES or word[0] == "_"):
            self._prefixed(word.lower())
            return
        upper = word.upper()
        if self._is_password():
            self._kept("?")
            return
        self._take_verb(upper)
        if upper in _OPENS_VALUES:
            self._values_depth = self._depth
        elif self._values_depth is not None and self._depth <= self._values_depth:
            self._values_depth = None
        awaits = self._awaits_target
        if upper in _BEFORE_TARGET and not self._in_target:
            self._awaits_target = not self.target
            self._remember(word, upper)
        elif awaits and upper in _BETWEEN_TARGET:
            self._remember(word, upper)
        else:
            self._name(word, word)

    def _remember(self, word: str, upper: str) -> None:
        self.out.append(word)
        self._word_before = self._previous
        self._previous = upper
        self._in_target = False

    def _take_verb(self, upper: str) -> None:
        if not self.operation:
            self.operation = upper
        elif self.operation == "WITH" and self._depth == 0 and upper in _VERBS:
            self.operation, self.target = upper, ""

    def _name(self, name: str, shown: str) -> None:
        """Take a word or a quoted name."""
        self._in_target = self._awaits_target or (self._in_target and self._previous == ".")
        self._awaits_target = False
        if self._in_target:
            self.target += name
        self.out.append(shown)
        self._word_before, self._previous = self._previous, name.upper()

    def _prefixed(self, prefix: str) -> None:
        self.position += 1
        if prefix in ("q", "nq") and self.dialect not in _BACKSLASH:
            opening = self.text[self.position : self.position + 1]
            end = self.text.find(_CLOSING.get(opening, opening) + "'", self.position + 1)
            if not opening or end < 0:
                raise _UnclearError
            self.position = end + 2
        elif prefix == "e":
            self._end_of("'", backslash=True)
        else:
            self._end_of("'", self._has_backslash(self.position, "'"))
        self._kept("?")

    def _other(self, character: str) -> None:
        if character == "#" and self.dialect in _HASH_COMMENT:
            self._skip_line()
            return
        if character == "#" and self.dialect not in _NO_BACKSLASH:
            raise _UnclearError
        if character == "[" and self.dialect in _BRACKET_NAME:
            self._bracket()
            return
        self._depth += (character == "(") - (character == ")")
        if character == ")" and self._values_depth is not None and self._depth < self._values_depth:
            self._values_depth = None
        self.out.append(character)
        if character == "." and self._in_target:
            self.target += "."
        else:
            self._awaits_target = self._in_target = False
        self._previous = character

    def _bracket(self) -> None:
        end = self.text.find("]", self.position)
        if end < 0:
            raise _UnclearError
        name = self.text[self.position : end]
        self.position = end + 1
        self._name(name, f"[{name}]")
