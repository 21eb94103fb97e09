"""The tree of a run: its attempts, spans and logs in their places, built from the records in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from runlog.stores.base import ERROR, INFO, WARN, Event, Run
from runlog.stores.one_run import ATTEMPT, PROCESS, STOPPED

_SPAN_STATUS = {
    "COMPLETED": "ok",
    "FAILED": "error",
    "TIMED_OUT": "error",
    "CRASHED": "error",
    "CANCELED": "canceled",
    "EXPIRED": "canceled",
}


@dataclass(slots=True, eq=False)
class Node:
    """A run, a span or a log, with what is inside it.

    Children are in the order of (time, sequence). `running` says that a span has not ended. The counts are of what is
    below the node, itself left out; `errors` and `warnings` are those logs, not spans: one failure is one error.
    """

    event: Event
    run: Run | None = None
    """The run whose root this is."""
    children: list[Node] = field(default_factory=list)
    parent: Node | None = field(default=None, repr=False)
    running: bool = False
    orphan: bool = False
    """Its parent is not among the records, so it is under the root."""
    spans: int = 0
    logs: int = 0
    errors: int = 0
    warnings: int = 0

    @property
    def is_log(self) -> bool:
        return self.event.kind == "log"

    @property
    def end(self) -> int:
        """The latest time known of the node itself (ns): a running span's start."""
        return self.event.time + (self.event.duration or 0)

    def attach(self, child: Node) -> None:
        """Put the root of a child run under the span that waits for it; its counts are added all the way up."""
        child.parent = self
        self.children.append(child)
        self.children.sort(key=_order)
        above: Node | None = self
        while above is not None:
            above.spans += child.spans + 1
            above.logs += child.logs
            above.errors += child.errors
            above.warnings += child.warnings
            above = above.parent


def build_tree(run: Run, events: Iterable[Event]) -> Node:
    """Build the tree of a run from its events. The root is the run itself.

    A span's end replaces its start; of several ends the last stored counts. Events whose parent is not there are put
    under the root and marked, and so is a span that is said to be inside itself. Iterative: depth costs no stack.
    """
    root = Node(_root_event(run), run=run, running=not run.is_terminal)
    spans: dict[bytes, Node] = {}
    logs: list[Node] = []
    for event in events:
        if event.kind == "log" or event.span_id is None:
            logs.append(Node(event))
        elif event.span_id != run.span_id:
            _keep_newest(spans, event.span_id, event)
    for node in (*spans.values(), *logs):
        _place(node, root, spans)
    _break_cycles(root, spans)
    for node in _by_depth(root):
        node.children.sort(key=_order)
    _count(root)
    return root


def walk(root: Node) -> Iterator[tuple[int, Node]]:
    """Every node with its depth (the root's is 0), in the order in which a tree is printed."""
    stack = [(0, root)]
    while stack:
        depth, node = stack.pop()
        yield depth, node
        stack.extend((depth + 1, child) for child in reversed(node.children))


def failure(root: Node) -> Node | None:
    """Where it failed: from the last attempt down, the deepest failing span on the way. None if nothing failed.

    On each level the failing span that ended last is followed, unless its failure was survived: where the span above
    has an exception of its own, the way goes on only into what caused it. Nor does the way go to an orphan, whose place
    is not known.
    """
    found: Node | None = None
    node: Node | None = root
    while node is not None:
        node = _failing_child(node)
        found = node or found
    return found


def stopped(root: Node) -> Node | None:
    """Where the run was when it was stopped: the deepest span that was cancelled or left unfinished.

    The way begins in the last attempt, whatever became of it, and on each level goes to the last span that was stopped.
    """
    found: Node | None = None
    for node in _way_down(root, lambda child: not child.running and _was_stopped(child.event)):
        found = node if node.event.status in STOPPED else found
    return found


def running(root: Node) -> Node | None:
    """What the run is doing: the deepest span on the way down through open ones, the last on each level."""
    way = list(_way_down(root, lambda child: child.running))
    return way[-1] if way else None


def _way_down(root: Node, leads: Callable[[Node], bool]) -> Iterator[Node]:
    node: Node | None = root
    while node is not None:
        inside = (child for child in reversed(node.children) if not (child.is_log or child.orphan) and leads(child))
        node = next(inside, None)
        if node is not None:
            yield node


