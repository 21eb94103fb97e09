"""From the text of a query to its tree.

Whatever the text, the result is a query or a QueryError that points at the place.
"""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Callable
from typing import NoReturn

from runlog.errors import QueryError
from runlog.stores.query.fields import RUN_FIELDS, Field, field_of
from runlog.stores.query.literals import format_time, parse_period
from runlog.stores.query.nodes import And, Node, Not, Op, Or, Phrase, Query, Term, Word

DEEPEST = 64
"""Parentheses and `-` inside one another."""
MOST_TERMS = 256

_SPACE = re.compile(r"\s*")
_BARE = re.compile(r'[^\s()":]+')
_BARE_VALUE = re.compile(r'[^\s()"]+')
_OPERATOR = re.compile(r">=|<=|>|<|=")
_ESCAPE = re.compile(r'\\(["\\])')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


def parse(text: str, *, now: int | None = None) -> Query:
    """Parse a query. Relative times (`-1h`, `14:02`) count from `now` (ns), the clock's if it is None.

    Raises QueryError with the position at which reading stopped, and nothing else.
    """
    reader = _Reader(text, time.time_ns() if now is None else now)
    reader.skip_space()
    if reader.at_end():
        return Query(text, None)
    node = reader.alternatives(reader.item)
    if not reader.at_end():  # only a parenthesis that nothing opened stops the reading
        reader.fail("this parenthesis closes nothing")
    return Query(text, node)


