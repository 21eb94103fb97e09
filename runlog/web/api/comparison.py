"""How long a span took beside others of its kind."""

from __future__ import annotations

from runlog.stores.base import Event, Reader
from runlog.stores.query import And, Node, Not, Phrase, Query, Term, words
from runlog.web.api.types import Comparison

SPANS = 1000
"""That are compared with, at most."""
_FEW = 5
_SECONDS = 0.2


def comparison(reader: Reader, number: int) -> Comparison | None:
    """Compare a span's duration with the last ones of the same name, in runs of the same task; None for a log."""
    event = reader.event(number)
    if event.kind == "log":
        return None
    page = reader.search(_alike(reader, event), limit=SPANS + 1, budget=_SECONDS)
    others = [other.duration for other in page.items if other.id != event.id and other.duration is not None][:SPANS]
    return _compared(event.duration, sorted(others), page.searched_to)


def _alike(reader: Reader, event: Event) -> Query:
    nodes: list[Node] = [Phrase(event.name)] if words(event.name) else []  # the index leads
    nodes += [Term("kind", "=", "span"), Term("name", "=", event.name), Not(Term("span.status", "=", "unfinished"))]
    name = reader.names([event.run_id]).get(event.run_id) if event.run_id is not None else None
    if name is not None:
        nodes.append(Term("task", "=", name.task))
    node = And(tuple(nodes))
    return Query(str(node), node)


def _compared(own: int | None, others: list[int], searched_to: int | None) -> Comparison:
    count = len(others)
    slower_than = None
    if count >= _FEW and own is not None:
        slower_than = sum(other < own for other in others) / count
    return Comparison(
        count=count,
        slower_than=slower_than,
        p50=others[count // 2] if others else None,
        p95=others[min(count - 1, count * 95 // 100)] if others else None,
        fastest=others[0] if others else None,
        slowest=others[-1] if others else None,
        searched_to=None if searched_to is None or count >= SPANS else searched_to / 1e6,
    )