def _was_stopped(event: Event) -> bool:
    """Also an attempt, or its process, that failed because it was stopped."""
    return event.status in STOPPED or (
        event.status == "error" and (event.name == PROCESS or event.name.startswith(ATTEMPT))
    )


def _failing_child(node: Node) -> Node | None:
    spans = [child for child in node.children if not (child.is_log or child.orphan)]
    failing = [child for child in spans if child.event.kind == "span" and child.event.status == "error"]
    if not failing:
        return None
    child = max(failing, key=_ended)
    own, inner = _exception(node), _exception(child)
    if own is None:
        return child
    if inner is None:  # such as a response with status 500, after which the caller raised
        return child if child is max(spans, key=_ended) else None
    causes = {(item.get("type"), item.get("message")) for item in exception_chain(own)}
    return child if (inner.get("type"), inner.get("message")) in causes else None


def _ended(node: Node) -> tuple[int, int, int]:
    return node.end, node.event.time, node.event.sequence


def _exception(node: Node) -> dict[str, Any] | None:
    found = (node.event.extra or {}).get("exception")
    return found if isinstance(found, dict) else None


def exception_chain(exception: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A stored exception, and every one that it was raised from, raised while handling, or groups."""
    stack: list[Any] = [exception]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack.extend((item.get("context"), item.get("cause"), *reversed(item.get("group") or ())))


def _order(node: Node) -> tuple[int, int]:
    return node.event.time, node.event.sequence


def _root_event(run: Run) -> Event:
    start = run.created
    end = run.ended
    status = span_status(run.status)
    return Event(
        sequence=-1,
        kind="open" if end is None else "span",
        run_id=run.run_id,
        trace_id=run.trace_id,
        span_id=run.span_id,
        parent_id=run.parent_span_id,
        time=start,
        duration=None if end is None else max(0, end - start),
        level=ERROR if status == "error" else WARN if status == "canceled" else INFO,
        status=status,
        name=run.task,
        message="",
        attributes={},
    )


def span_status(status: str) -> str:
    """The status of the span that stands for a run."""
    return _SPAN_STATUS.get(status, "unset")


def _keep_newest(spans: dict[bytes, Node], span_id: bytes, event: Event) -> None:
    known = spans.get(span_id)
    if known is None:
        spans[span_id] = Node(event, running=event.kind == "open")
    elif event.kind == "span" and (known.running or event.id >= known.event.id):
        known.event, known.running = event, False


def _place(node: Node, root: Node, spans: dict[bytes, Node]) -> None:
    parent_id = node.event.parent_id
    parent = spans.get(parent_id) if parent_id is not None else None
    if parent is None or parent is node:
        node.orphan = parent is node or (parent_id is not None and parent_id != root.event.span_id)
        parent = root
    node.parent = parent
    parent.children.append(node)


def _break_cycles(root: Node, spans: dict[bytes, Node]) -> None:
    """Spans that are inside one another hang under nothing: put one of each circle under the root."""
    reached = set(map(id, _by_depth(root)))
    for node in spans.values():
        if id(node) in reached:
            continue
        above: set[int] = set()
        while id(node) not in above and node.parent is not None:
            above.add(id(node))
            node = node.parent  # noqa: PLW2901 - up to a member of the circle
        assert node.parent is not None
        node.parent.children.remove(node)
        node.parent, node.orphan = root, True
        root.children.append(node)
        reached.update(map(id, _by_depth(node)))


def _by_depth(root: Node) -> list[Node]:
    """Every node, parents before their children."""
    nodes = [root]
    for node in nodes:  # grows while it is read
        nodes.extend(node.children)
    return nodes


def _count(root: Node) -> None:
    for node in reversed(_by_depth(root)):
        above = node.parent
        if above is None or node is root:
            continue
        log = node.is_log
        above.spans += node.spans + (not log)
        above.logs += node.logs + log
        above.errors += node.errors + (log and node.event.level >= ERROR)
        above.warnings += node.warnings + (log and WARN <= node.event.level < ERROR)
