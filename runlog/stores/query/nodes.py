"""The syntax tree of a query. `str(node)` is a query text that parses to an equal tree."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeGuard

from runlog.stores.base import LEVELS
from runlog.stores.query.fields import Field, choice_of, field_of, is_run_field
from runlog.stores.query.literals import Amount, parse_amount, parse_duration, parse_number, parse_time
from runlog.stores.query.words import query_words

Op = Literal["=", "<", "<=", ">", ">=", "prefix", "exists"]
Operand = str | int | float | Amount | None

_PLAIN_KEY = re.compile(r'[^\s:()"*-][^\s:()"*]*')
_PLAIN_VALUE = re.compile(r'[^\s()"*<>=][^\s()"*]*')


@dataclass(frozen=True, slots=True)
class Word:
    """A word in a log's message or a span's name. `foo-bar` is two words next to each other, as a phrase is."""

    text: str
    prefix: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        return query_words(self.text)

    def __str__(self) -> str:
        return self.text + "*" * self.prefix


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words next to each other in a log's message or a span's name."""

    text: str

    @property
    def words(self) -> tuple[str, ...]:
        return query_words(self.text)

    def __str__(self) -> str:
        return _quoted(self.text)


@dataclass(frozen=True, slots=True)
class Term:
    """A field or an attribute, compared. Raises ValueError if the value does not suit the field, KeyError for an
    unknown `run.*` key.

    `value` is as written; `operand` is what to compare with: nanoseconds for times and durations (relative ones count
    from `now`), a number, a level's number, a choice's stored spelling, lower-case hexadecimal, an `Amount` for `<` and
    `>` on an attribute; else the text. It is None for `exists`.
    """

    key: str
    op: Op
    value: str = ""
    now: int | None = field(default=None, compare=False, repr=False)
    operand: Operand = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.op != "exists":
            now = time.time_ns() if self.now is None else self.now
            object.__setattr__(self, "operand", _operand(self.field, self.op, self.value, now))

    @property
    def field(self) -> Field:
        return field_of(self.key)

    def __str__(self) -> str:
        key = spelled_key(self.key)
        if self.op == "exists":
            return f"{key}:*"
        value = spelled_value(self.value)
        operator = "" if self.op in ("=", "prefix") else self.op
        return f"{key}:{operator}{value}{'*' if self.op == 'prefix' else ''}"


@dataclass(frozen=True, slots=True)
class Not:
    node: Node

    def __str__(self) -> str:
        return f"-({self.node})" if isinstance(self.node, And | Or) else f"-{self.node}"


@dataclass(frozen=True, slots=True)
class And:
    """At least two nodes, all of which match."""

    nodes: tuple[Node, ...]

    def __str__(self) -> str:
        return " ".join(f"({node})" if isinstance(node, And | Or) else str(node) for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Or:
    """At least two nodes, one of which matches."""

    nodes: tuple[Node, ...]

    def __str__(self) -> str:
        return " OR ".join(f"({node})" if isinstance(node, Or) else str(node) for node in self.nodes)


Node = Word | Phrase | Term | Not | And | Or


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query; `node` is None where it matches everything."""

    text: str
    node: Node | None

    @property
    def needs_event(self) -> bool:
        """Whether any term is about events: a run then matches by having one such event."""
        return self.node is not None and needs_event(self.node)


def leaves(node: Node) -> Iterator[Word | Phrase | Term]:
    """Every word, phrase and term below a node."""
    if isinstance(node, Not):
        yield from leaves(node.node)
    elif isinstance(node, And | Or):
        for child in node.nodes:
            yield from leaves(child)
    else:
        yield node


def needs_event(node: Node) -> bool:
    """Whether any term below is about events rather than about runs."""
    return any(not isinstance(leaf, Term) or not is_run_field(leaf.key) for leaf in leaves(node))


def is_time_range(node: Node, key: str = "time") -> TypeGuard[Term]:
    """Whether a node is a bound of an event's time, or with `run.created` of when its run was created."""
    return isinstance(node, Term) and node.key == key and node.op in ("<", "<=", ">", ">=")


def spelled_key(key: str) -> str:
    """A key as a query has it: quoted if it has to be."""
    return key if _PLAIN_KEY.fullmatch(key) else _quoted(key)


def spelled_value(value: str) -> str:
    """A value as a query has it: quoted if it has to be."""
    return value if _PLAIN_VALUE.fullmatch(value) else _quoted(value)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _operand(field: Field, op: Op, value: str, now: int) -> Operand:
    """Turn the text of a value into what its field compares with. Raises ValueError, saying what was expected."""
    if op == "prefix" and field.kind not in ("text", "list", "id", "attribute"):
        raise ValueError(f"a {field.kind} cannot be searched by its beginning")
    if op not in ("=", "prefix") and not field.ordered:
        raise ValueError(f"{op} needs something that has an order: a number, a duration, a time or a level")
    match field.kind:
        case "attribute":
            return value if op in ("=", "prefix") else parse_amount(value, now)
        case "level" | "choice":
            choice = choice_of(field, value)
            if choice is None:
                raise ValueError(f"{value[:100]!r} is none of {', '.join(field.choices)}")
            return LEVELS[choice] if field.kind == "level" else choice
        case "id":
            if not re.fullmatch(r"[0-9a-fA-F]*", value):
                raise ValueError(f"{value[:100]!r} is not a hexadecimal id")
            return value.lower()
        case "number":
            return parse_number(value)
        case "duration":
            return parse_duration(value)
        case "time":
            return parse_time(value, now)
        case _:
            return value
