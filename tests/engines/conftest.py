"""The engines that the suite of the port runs against."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from runlog.engines.base import Delivery, Engine, NewRun, OnChange, Work
from runlog.engines.local import LocalEngine
from runlog.stores.base import Run
from runlog.system.ids import new_run_id

SECOND = 1_000_000_000
LEASE = 0.9


def open_local(folder: Path, on_change: OnChange) -> Engine:
    return LocalEngine(folder / "queue.db", on_change, lease=LEASE)


ENGINES: dict[str, Callable[[Path, OnChange], Engine]] = {"local": open_local}
"""Name → how to open an engine on a folder. Two that are opened on one folder share the queue."""


class Changes(list[Run]):
    """What an engine told, in order; filled by the engine's thread."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def __call__(self, run: Run) -> None:
        with self.lock:
            self.append(run)

    def of(self, run_id: str) -> list[str]:
        with self.lock:
            return [run.status for run in self if run.run_id == run_id]


class Opener:
    """Opens engines on one queue."""

    def __init__(self, open_engine: Callable[[Path, OnChange], Engine], folder: Path) -> None:
        self._open, self._folder = open_engine, folder
        self.engines: list[Engine] = []

    def __call__(self) -> tuple[Engine, Changes]:
        changes = Changes()
        engine = self._open(self._folder, changes)
        self.engines.append(engine)
        return engine, changes


@pytest.fixture(params=ENGINES)
async def opener(request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: Any) -> AsyncIterator[Opener]:
    made = Opener(ENGINES[request.param], tmp_path)
    yield made
    for engine in made.engines:
        await engine.close()


@pytest.fixture
async def engine(opener: Opener) -> Engine:
    return opener()[0]


def new_run(task: str = "work", *, delay: float = 0, **changes: Any) -> NewRun:
    now = time.time_ns()
    values: dict[str, Any] = {
        "run_id": new_run_id(),
        "task": task,
        "queue": "default",
        "payload": b'{"n": 1}',
        "available": now + int(delay * SECOND),
        "created": now,
        "trace_id": os.urandom(16),
        "span_id": os.urandom(8),
    }
    return NewRun(**{**values, **changes})


def work_on(*tasks: str, **changes: Any) -> Work:
    return Work(tasks, **changes)


async def claim_one(engine: Engine, task: str = "work") -> Delivery:
    with anyio.fail_after(20):
        (delivery,) = await engine.claim(work_on(task), 1)
    return delivery


async def eventually(check: Callable[[], Awaitable[object]], timeout: float = 20) -> None:
    """Poll until `check` answers yes."""
    with anyio.fail_after(timeout):
        while not await check():
            await anyio.sleep(0.01)


async def nothing_to_claim(engine: Engine, work: Work) -> bool:
    """Whether a claim that was looked at got nothing."""
    taken: list[Delivery] = []

    async def claim() -> None:
        taken.extend(await engine.claim(work, 100))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(claim)
        await anyio.wait_all_tasks_blocked()
        for _ in range(2):
            await engine.changes((0, 0), 1)  # answered after the claim was looked at
        tasks.cancel_scope.cancel()
    return not taken
