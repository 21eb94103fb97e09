"""A project of its own for each test, worker processes on it, and what has to be true of it in the end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

import runlog
from runlog.config import Settings
from runlog.stores import open_reader
from runlog.stores.base import Run
from runlog.tasks import RunHandle, trigger
from runlog.tasks.submitter import get_submitter
from tests.helpers import wait_until

DATABASES = {"local": "sqlite:///.runlog"}
"""The engines that the suite runs against, by the `database` that chooses each."""

LEASE = 1.0
_ROOT = Path(__file__).parents[2]


class Worker:
    """A worker process, in a session of its own."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "runlog.cli", "worker", "--quiet", *arguments],
            start_new_session=True,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(_ROOT), **environment},
        )

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        self.process.kill()
        self.process.wait()

    def ended(self, timeout: float = 60) -> int:
        """Wait for its end; return the exit code."""
        return self.process.wait(timeout)


class Scene:
    """A project, its workers, and what its tasks have noted."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.workers: list[Worker] = []
        shutil.copyfile(Path(__file__).with_name("project.py"), folder / "project.py")
        (folder / "runlog.toml").write_text(
            f'tasks = ["project"]\ndatabase = "{database}"\n\n[worker]\ngrace = 0.3\nlease = {LEASE}\n'
        )

    def start(self, count: int = 1, *arguments: str, **environment: str) -> list[Worker]:
        """Start workers; return when each has registered."""
        started = [Worker(*arguments, **environment) for _ in range(count)]
        self.workers += started
        return started

    async def ready(self, count: int = 1, *arguments: str, **environment: str) -> list[Worker]:
        before = {worker.name for worker in await self.registered()}
        started = self.start(count, *arguments, **environment)
        with anyio.fail_after(60):
            while len({worker.name for worker in await self.registered()} - before) < count:
                await anyio.sleep(0.02)
        return started

    async def registered(self) -> list[Any]:
        return await get_submitter()._engine.workers()  # type: ignore[attr-defined, no-any-return]

    def effects(self, what: str | None = None) -> list[list[str]]:
        """(what, run, attempt, process, number) of each line, or those of one kind."""
        path = self.folder / "effects"
        lines = [line.split(" ") for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if what in (None, line[0])]

    async def noted(self, what: str, count: int = 1) -> None:
        """Wait until so many lines of a kind were noted."""
        with anyio.fail_after(60):
            while len(self.effects(what)) < count:
                await anyio.sleep(0.01)

    async def trigger(self, task: str, *payload: Any, **options: Any) -> RunHandle[Any]:
        return await trigger(task, *payload, **options)

    async def status(self, handle: RunHandle[Any], *statuses: str) -> Run:
        """Wait until the run is in one of these states."""
        with anyio.fail_after(60):
            while (run := await get_submitter().get(handle.id)).status not in statuses:
                await anyio.sleep(0.01)
        return run

    def end(self) -> None:
        for worker in self.workers:
            worker.signal(signal.SIGCONT) if worker.process.poll() is None else None
            worker.kill()

    async def check(self, run_ids: list[str]) -> None:
        """What has to be true when all runs have ended: see each assertion."""
        runs = [await get_submitter().get(run_id) for run_id in run_ids]
        assert all(run.is_terminal for run in runs), "what was acknowledged has ended"
        missing = None
        with anyio.move_on_after(30):
            while (missing := self._differences(runs)) is not None:
                await anyio.sleep(0.1)
        assert missing is None, "the log says what the engine says, and ends with the reason"

    def _differences(self, runs: list[Run]) -> str | None:
        """What the log says otherwise than the engine, until it has caught up."""
        with _log() as log:
            for run in runs:
                told = log.run(run.run_id)
                if (told.status, told.attempt, told.reason) != (run.status, run.attempt, run.reason):
                    return f"{run.run_id}: {told.status} {told.attempt} {told.reason}"
                events = log.events(run.run_id)
                ended = {event.span_id for event in events if event.kind == "span"}
                if any(event.kind == "open" and event.span_id not in ended for event in events):
                    return f"{run.run_id}: a span is open"
                if run.status != "COMPLETED" and run.reason not in [event.message for event in events]:
                    return f"{run.run_id}: its log does not say {run.reason!r}"
        return None


@contextmanager
def _log() -> Iterator[Any]:
    from runlog.cli.project import rescue

    settings = Settings.load()
    rescue(settings)
    reader = open_reader(settings)
    try:
        yield reader
    finally:
        reader.close()


def attempts_of(scene: Scene, what: str) -> Counter[tuple[str, str]]:
    """(run, attempt) → how often it began."""
    return Counter((run, attempt) for _, run, attempt, *_ in scene.effects(what))


@pytest.fixture(params=DATABASES)
async def scene(request: pytest.FixtureRequest, project: Path, anyio_backend: Any) -> AsyncIterator[Scene]:
    made = Scene(project, DATABASES[request.param])
    try:
        async with runlog.open(project, worker=False, arguments={"console": {"enabled": False}}):
            yield made
    finally:
        made.end()


__all__ = ["LEASE", "Scene", "Worker", "attempts_of", "wait_until"]
