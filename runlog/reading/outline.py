"""As much of a run's tree as its headline needs: the way down to where it failed or stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from runlog.stores.base import TERMINAL_STATUSES, Reader, Run
from runlog.stores.one_run import STOPPED, Child, Way
from runlog.stores.tree import Node, build_tree, failure, running, span_status, stopped

_DEEPEST = 100
"""Runs that wait for one another, which are followed."""

_FIND: dict[Way, Callable[[Node], Node | None]] = {"failing": failure, "stopped": stopped, "running": running}


def load_outline(log: Reader, run: Run, *, failed: bool = True) -> Node:
    """A tree from which `sentences.headline` and `tree.failure` make what they make of the whole one.

    It is read without the whole one, whatever its size. `failed` False: it is enough for the headline only.
    """
    ways = _ways(run, failed=failed)
    root = _outline(log, run, ways)
    followed = {id(root)}
    for way in ways:
        for _ in range(_DEEPEST):
            node = _FIND[way](root)
            if node is None or node.run is None or id(node) in followed:
                break
            followed.add(id(node))
            _adopt(node, _outline(log, node.run, ways))
    return root


def _ways(run: Run, *, failed: bool) -> Sequence[Way]:
    if run.status == "COMPLETED":
        return ()
    if run.status == "FAILED":
        return ("failing",)
    own: Way = "stopped" if run.is_terminal else "running"
    return (own, "failing") if failed else (own,)


def _outline(log: Reader, run: Run, ways: Sequence[Way]) -> Node:
    """The ways down in the run itself; below their spans the runs that lead on, which are not yet followed."""
    events = {event.id: event for way in ways for event in log.way_down(run, way)}
    root = build_tree(run, events.values())
    spans = {node.event.span_id: node for node in _below(root)}
    inside: dict[bytes, list[Child]] = {}
    for child in log.children_inside(run.run_id) if spans else ():
        if child.parent_span_id in spans:
            inside.setdefault(child.parent_span_id, []).append(child)
    for span, children in inside.items():
        for run_id in dict.fromkeys(child.run_id for way in ways for child in _leading(children, way)):
            spans[span].attach(build_tree(log.run(run_id, data=False), ()))
    return root


def _below(root: Node) -> list[Node]:
    nodes = list(root.children)
    for node in nodes:  # grows while it is read
        nodes.extend(node.children)
    return nodes


def _leading(children: Sequence[Child], way: Way) -> Iterator[Child]:
    """Of the runs that one span waited for, those that the tree's functions would choose or compare with."""
    if way == "failing":
        failing = [child for child in children if child.ended is not None and span_status(child.status) == "error"]
        for some in (failing, children):
            yield from sorted(some, key=_end)[-1:]
        return
    if way == "running":
        leading = [child for child in children if child.status not in TERMINAL_STATUSES]
    else:
        leading = [child for child in children if span_status(child.status) in STOPPED]
    yield from sorted(leading, key=lambda child: child.created)[-1:]


def _end(child: Child) -> tuple[int, int]:
    return child.created if child.ended is None else max(child.created, child.ended), child.created


def _adopt(node: Node, outline: Node) -> None:
    node.children = outline.children
    for child in node.children:
        child.parent = node
