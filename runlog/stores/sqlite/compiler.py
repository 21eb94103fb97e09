# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""The nodes of a query as SQL over `event AS e` and `run AS r`.

Where SQL or an index cannot say exactly what `evaluate.matches` says (an attribute's text that may spell a number, a
value longer than its token), the condition is wider than the node, or narrower below a NOT, and `exact` turns False:
what it finds is then to be checked again. No condition is ever NULL.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import apsw

from runlog.stores.query import (
    Amount,
    And,
    Field,
    Node,
    Not,
    Or,
    Phrase,
    Term,
    Word,
    equal_texts,
    words,
)
from runlog.stores.query.fields import OPTION
from runlog.stores.sqlite.rows import bindable, fetch
from runlog.stores.sqlite.schema import KINDS
from runlog.stores.sqlite.tokens import KEY_LENGTH, VALUE_LENGTH, encode_key, encode_value

Table = Literal["word", "attr"]
COMPARISONS = ("<", "<=", ">", ">=")

_COLUMNS = {
    ("run", "duration"): "(r.ended - r.started)",
    ("run", "error"): "json_extract(r.error, '$.type')",
    ("event", "span_id"): "coalesce(e.span_id, e.parent_id)",
}
_MOST_TERMS = 200  # of an OR that stands for a beginning
_MOST_COUNTED = 5000
_MOST_DOCUMENTS = 50_000  # FTS5 collects all of a beginning's documents before it returns the first
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Match:
    """What one of the full-text indexes can find; `exact` unless it finds more than the node means."""

    table: Table
    expression: str
    exact: bool


