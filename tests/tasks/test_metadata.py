"""Metadata and tags: what each call does, here and in what the engine is told."""

from __future__ import annotations

import math
import threading
from typing import Any

import anyio
import pytest

from runlog.errors import PayloadError, TaskError
from runlog.tasks import Metadata, Tags, TaskDecorator, current_run
from runlog.tasks.context import Context, TaskInfo
from runlog.tasks.metadata import Changes, apply
from runlog.tasks.states import MetadataChange


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ({}, ("set", "a", 1), {"a": 1}),
        ({"a": 1}, ("set", "a", [2]), {"a": [2]}),
        ({}, ("set", "a.b", 1), {"a.b": 1}),
        ({"a": 1}, ("delete", "a", None), {}),
        ({}, ("delete", "a", None), {}),
        ({}, ("append", "a", 1), {"a": [1]}),
        ({"a": [1]}, ("append", "a", 1), {"a": [1, 1]}),
        ({"a": "x"}, ("append", "a", 1), {"a": ["x", 1]}),
        ({"a": [1, 2, 1]}, ("remove", "a", 1), {"a": [2]}),
        ({"a": 1}, ("remove", "a", 1), {"a": 1}),
        ({}, ("remove", "a", 1), {}),
        ({}, ("increment", "a", 2), {"a": 2}),
        ({"a": 1}, ("increment", "a", 0.5), {"a": 1.5}),
        ({"a": "x"}, ("increment", "a", 1), {"a": "x"}),
        ({"a": True}, ("increment", "a", 1), {"a": True}),
        ({"a": 1e308}, ("increment", "a", 1e308), {"a": 1e308}),
        ({"a": 0.5}, ("increment", "a", 10**400), {"a": 0.5}),
        ({"a": 2**64}, ("increment", "a", 1), {"a": 2**64 + 1}),
    ],
)
def test_what_a_change_does(before: dict[str, Any], change: tuple[Any, str, Any], after: dict[str, Any]) -> None:
    apply(before, MetadataChange(*change))
    assert before == after


def test_what_is_changed_is_seen_at_once_and_told_in_order() -> None:
    changes = Changes()
    metadata = Metadata({"step": 1}, changes, parent_id="run_parent", root_id="run_root")
    metadata.set("name", "x")
    metadata.increment("step")
    metadata.decrement("step", by=5)
    metadata.append("seen", {"n": 1})
    metadata.parent.increment("children")
    metadata.root.set("last", "x")
    metadata.delete("name")
    assert metadata.all() == {"step": -3, "seen": [{"n": 1}]}
    assert (metadata.get("name"), metadata.get("name", "none")) == (None, "none")

    taken = changes.take()
    own, tags = taken["self"]
    assert [(change.operation, change.key) for change in own] == [
        ("set", "name"),
        ("increment", "step"),
        ("increment", "step"),
        ("append", "seen"),
        ("delete", "name"),
    ]
    assert tags == ()
    assert taken["parent"] == ((MetadataChange("increment", "children", 1),), ())
    assert taken["root"] == ((MetadataChange("set", "last", "x"),), ())
    assert changes.take() == {}

    metadata.set("later", 1)
    changes.put_back(taken)
    assert [change.key for change in changes.take()["self"][0]] == ["name", "step", "step", "seen", "name", "later"]


def test_without_a_parent_its_changes_are_the_runs_own() -> None:
    changes = Changes()
    metadata = Metadata({}, changes)
    metadata.parent.set("a", 1)
    metadata.root.set("b", 2)
    assert metadata.all() == {"a": 1, "b": 2}
    assert set(changes.take()) == {"self"}


def test_changes_of_one_run_that_is_parent_and_root_stay_in_order() -> None:
    changes = Changes()
    metadata = Metadata({}, changes, parent_id="run_a", root_id="run_a")
    metadata.root.set("a", 1)
    metadata.parent.set("a", 2)
    assert [change.value for change in changes.take()["parent"][0]] == [1, 2]


def test_what_get_returns_is_a_copy() -> None:
    metadata = Metadata({"list": [1]})
    metadata.get("list").append(2)
    metadata.all()["list"].append(2)
    assert metadata.get("list") == [1]


def test_what_cannot_be_kept_is_refused_and_changes_nothing() -> None:
    changes = Changes()
    metadata = Metadata({"text": "x", "big": "y" * 200_000}, changes)
    with pytest.raises(PayloadError, match="256,000"):
        metadata.set("more", "z" * 100_000)
    with pytest.raises(PayloadError, match="no JSON form"):
        metadata.set("odd", object())
    with pytest.raises(PayloadError, match="no JSON form"):
        metadata.set("odd", "\ud800")
    with pytest.raises(TaskError, match="no finite number"):
        metadata.increment("text")
    for wrong in ("1", math.nan, math.inf, 10**400):
        with pytest.raises(TaskError, match="no finite number"):
            metadata.parent.increment("n", by=wrong)  # type: ignore[arg-type]
    for key in ("", "\ud800"):
        with pytest.raises(TaskError, match="no key"):
            metadata.set(key, 1)
    metadata.set("big", "z" * 250_000)  # in the place of what was there
    assert set(metadata.all()) == {"text", "big"}
    assert len(changes.take()["self"][0]) == 1


def test_threads_may_change_it_together() -> None:
    changes = Changes()
    metadata = Metadata({}, changes)

    def count() -> None:
        for _ in range(500):
            metadata.increment("n")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert metadata.get("n") == 2000
    assert len(changes.take()["self"][0]) == 2000


def test_tags_are_added_once_and_within_their_limits() -> None:
    changes = Changes()
    tags = Tags(["a"], changes)
    tags.add("b")
    tags.add("a", "b", "c")
    assert list(tags) == ["a", "b", "c"]
    assert ("b" in tags, "z" in tags, len(tags)) == (True, False, 3)
    assert changes.take() == {"self": ((), ("b", "c"))}
    with pytest.raises(TaskError, match="10 at most"):
        tags.add(*(f"t{n}" for n in range(8)))
    with pytest.raises(TaskError, match="129 characters"):
        tags.add("x" * 129)
    assert list(tags) == ["a", "b", "c"]
    assert changes.take() == {}


def test_a_context_made_by_hand_keeps_everything_in_memory(task: TaskDecorator) -> None:
    @task(tags=["own"])
    def work(ctx: Context) -> dict[str, Any]:
        ctx.metadata.set("step", 1)
        ctx.metadata.parent.increment("step")
        ctx.tags.add("more")
        ctx.checkpoint()
        assert (ctx.deadline, ctx.resources, current_run(None)) == (None, {}, None)
        return {**ctx.metadata.all(), "tags": list(ctx.tags), "queue": ctx.queue.name}

    assert work() == {"step": 2, "tags": ["own", "more"], "queue": "work"}
    context = Context(TaskInfo("work"), metadata=Metadata({"step": 5}))
    assert work(context) == {"step": 2, "tags": ["more"], "queue": ""}
    assert context.metadata.get("step") == 2
    anyio.run(context.metadata.flush)
