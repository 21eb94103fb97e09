"""Values as terms of the query language that find them."""

from __future__ import annotations

from typing import Any

from runlog.errors import QueryError
from runlog.stores.evaluate import attribute_matches
from runlog.stores.query import ATTRIBUTE_PREFIX, And, Node, Term, attribute_text, field_of, parse

_LONGEST = 500
"""Characters of a term: a longer one is no use in a query box."""
_MOST_ELEMENTS = 5


def attribute_term(key: str, value: Any) -> str | None:
    """The text of a query that finds events with this value of this attribute; None where there is none, or only one
    that is too long."""
    elements = value if isinstance(value, list | tuple) else [value]
    if not elements or len(elements) > _MOST_ELEMENTS:
        return None
    name = _name(key)
    if name is None or any(len(attribute_text(element)) > _LONGEST for element in elements):
        return None
    texts = dict.fromkeys(attribute_text(element) for element in elements)
    try:
        terms: list[Node] = [Term(name, "=", text) for text in texts]
        query = str(terms[0] if len(terms) == 1 else And(tuple(terms)))
        found = parse(query).node
    except (ValueError, QueryError):
        return None
    parts = found.nodes if isinstance(found, And) else (found,)
    is_found = all(isinstance(part, Term) and attribute_matches(part, value) for part in parts)
    return query if is_found and len(query) <= _LONGEST else None


def _name(key: str) -> str | None:
    """How a query spells an attribute's key: with a prefix where a field has that name."""
    for name in (key, ATTRIBUTE_PREFIX + key):
        try:
            field = field_of(name)
        except KeyError:
            continue
        if field.scope == "attribute" and field.name == key and key:
            return name
    return None