class Compiler:
    """Compiles the nodes of one query. The SQL has `:low` and `:high` for the ids to look at: low <= id < high."""

    def __init__(self, connection: apsw.Connection, *, beginnings: bool = True) -> None:
        """With `beginnings` False no condition makes an index collect every term with some beginning: for SQL that is
        run again and again over few events, which are sooner read."""
        self._connection, self._beginnings = connection, beginnings
        self.bindings: dict[str, Any] = {}
        self.exact = True

    def bind(self, value: object) -> str:
        if isinstance(value, int) and not _fits(value):
            value = _nearest_float(value)  # compares with every stored integer as it should
        if isinstance(value, str):
            value = bindable(value)
        name = f"p{len(self.bindings)}"
        self.bindings[name] = value
        return f":{name}"

    def condition(self, node: Node, *, wider: bool = True) -> str:
        """The SQL of a node; where it cannot be exact it is `wider`, or else narrower."""
        match node:
            case Not(inner):
                return f"NOT {self.condition(inner, wider=not wider)}"
            case And(nodes) | Or(nodes):
                operator = " AND " if isinstance(node, And) else " OR "
                return f"({operator.join(self.condition(child, wider=wider) for child in nodes)})"
            case Term() if node.field.scope != "attribute":
                return f"coalesce({self._field(node)}, 0)"
            case Term() if node.op in COMPARISONS:
                self.exact = False
                return self._attribute(node, wider=wider)
        found = self.match(node)
        if found is None:
            self.exact = False
            return self._attribute(node, wider=wider) if isinstance(node, Term) else str(int(wider))
        if found.exact or wider:
            return self.found_by(found)
        self.exact = False
        return "0"

    def sought(self, node: Node) -> str:
        """The SQL of a node that is one of those that must all match: it may be NULL, and an index can find it."""
        if isinstance(node, Term) and node.field.scope != "attribute":
            return self._field(node)
        return self.condition(node)

    def found_by(self, match: Match, *, one_by_one: bool = False) -> str:
        """The condition that an event is among those that an index finds, collected first or asked `one_by_one`."""
        self.exact &= match.exact
        found = f"SELECT rowid FROM {match.table} WHERE {match.table} MATCH {self.bind(match.expression)}"
        if one_by_one:
            return f"EXISTS ({found} AND rowid = e.id)"
        return f"e.id IN ({found} AND rowid >= :low AND rowid < :high)"

    def match(self, node: Node) -> Match | None:
        """How one of the indexes finds every event that a node means; None where it cannot, or not fast."""
        match node:
            case And(nodes) | Or(nodes):
                found = [self.match(child) for child in nodes]
                return join_matches(" AND " if isinstance(node, And) else " OR ", found)
            case Word() | Phrase():
                return self._words(node)
            case Term() if node.field.scope == "attribute":
                return self._pairs(node)
        return None

    def _words(self, node: Word | Phrase) -> Match | None:
        wanted = node.words
        text = " ".join(wanted)
        if not wanted or tuple(words(text)) != tuple(wanted):
            return None
        if not (isinstance(node, Word) and node.prefix):
            return Match("word", f'"{text}"', exact=True)
        if len(wanted) == 1:
            return self._beginning("word", wanted[0], exact=True)
        if self._beginning("word", wanted[-1], exact=True) is not None:
            return Match("word", f'"{text}" *', exact=True)
        return Match("word", f'"{" ".join(wanted[:-1])}"', exact=False)

    def _pairs(self, term: Term) -> Match | None:
        head = encode_key(term.field.name)
        exact = len(head) < KEY_LENGTH
        if term.op == "=":
            texts = equal_texts(term.value)
            tails = sorted(encode_value(text) for text in texts)
            exact &= len(texts) == 1 and len(tails[0]) < VALUE_LENGTH
            return Match("attr", _any_of([head + tail for tail in tails]), exact)
        if term.op == "prefix":
            tail = encode_value(term.value)
            return self._beginning("attr", head + tail, exact=exact and 0 < len(tail) < VALUE_LENGTH)
        # A comparison is found by its key alone: its condition is still to be met.
        return self._beginning("attr", head, exact=exact and term.op == "exists")

    def _beginning(self, table: Table, start: str, *, exact: bool) -> Match | None:
        """Find terms by their beginning; None where too many documents have too many such terms."""
        if not self._beginnings:
            return None
        terms = fetch(
            self._connection,
            f"SELECT term, doc FROM {table}_terms WHERE term >= ? AND term < ? LIMIT {_MOST_COUNTED}",
            (start, start + ("\x7f" if table == "attr" else "\U0010ffff")),
        )
        if len(terms) < _MOST_COUNTED and sum(documents for _, documents in terms) <= _MOST_DOCUMENTS:
            return Match(table, f'"{start}" *', exact)
        if len(terms) <= _MOST_TERMS:
            return Match(table, _any_of([term for term, _ in terms]), exact)
        return None

    def _attribute(self, term: Term, *, wider: bool) -> str:
        """Compare an attribute by reading it. Texts and lists are left to the second check."""
        path = self.bind("$." + json.dumps(term.field.name, ensure_ascii=False))
        value, unsure = f"json_extract(e.attributes, {path})", str(int(wider))
        number, text, other = "0", unsure, "0"
        if term.op == "exists":
            return f"(json_type(e.attributes, {path}) IS NOT NULL)"
        if term.op == "prefix":
            number = other = unsure
            text = f"instr({value}, {self.bind(term.value)}) = 1"
        elif isinstance(term.operand, Amount) and term.operand.kind == "number":
            number = self._number(value, term.op, term.operand.value, wider=wider)
        elif isinstance(term.operand, Amount) and term.operand.kind == "duration" and wider:
            number = self._seconds(value, term.op, term.operand.value)
        return (
            f"CASE json_type(e.attributes, {path}) WHEN 'text' THEN {text} WHEN 'array' THEN {unsure}"
            f" WHEN 'integer' THEN {number} WHEN 'real' THEN {number}"
            f" ELSE json_type(e.attributes, {path}) IS NOT NULL AND {other} END"
        )

    def _number(self, value: str, op: str, limit: float, *, wider: bool) -> str:
        if isinstance(limit, float) or _fits(limit):
            return f"{value} {op} {self.bind(limit)}"
        return f"{value} {op[0]}= {self.bind(limit)}" if wider else "0"  # the nearest float may be the limit itself

    def _seconds(self, value: str, op: str, nanoseconds: float) -> str:
        """Compare a number of seconds with nanoseconds, with room for what floating point rounds."""
        room = 2 + abs(nanoseconds) * 1e-9
        limit = nanoseconds + (-room if op in (">", ">=") else room)
        return f"{value} * {_NANOSECONDS}.0 {op} {self.bind(float(limit))}"

    def _field(self, term: Term) -> str:
        field, operand = term.field, term.operand
        if field.kind == "list":
            item = {"exists": "1", "=": "value = {}", "prefix": "instr(value, {}) = 1"}[term.op]
            return f"EXISTS (SELECT 1 FROM json_each(r.{field.name}) WHERE {item.format(self._operand(term))})"
        column = column_of(field)
        if term.op == "exists":
            return f"{column} IS NOT NULL"
        if field.kind == "id":
            return self._id(column, term)
        if field.kind == "choice" and field.name == "kind" and isinstance(operand, str):
            return f"e.kind = {KINDS[operand]}"
        if term.op == "prefix":
            return f"instr({column}, {self.bind(operand)}) = 1"
        return f"{column} {term.op} {self.bind(operand)}"

    def _operand(self, term: Term) -> str:
        return "" if term.op == "exists" else self.bind(term.operand)

    def _id(self, column: str, term: Term) -> str:
        text = str(term.operand)
        if term.op == "prefix":
            return f"{column} IS NOT NULL AND instr(lower(hex({column})), {self.bind(text)}) = 1"
        return "0" if len(text) % 2 else f"{column} = {self.bind(bytes.fromhex(text))}"


def join_matches(operator: str, found: Sequence[Match | None]) -> Match | None:
    """Make one match of several of one table; None if any is missing or of another table."""
    matches = [match for match in found if match is not None]
    if len(matches) < len(found) or len({match.table for match in matches}) != 1:
        return None
    expression = operator.join(match.expression for match in matches)
    return Match(matches[0].table, f"({expression})", all(match.exact for match in matches))


def conjuncts(node: Node | None) -> list[Node]:
    """The nodes that must all match."""
    if node is None:
        return []
    if isinstance(node, And):
        return [part for child in node.nodes for part in conjuncts(child)]
    return [node]


def _fits(number: int) -> bool:
    return -(2**63) <= number < 2**63


def _nearest_float(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def _any_of(tokens: list[str]) -> str:
    return "(" + " OR ".join(f'"{token}"' for token in tokens) + ")"


def column_of(field: Field) -> str:
    """The value of a field of runs or events, in SQL."""
    if field.scope == "run" and field.name.startswith(OPTION):
        return f"json_extract(r.options, '$.{field.name.removeprefix(OPTION)}')"
    column = _COLUMNS.get((field.scope, field.name))
    return column or f"{'r' if field.scope == 'run' else 'e'}.{field.name}"
