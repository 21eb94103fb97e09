"""A run with all its events, read in pages, and its tree with the child runs in their places."""

from __future__ import annotations

from collections.abc import Iterator

from runlog.reading.notes import Note, ignore
from runlog.stores.base import Event, Reader, Run
from runlog.stores.query import Query, Term
from runlog.stores.tree import Node, build_tree, walk

_PAGE = 10_000
_CHILDREN = 1000
"""Child runs drawn inside their parent, at most."""


def load_events(log: Reader, run_id: str | None) -> Iterator[Event]:
    """All events of a run, in the order in which they were stored."""
    after = 0
    while page := log.events(run_id, after=after, limit=_PAGE):
        yield from page
        after = page[-1].id


def load_tree(log: Reader, run: Run, *, children: bool = True, note: Note = ignore) -> Node:
    """The tree of a run; with `children`, the runs that it waited for (they are in its trace) are where it waited.

    `note` is told where they are too many.
    """
    root = build_tree(run, load_events(log, run.run_id))
    waited = _waited(log, run) if children else {}
    waiting, left = [root], _CHILDREN
    while waiting:
        parent = waiting.pop()
        assert parent.run is not None
        runs = waited.pop(parent.run.run_id, [])
        spans = {node.event.span_id: node for _, node in walk(parent) if not node.is_log} if runs else {}
        for child in runs:
            if not left:
                note(
                    f"only {_CHILDREN:,} child runs are drawn; all of them: runlog runs run.parent:{parent.run.run_id}"
                )
                return root
            left -= 1
            place, node = spans.get(child.parent_span_id), build_tree(child, load_events(log, child.run_id))
            node.orphan = place is None
            (place or parent).attach(node)
            waiting.append(node)
    return root


def _waited(log: Reader, run: Run) -> dict[str, list[Run]]:
    """Run id → the runs in its own trace that it triggered, for every run of the family."""
    found: dict[str, list[Run]] = {}
    term = Term("run.root", "=", run.root_run_id or run.run_id)
    cursor: str | None = None
    while True:
        page = log.runs(Query(str(term), term), cursor=cursor, limit=_PAGE)
        for item in page.items:
            if item.parent_run_id is not None and item.parent_span_id is not None:
                found.setdefault(item.parent_run_id, []).append(item)
        cursor = page.cursor
        if cursor is None:
            return found