class _Reader:
    """Recursive descent over the text; `position` is where reading stands."""

    def __init__(self, text: str, now: int) -> None:
        self.text, self.now = text, now
        self.position = self.depth = self.terms = 0

    def at_end(self) -> bool:
        return self.position >= len(self.text)

    def fail(self, message: str, position: int | None = None) -> NoReturn:
        raise QueryError(message, self.text, self.position if position is None else position)

    def take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.position)
        found = match[0] if match else ""
        self.position += len(found)
        return found

    def skip_space(self) -> None:
        self.take(_SPACE)

    def peek(self, character: str) -> bool:
        return self.text.startswith(character, self.position)

    def keyword(self, name: str) -> bool:
        """Take `OR`, `AND` or `NOT` where it stands alone."""
        end = self.position + len(name)
        if not self.peek(name) or (end < len(self.text) and not (self.text[end].isspace() or self.text[end] in '()"')):
            return False
        self.position = end
        self.skip_space()
        return True

    def alternatives(self, item: Callable[[], Node]) -> Node:
        """`a b OR c`: a sequence, or several with OR between them."""
        nodes = [self.sequence(item)]
        while self.keyword("OR"):
            nodes.append(self.sequence(item))
        return nodes[0] if len(nodes) == 1 else Or(tuple(nodes))

    def sequence(self, item: Callable[[], Node]) -> Node:
        nodes = [self.negatable(item)]
        while True:
            self.skip_space()
            explicit = self.keyword("AND")
            if not explicit and (self.at_end() or self.peek(")") or self._at_or()):
                return nodes[0] if len(nodes) == 1 else And(tuple(nodes))
            nodes.append(self.negatable(item))

    def _at_or(self) -> bool:
        start = self.position
        found = self.keyword("OR")
        self.position = start
        return found

    def negatable(self, item: Callable[[], Node]) -> Node:
        """One item, a parenthesis of them, or `-` and one of these."""
        start = self.position
        if self.at_end() or self.peek(")"):
            self.fail("a word, a phrase or key:value is missing here")
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail(f"nested deeper than {DEEPEST}", start)
        if self.peek("-") or self.keyword("NOT"):
            if self.peek("-"):
                self.position += 1
            if self.at_end() or self.text[self.position].isspace():
                self.fail("what is not wanted is missing right after the '-'")
            node: Node = Not(self.negatable(item))
        elif self.peek("("):
            node = self.group(item)
        else:
            for name in ("OR", "AND"):
                if self.keyword(name):
                    self.fail(f"a word, a phrase or key:value is missing before {name}", start)
            node = item()
        self.depth -= 1
        return node

    def group(self, item: Callable[[], Node]) -> Node:
        opened = self.position
        self.position += 1
        self.skip_space()
        node = self.alternatives(item)
        if not self.peek(")"):
            self.fail("this parenthesis is not closed", opened)
        self.position += 1
        return node

    def quoted(self) -> str:
        start = self.position
        found = self.take(_QUOTED)
        if not found:
            self.fail("this quotation mark is not closed", start)
        return _ESCAPE.sub(r"\1", found[1:-1])

    def item(self) -> Node:
        """A word, a phrase, or a key with its value."""
        start = self.position
        quoted = self.peek('"')
        text = self.quoted() if quoted else self.take(_BARE)
        if not self.peek(":"):
            return self.phrase(text, start) if quoted else self.word(text, start)
        if not text:
            self.fail("a key is missing before the ':'", start)
        field = self.known_field(text, start)
        self.position += 1
        if self.peek("("):
            return self.group(lambda: self.value(text, field))
        return self.value(text, field)

    def known_field(self, key: str, start: int) -> Field:
        try:
            return field_of(key)
        except KeyError:
            near = difflib.get_close_matches(key, RUN_FIELDS, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(RUN_FIELDS))}"
            raise QueryError(f"a run has no field {key!r}{hint}", self.text, start) from None

    def phrase(self, text: str, start: int) -> Node:
        if self.peek("*"):
            self.fail("a phrase is whole words; '*' can follow a single word or a value")
        return self.checked(Phrase(text), start)

    def word(self, text: str, start: int) -> Node:
        prefix = text.endswith("*")
        text = text[: len(text) - prefix]
        if "*" in text:
            self.fail("'*' is understood at the end only", start + text.index("*"))
        return self.checked(Word(text, prefix), start)

    def checked(self, node: Word | Phrase, start: int) -> Node:
        self.count(start)
        if not node.words:
            self.fail(f"{str(node)[:100]} has no letter or digit to search for", start)
        return node

    def count(self, start: int) -> None:
        self.terms += 1
        if self.terms > MOST_TERMS:
            self.fail(f"more than {MOST_TERMS} terms", start)

    def value(self, key: str, field: Field) -> Node:
        """What follows `key:`: an operator and a value, a value, a beginning and `*`, or `*` alone."""
        op = self.take(_OPERATOR)
        start = self.position
        self.count(start)
        quoted = self.peek('"')
        text = self.quoted() if quoted else self.take(_BARE_VALUE)
        star = self.position if quoted else start + len(text) - 1
        prefix = self.peek("*") if quoted else text.endswith("*")
        if quoted:
            self.position += prefix
        else:
            text = text[: len(text) - prefix]
            if "*" in text:
                self.fail(
                    "'*' is understood at the end only; quote the value to search for it", start + text.index("*")
                )
            if not text and not prefix:
                self.fail(f"a value is missing after {key + ':' + op!r}{_choices(field)}", start)
        if prefix and op not in ("", "="):
            self.fail(f"'*' cannot follow {op}", star)
        if prefix and not text and not quoted:
            return Term(key, "exists")
        return self.term(key, "prefix" if prefix else _op(op), text, start)

    def term(self, key: str, op: Op, value: str, start: int) -> Node:
        try:
            if op == "=" and field_of(key).kind == "time":
                begin, end = parse_period(value, self.now)
                return And((Term(key, ">=", format_time(begin)), Term(key, "<", format_time(end))))
            return Term(key, op, value, self.now)
        except ValueError as error:
            raise QueryError(f"{key}: {error}", self.text, start) from None


def _op(text: str) -> Op:
    ops: dict[str, Op] = {">=": ">=", "<=": "<=", ">": ">", "<": "<"}
    return ops.get(text, "=")


def _choices(field: Field) -> str:
    return f": {', '.join(field.choices)}" if field.choices else ""
