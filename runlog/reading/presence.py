"""What workers told of themselves in the run log."""

from __future__ import annotations

from collections.abc import Iterable

from runlog.stores.base import EXPORT_EVENT, PLUGIN_EVENT, WORKER_EVENT, Event, Reader
from runlog.stores.query import And, Node, Query, Term

_PLUGINS = 500
"""Of the newest tellings of a worker: each is told again as its spans grow."""


def worker_told(log: Reader, worker: str | None = None) -> Event | None:
    """The newest telling of a worker, or of any: which process it is, on what."""
    found = _told(log, WORKER_EVENT, worker, 1)
    return found[0] if found else None


def plugins_told(log: Reader, worker: str) -> list[Event]:
    """The newest telling of each instrumentation of a worker, by name."""
    newest: dict[str, Event] = {}
    for event in _told(log, PLUGIN_EVENT, worker, _PLUGINS):
        newest.setdefault(str(event.attributes.get("plugin")), event)
    return [newest[name] for name in sorted(newest)]


def export_told(log: Reader, exporter: str) -> Event | None:
    """The newest telling of an exporter or processor: that it works, or fails."""
    found = _search(log, (Term("name", "=", EXPORT_EVENT), Term("attr.exporter", "=", exporter)), 1)
    return found[0] if found else None


def _told(log: Reader, name: str, worker: str | None, limit: int) -> list[Event]:
    terms: list[Node] = [Term("event.name", "=", name), Term("name", "=", name)]
    if worker is not None:
        terms.append(Term("worker.name", "=", worker))
    return _search(log, terms, limit)


def _search(log: Reader, terms: Iterable[Node], limit: int) -> list[Event]:
    node = And(tuple(terms))
    return log.search(Query(str(node), node), limit=limit).items
