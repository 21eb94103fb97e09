"""The lines in which runlog tells of its own workers and instrumentations, among those of the user."""

from __future__ import annotations

from runlog.stores.base import PLUGIN_EVENT, WORKER_EVENT
from runlog.stores.query import And, Not, Or, Query, Term, leaves

_NAMES = (WORKER_EVENT, PLUGIN_EVENT)
_KEYS = ("name", "event.name", "attr.event.name")
OWN = And(
    (
        Term("kind", "=", "log"),
        Term("level", "=", "debug"),
        Or(tuple(And((Term("event.name", "=", name), Term("name", "=", name))) for name in _NAMES)),
    )
)
"""Finds them; by an index."""


def asks_for_own(query: Query | None) -> bool:
    """Whether a query is about names of events: then what it finds is what was wanted."""
    if query is None or query.node is None:
        return False
    return any(isinstance(leaf, Term) and leaf.key in _KEYS for leaf in leaves(query.node))


def only_own(query: Query) -> Query:
    """Those of what a query finds that are runlog's own."""
    return Query(query.text, OWN if query.node is None else And((query.node, OWN)))


def without_own(query: Query | None) -> Query:
    """What a query finds, without runlog's own lines."""
    rest = Not(OWN)
    if query is None or query.node is None:
        return Query("" if query is None else query.text, rest)
    return Query(query.text, And((query.node, rest)))
