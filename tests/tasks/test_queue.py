"""Queues: whose they are, and what is declared."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from runlog.errors import TaskError
from runlog.tasks import Queue, Registry, TaskDecorator
from runlog.tasks.registry import registry as of_the_process


def test_a_task_has_a_queue_of_its_own_unless_it_names_one(task: TaskDecorator, registry: Registry) -> None:
    shared = Queue("mail", concurrency=5)

    @task
    async def own() -> None: ...

    @task(queue=Queue(concurrency=1))
    async def own_limited() -> None: ...

    @task(queue=shared)
    async def sharing() -> None: ...

    @task(queue="other")
    async def by_name() -> None: ...

    names = [made.queue_name for made in (own, own_limited, sharing, by_name)]
    assert names == ["own", "own-limited", "mail", "other"]
    assert sharing.info.queue == "mail"
    assert registry.limits() == {"own": None, "own-limited": 1, "mail": 5}


def test_one_declaration_without_a_name_is_a_queue_for_each_task(task: TaskDecorator, registry: Registry) -> None:
    single = Queue(concurrency=1)

    @task(queue=single)
    async def first() -> None: ...

    @task(queue=single)
    async def second() -> None: ...

    assert registry.limits() == {"first": 1, "second": 1}
    assert single.name is None


def test_two_limits_of_one_queue_are_an_error_that_names_both_places(task: TaskDecorator) -> None:
    @task(queue=Queue("mail", concurrency=5))
    async def first() -> None: ...

    @task(queue=Queue("mail", concurrency=5))
    async def same() -> None: ...

    with pytest.raises(TaskError) as error:

        @task(queue=Queue("mail", concurrency=6))
        async def second() -> None: ...

    text = str(error.value)
    assert "two limits" in text
    assert text.count(f"{__file__}:") == 2
    assert "5 (" in text
    assert "6 (" in text


def test_an_explicit_declaration_counts_before_that_of_a_task(task: TaskDecorator, registry: Registry) -> None:
    @task(id="mail")
    async def mail() -> None: ...

    @task(queue=Queue("mail", concurrency=2))
    async def other() -> None: ...

    assert registry.limits() == {"mail": 2}


@pytest.mark.parametrize(
    "make",
    [
        lambda: Queue("mail", concurrency=0),
        lambda: Queue("mail", concurrency=-1),
        lambda: Queue("mail", concurrency=True),
        lambda: Queue("mail", concurrency=1.5),  # type: ignore[arg-type]
        lambda: Queue(""),
        lambda: Queue("two words"),
        lambda: Queue("x" * 129),
        lambda: Queue(5),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_queue(make: Any) -> None:
    with pytest.raises(TaskError):
        make()


def test_a_queue_at_the_top_of_a_module_is_declared_and_may_be_imported_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "queues_of_a_test.py").write_text(
        'from runlog import Queue\nletters = Queue("letters-of-a-test", concurrency=3)\n'
    )
    monkeypatch.syspath_prepend(project)
    module = importlib.import_module("queues_of_a_test")
    assert of_the_process.limits()["letters-of-a-test"] == 3
    assert module.letters == Queue("letters-of-a-test", concurrency=3)
    del sys.modules["queues_of_a_test"]
    (project / "queues_of_a_test.py").write_text(
        '# changed\nfrom runlog import Queue\nletters = Queue("letters-of-a-test", concurrency=3)\n'
    )
    importlib.invalidate_caches()
    importlib.import_module("queues_of_a_test")
    del sys.modules["queues_of_a_test"]
    assert of_the_process.limits()["letters-of-a-test"] == 3
