"""A run with all its events, read in pages, and its tree with the child runs in their places."""

from __future__ import annotations

from collections.abc import Iterator

from runlog.cli.output import note
from runlog.stores.base import Event, Reader, Run
from runlog.stores.query import Query, Term
from runlog.stores.tree import Node, build_tree, walk

CHILD_ATTRIBUTE = "runlog.child.run_id"
"""On trigger and wait spans: the run, or the list of runs, that they are about."""

_PAGE = 10_000
_CHILDREN = 1000
"""Child runs drawn inside their parent, at most."""


def load_events(log: Reader, run_id: str | None) -> Iterator[Event]:
    """All events of a run, in the order in which they were stored."""
    after = 0
    while page := log.events(run_id, after=after, limit=_PAGE):
        yield from page
        after = page[-1].id


def load_tree(log: Reader, run: Run, *, children: bool = True) -> Node:
    """The tree of a run; with `children`, the runs that it waited for (they are in its trace) are where it waited."""
    root = build_tree(run, load_events(log, run.run_id))
    if not children:
        return root
    waiting, left = [root], _CHILDREN
    while waiting:
        parent = waiting.pop()
        assert parent.run is not None
        places = _wait_spans(parent)
        for child in _children(log, parent.run) if places else ():
            place = places.get(child.run_id)
            if place is None or child.trace_id != run.trace_id:
                continue
            if not left:
                note(
                    f"only {_CHILDREN:,} child runs are drawn; all of them: runlog runs run.parent:{parent.run.run_id}"
                )
                return root
            node = build_tree(child, load_events(log, child.run_id))
            place.attach(node)
            waiting.append(node)
            left -= 1
    return root


def _children(log: Reader, run: Run) -> Iterator[Run]:
    """The runs that a run triggered."""
    term = Term("run.parent", "=", run.run_id)
    cursor: str | None = None
    while True:
        page = log.runs(Query(str(term), term), cursor=cursor, limit=_PAGE)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def _wait_spans(root: Node) -> dict[str, Node]:
    """Child run id → the span that waits for it, which names it in an attribute."""
    places: dict[str, Node] = {}
    for _, node in walk(root):
        value = node.event.attributes.get(CHILD_ATTRIBUTE) if not node.is_log else None
        for run_id in value if isinstance(value, list) else (value,):
            if isinstance(run_id, str):
                places[run_id] = node
    return places
