"""A project with a worker in this process, wired by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio

from runlog.engines.local import LocalEngine
from runlog.executor import EngineSubmitter, Executor, RunRecords
from runlog.stores import open_reader
from runlog.stores.base import Event, Run
from runlog.stores.tree import Node, build_tree, walk
from runlog.tasks import Registry, TaskDecorator
from runlog.tasks.submitter import current_submitter
from runlog.tracing.provider import TracerProvider
from tests.recorded import Recorded, recording


class Bench:
    """What a test needs of a project: `task` makes tasks, `worker()` executes them, `show` tells what was recorded."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded, self.settings = recorded, recorded.settings
        self.registry = Registry()
        self.task = TaskDecorator(self.registry)
        self.provider = TracerProvider(recorded.recorder)
        self.changes: list[Run] = []
        self._records = RunRecords(recorded.recorder)
        self.engine = LocalEngine(self.settings.queue_path, self._changed)
        self.submitter = EngineSubmitter(self.engine, self.provider, self.settings)
        self.executor = self.new_executor()

    def _changed(self, run: Run) -> None:
        self.changes.append(run)
        self._records(run)

    def new_executor(self, **options: Any) -> Executor:
        return Executor(self.engine, self.registry, self.provider, self.settings, **options)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[anyio.Event]:
        """Execute runs; at the end, or when the event is set, shut down."""
        stop = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.executor.run, stop)
            try:
                yield stop
            finally:
                stop.set()

    async def until(self, check: Callable[[], object], timeout: float = 20) -> None:
        with anyio.fail_after(timeout):
            while not check():
                await anyio.sleep(0.005)

    async def until_status(self, run_id: str, status: str) -> None:
        await self.until(lambda: status in self.statuses(run_id))

    def statuses(self, run_id: str) -> list[str]:
        """Every state of a run, in order."""
        return [run.status for run in list(self.changes) if run.run_id == run_id]

    def last(self, run_id: str) -> Run:
        """The newest state that the engine told."""
        return [run for run in list(self.changes) if run.run_id == run_id][-1]

    def stored(self, run_id: str) -> tuple[Run, list[Event]]:
        """A run and its events, as the log has them."""
        events = self.recorded.events(run_id)
        reader = open_reader(self.settings)
        try:
            return reader.run(run_id), events
        finally:
            reader.close()

    def tree(self, run_id: str) -> Node:
        run, events = self.stored(run_id)
        return build_tree(run, events)

    def spans(self, run_id: str) -> list[tuple[int, str, str | None]]:
        """(depth, name, status) of each span of a run below its root, as it is drawn."""
        found = [
            (depth, node.event.name, node.event.status) for depth, node in walk(self.tree(run_id)) if not node.is_log
        ]
        return found[1:]

    def logs(self, run_id: str, source: str = "runlog") -> list[str]:
        return [event.message for event in self.stored(run_id)[1] if event.kind == "log" and event.name == source]

    def span(self, run_id: str, name: str) -> Event:
        (event,) = [event for event in self.stored(run_id)[1] if event.kind == "span" and event.name == name]
        return event


@asynccontextmanager
async def open_bench(**arguments: Any) -> AsyncIterator[Bench]:
    """Open a project in the current folder; `arguments` are settings."""
    async with AsyncExitStack() as stack:
        bench = Bench(stack.enter_context(recording(**arguments)))
        token = current_submitter.set(bench.submitter)
        try:
            yield bench
        finally:
            current_submitter.reset(token)
            with anyio.CancelScope(shield=True):
                await bench.engine.close()
