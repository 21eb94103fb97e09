"""The tree of a run, from whole, torn, cyclic and very large sets of records."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runlog.stores.base import ERROR, INFO, WARN, Event, Run
from runlog.stores.tree import build_tree, failure, walk

ROOT = b"R" * 8


def run(status: str = "COMPLETED", **values: Any) -> Run:
    ended = 1000 if status in ("COMPLETED", "FAILED") else None
    return Run("run_1", 1, "sync", status, "default", 0, 0, span_id=ROOT, started=0, ended=ended, **values)


def sid(number: int) -> bytes:
    return number.to_bytes(8, "big")


def span(number: int, parent: bytes | None = ROOT, time: int = 0, **values: Any) -> Event:
    fields: dict[str, Any] = {"kind": "span", "duration": 10, "status": "unset", "level": INFO, "name": f"s{number}"}
    return Event(
        sequence=number, run_id="run_1", trace_id=None, span_id=sid(number), parent_id=parent, time=time,
        message="", attributes={}, **{**fields, **values},
    )  # fmt: skip


def log(number: int, parent: bytes | None = ROOT, time: int = 0, level: int = INFO) -> Event:
    return Event(number, "log", "run_1", None, None, parent, time, None, level, None, "logger", f"l{number}", {})


def drawn(run: Run, *events: Event) -> list[str]:
    return [
        "  " * depth + (str(node.event.message) if node.is_log else node.event.name)
        for depth, node in walk(build_tree(run, events))
    ]


def test_logs_and_spans_are_in_their_places_by_time() -> None:
    events = [log(5, sid(1), 30), span(2, sid(1), 20), span(1, time=10), log(3, sid(2), 25), log(4, time=5)]
    assert drawn(run(), *events) == [
        "sync", "  l4", "  s1", "    s2", "      l3", "    l5",
    ]  # fmt: skip


def test_siblings_of_one_time_are_in_the_order_they_were_made() -> None:
    assert drawn(run(), log(3), span(2), log(1)) == ["sync", "  l1", "  s2", "  l3"]


def test_the_end_of_a_span_replaces_its_start_in_either_order() -> None:
    opened, ended = span(1, kind="open", duration=None), span(1, status="error")
    for events in ((opened, ended), (ended, opened)):
        (node,) = build_tree(run(), events).children
        assert (node.running, node.event.status) == (False, "error")
    (node,) = build_tree(run("EXECUTING"), [opened]).children
    assert node.running


def test_the_last_stored_end_counts() -> None:
    first, second = span(1, status="unfinished", id=7), span(1, status="ok", id=9)
    for events in ((first, second), (second, first)):
        assert build_tree(run(), events).children[0].event.status == "ok"


def test_orphans_are_under_the_root_and_marked() -> None:
    root = build_tree(run(), [span(1, sid(99)), log(2, sid(98)), log(3, None), span(4)])
    assert [(node.event.sequence, node.orphan) for node in root.children] == [
        (1, True),
        (2, True),
        (3, False),
        (4, False),
    ]


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 9)), max_size=8, unique_by=lambda pair: pair[0]))
def test_every_record_is_in_the_tree_once_even_when_spans_go_round_in_circles(pairs: list[tuple[int, int]]) -> None:
    events = [span(number, sid(parent)) for number, parent in pairs]
    names = [node.event.name for _, node in walk(build_tree(run(), events))]
    assert sorted(names) == sorted(["sync", *(f"s{number}" for number, _ in pairs)])


def test_counts_are_of_what_is_below() -> None:
    root = build_tree(
        run(), [span(1), span(2, sid(1)), log(3, sid(2), level=ERROR), log(4, sid(1), level=WARN), log(5)]
    )
    assert (root.spans, root.logs, root.errors, root.warnings) == (2, 3, 1, 1)
    assert (root.children[0].spans, root.children[0].logs) == (1, 2)


def test_a_child_run_can_be_attached() -> None:
    root = build_tree(run(), [span(1), span(2, sid(1))])
    child = build_tree(Run("run_2", 1, "child", "FAILED", "default", 5, 0, ended=9), [log(1, level=ERROR)])
    root.children[0].children[0].attach(child)
    assert [node.event.name for _, node in walk(root)] == ["sync", "s1", "s2", "child", "logger"]
    assert (root.spans, root.logs, root.errors) == (3, 1, 1)


def error(number: int, parent: bytes, time: int, exception: dict[str, Any] | None = None) -> Event:
    return span(number, parent, time, status="error", extra={"exception": exception} if exception else None)


def test_the_failure_is_the_deepest_failing_span_of_the_last_attempt() -> None:
    root = build_tree(
        run("FAILED"),
        [
            error(1, ROOT, 10),
            error(2, sid(1), 10, {"type": "A", "message": "first"}),
            error(3, ROOT, 30),
            span(4, sid(3), 30),
            error(5, sid(3), 35),
            error(6, sid(5), 36, {"type": "A", "message": "second"}),
        ],
    )
    node = failure(root)
    assert node is not None
    assert node.event.name == "s6"
    assert failure(build_tree(run(), [span(1)])) is None


def test_a_failure_that_was_survived_is_not_the_one() -> None:
    survived = error(2, sid(1), 10, {"type": "A", "message": "handled"})
    own = error(1, ROOT, 10, {"type": "B", "message": "later"})
    node = failure(build_tree(run("FAILED"), [own, survived]))
    assert node is not None
    assert node.event.name == "s1"


def test_the_cause_of_a_failure_is_followed() -> None:
    inner = error(2, sid(1), 10, {"type": "A", "message": "cause"})
    own = error(1, ROOT, 10, {"type": "B", "message": "x", "cause": {"type": "A", "message": "cause"}})
    node = failure(build_tree(run("FAILED"), [own, inner]))
    assert node is not None
    assert node.event.name == "s2"


def test_a_hundred_thousand_spans_inside_one_another() -> None:
    events = [span(number, sid(number - 1) if number > 1 else ROOT) for number in range(1, 100_001)]
    root = build_tree(run(), reversed(events))
    assert root.spans == 100_000
    assert max(depth for depth, _ in walk(root)) == 100_000
