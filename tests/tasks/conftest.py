from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from runlog.stores.base import Run
from runlog.tasks import Registry, TaskDecorator
from runlog.tasks.states import TaskDeclaration
from runlog.tasks.submitter import RunRequest, Submitter, current_submitter


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def task(registry: Registry) -> TaskDecorator:
    return TaskDecorator(registry)


class Requests:
    """A submitter that keeps what it is asked for; every run has the result null at once."""

    def __init__(self) -> None:
        self.all: list[RunRequest] = []
        self.verbs: list[str] = []
        self.declared: dict[str, TaskDeclaration] = {}

    @property
    def last(self) -> RunRequest:
        return self.all[-1]

    async def declaration(self, task: str) -> TaskDeclaration | None:
        return self.declared.get(task)

    async def submit(self, requests: Sequence[RunRequest], *, verb: str) -> list[str]:
        self.verbs.append(verb)
        self.all += requests
        return [f"run_{number}" for number in range(len(requests))]

    async def submit_and_wait(self, requests: Sequence[RunRequest], *, verb: str) -> list[Run]:
        ids = await self.submit(requests, verb=verb)
        runs: list[Any] = [Run(run_id, 1, "task", "COMPLETED", "queue", 0, 0, output=b"null") for run_id in ids]
        return runs


@pytest.fixture
def requests() -> Iterator[Requests]:
    made = Requests()
    token = current_submitter.set(cast("Submitter", made))
    yield made
    current_submitter.reset(token)
