"""What a query means: the plain evaluation that every store must agree with."""

from __future__ import annotations

from collections.abc import Iterable

from runlog.stores.base import Event, Run
from runlog.stores.query import (
    Amount,
    And,
    Node,
    Not,
    Or,
    Query,
    Term,
    amount_of,
    attribute_text,
    compare,
    contains,
    equal_texts,
)
from runlog.stores.query.fields import OPTION
from runlog.stores.query.nodes import Word


def matches(node: Node | None, event: Event | None, run: Run | None) -> bool:
    """Say whether an event in a run matches. None for the event or the run: every term about it is false."""
    match node:
        case None:
            return True
        case Not(inner):
            return not matches(inner, event, run)
        case And(nodes):
            return all(matches(child, event, run) for child in nodes)
        case Or(nodes):
            return any(matches(child, event, run) for child in nodes)
        case Term():
            return _term_matches(node, event, run)
        case _:
            return event is not None and contains(
                searchable_text(event), node.words, prefix=isinstance(node, Word) and node.prefix
            )


def run_matches(query: Query, run: Run, events: Iterable[Event]) -> bool:
    """Say whether a list of runs has this run: with terms about events, one of its logs or ended spans must match."""
    if not query.needs_event:
        return matches(query.node, None, run)
    return any(event.kind != "open" and matches(query.node, event, run) for event in events)


def searchable_text(event: Event) -> str:
    """The text whose words a query finds: a log's message, a span's name."""
    return str(event.message) if event.kind == "log" else event.name


def attribute_matches(term: Term, value: object) -> bool:
    """Compare the value of an attribute that is there (a list: any of its elements)."""
    if term.op == "exists":
        return True
    if isinstance(value, list | tuple):
        return any(_attribute_element_matches(term, element) for element in value)
    return _attribute_element_matches(term, value)


def _attribute_element_matches(term: Term, value: object) -> bool:
    if term.op == "=":
        if isinstance(value, str):  # the text "5" is not `5.0`, though the number 5 is
            return value == term.value
        return attribute_text(value) in equal_texts(term.value)
    if term.op == "prefix":
        return attribute_text(value).startswith(term.value)
    assert isinstance(term.operand, Amount)
    worth = amount_of(value, term.operand.kind)
    return worth is not None and compare(worth, term.op, term.operand.value)


def _term_matches(term: Term, event: Event | None, run: Run | None) -> bool:
    field = term.field
    if field.scope == "attribute":
        if event is None or field.name not in event.attributes:
            return False
        return attribute_matches(term, event.attributes[field.name])
    record: Event | Run | None = run if field.scope == "run" else event
    if record is None:
        return False
    value = field_value(record, field.name)
    if field.kind == "list":
        return isinstance(value, tuple | list) and any(_field_matches(term, element) for element in value)
    return _field_matches(term, value)


def field_value(record: Event | Run, name: str) -> object:
    """The value of a field of the language: what `Field.name` says, in the form in which it is compared."""
    match name:
        case "duration" if isinstance(record, Run):
            return None if record.started is None or record.ended is None else record.ended - record.started
        case "error" if isinstance(record, Run):
            return record.error.get("type") if record.error else None
        case _ if isinstance(record, Run) and name.startswith(OPTION):
            return (record.options or {}).get(name.removeprefix(OPTION))
        case "span_id" if isinstance(record, Event) and record.span_id is None:
            value: object = record.parent_id
        case _:
            value = getattr(record, name)
    return value.hex() if isinstance(value, bytes) else value


def _field_matches(term: Term, value: object) -> bool:
    if value is None:
        return False
    if term.op == "exists":
        return True
    operand = term.operand
    if term.op == "prefix":
        return str(value).startswith(str(operand))
    if isinstance(value, str):
        return value == operand
    assert isinstance(value, int | float)
    assert isinstance(operand, int | float)
    return compare(value, term.op, operand)
