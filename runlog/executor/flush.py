"""Bringing what the code of a run changes in metadata and tags to the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anyio import Event, Lock, move_on_after
from opentelemetry.context import Context

from runlog.engines.base import Engine, NewRun
from runlog.errors import PayloadError, RunNotFound, StoreError
from runlog.executor.beside import Beside
from runlog.logger import logger
from runlog.tasks.metadata import Changes, Taken, Target
from runlog.tasks.states import MetadataChange
from runlog.tracing.attach import attach

EVERY = 1.0
"""Seconds between two flushes."""


class RunChanges(Changes):
    """The changes of one attempt: brought to the engine each second while there are some, and at the end.

    A flush that fails is a warning in the run; where the engine may take the changes later, they are kept until then.
    """

    def __init__(
        self, run: NewRun, engine: Engine, beside: Beside, call_soon: Callable[[Callable[[], Any]], None]
    ) -> None:
        super().__init__()
        self._run, self._engine, self._beside, self._call_soon = run, engine, beside, call_soon
        self.begun = False
        """There was a change."""
        self.place: Context | None = None
        """OpenTelemetry's context of the attempt, so that what is logged of a flush belongs to the run."""
        self._asked = False
        self._flushing: Lock | None = None
        self._ended: Event | None = None
        self._is_over = False

    def add(self, target: Target, change: MetadataChange | str) -> None:
        super().add(target, change)
        self.begun = True
        if not self._asked:  # two threads may both ask
            self._asked = True
            self._call_soon(self._begin)

    async def end(self) -> None:
        """Bring the last changes; no more are taken to the engine after."""
        self._is_over = True
        if self._ended is not None:
            self._ended.set()
        if self._pending:
            await self.flush()

    def _begin(self) -> None:
        if self._ended is None and not self._is_over:
            self._ended = Event()
            self._beside.start(self._each_second)

    async def _each_second(self) -> None:
        assert self._ended is not None
        if self.place is not None:
            attach(self.place)
        while not self._is_over and self._pending:
            with move_on_after(EVERY):
                await self._ended.wait()
            if not self._is_over:
                await self.flush()
        self._ended, self._asked = None, False
        if self._pending:  # another thread was just adding
            self._asked = True
            self._begin()

    async def flush(self) -> None:
        """One at a time, so that the changes arrive in their order."""
        self._flushing = self._flushing or Lock()
        async with self._flushing:
            taken = self.take()
            while taken:
                target, (changes, tags) = next(iter(taken.items()))
                try:
                    await self._engine.change_metadata(self._id(target), changes, tags)
                except RunNotFound:
                    pass  # the parent was pruned, long after its end
                except PayloadError as error:
                    logger.warn(
                        "metadata of the {target} was not changed: {why}", target=_NAMES[target], why=str(error)
                    )
                except StoreError as error:
                    logger.warn("metadata could not be written down now: {why}", why=str(error))
                    self.put_back(taken)
                    return
                except BaseException:  # cancelled, maybe before it was written: it must not be written twice
                    self._forget(taken, target)
                    raise
                del taken[target]

    def _forget(self, taken: Taken, target: Target) -> None:
        del taken[target]
        self.put_back(taken)

    def _id(self, target: Target) -> str:
        run = self._run
        parent = run.parent_run_id or run.run_id
        return {"self": run.run_id, "parent": parent, "root": run.root_run_id or parent}[target]


_NAMES: dict[Target, str] = {"self": "the run", "parent": "its parent", "root": "the root run"}
