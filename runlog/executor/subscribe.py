"""Subscriptions: what happens in runs, read from the run log as it is written, by whichever process.

The log is the buffer: a subscription is a place in it (the number of the last event read) and the newest version of
each run that was told, so nothing is told twice or left out, however slow the subscriber is.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Any

import anyio
from anyio import to_thread

from runlog.config import Settings
from runlog.engines.base import Engine
from runlog.errors import RunNotFound, StoreError
from runlog.executor.following import RunFeed, TagFeed
from runlog.recording import get_recorder
from runlog.stores import open_reader
from runlog.stores.base import Reader, Run
from runlog.tasks.submitter import News

_FLUSH = 1.0
"""Seconds that a beginning waits for what this process has just recorded."""
_POLL = 0.1
"""Seconds between two looks at the log."""
_ENGINE_EVERY = 3.0
"""Seconds without news after which the engine is asked whether the run has ended."""
_LATEST = 30.0
"""Seconds that the end of a run may take to the log; after that it is lost."""


class Subscriptions:
    """The part of the submitter that follows runs."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    async def subscribe(self, run_ids: Sequence[str] | None, tags: Sequence[str]) -> AsyncGenerator[News, None]:
        """See Submitter.subscribe. Raises RunNotFound for an id that neither the log nor the queue knows."""
        log = _Log(self._settings)
        try:
            if run_ids is None:
                await to_thread.run_sync(get_recorder().flush, _FLUSH)  # so that it is not taken for news
                found = self._follow_tags(log, TagFeed(tuple(tags), whole=not self._settings.log_path.exists()))
            else:
                await self._check(log, run_ids)
                found = self._follow_runs(log, RunFeed(run_ids))
            async with aclosing(found):
                async for news in found:
                    yield news
        finally:
            log.close()

    async def _follow_tags(self, log: _Log, feed: TagFeed) -> AsyncGenerator[News, None]:
        while True:
            news = await to_thread.run_sync(log.look, feed)
            for item in news:
                yield item
            if not feed.more:
                await anyio.sleep(_POLL)

    async def _follow_runs(self, log: _Log, feed: RunFeed) -> AsyncGenerator[News, None]:
        quiet = time.monotonic()
        while not feed.done:
            news = await to_thread.run_sync(log.look, feed)
            if news:
                quiet = time.monotonic()
            elif time.monotonic() - quiet > _ENGINE_EVERY:
                quiet = time.monotonic()
                news = await self._ended_unseen(feed)
            for item in news:
                yield item
            if not feed.more and not feed.done:
                await anyio.sleep(_POLL)

    async def _ended_unseen(self, feed: RunFeed) -> list[News]:
        """The runs that have ended by the queue's word, of which the log has told nothing for long: it is lost."""
        news = []
        for run_id in feed.waiting:
            with suppress(RunNotFound, StoreError):
                run = await self._engine.get(run_id)
                if run.is_terminal and self._is_lost(run) and feed.give_up(run):
                    news.append(News(run))
        return news

    @staticmethod
    def _is_lost(run: Run) -> bool:
        """Whether the log should have told the end of this run."""
        kept_elsewhere = get_recorder().statistics().degraded is not None
        return kept_elsewhere or time.time_ns() - run.changed > _LATEST * 1e9

    async def _check(self, log: _Log, run_ids: Sequence[str]) -> None:
        for run_id in run_ids:
            try:
                await self._engine.get(run_id)
            except RunNotFound:
                if not await to_thread.run_sync(log.knows, run_id):
                    raise


class _Log:
    """The run log, opened when there is one; what goes wrong with it is tried again at the next look."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reader: Any = None

    def look(self, feed: RunFeed | TagFeed) -> list[News]:
        try:
            return feed.look(self._opened())
        except (StoreError, RunNotFound):  # the file is locked, gone, or another one
            self.close()
            return []

    def knows(self, run_id: str) -> bool:
        get_recorder().flush(_FLUSH)
        try:
            return bool(self._opened().versions([run_id]))
        except StoreError:
            return False

    def _opened(self) -> Reader:
        if self._reader is None:
            self._reader = open_reader(self._settings)
        reader: Reader = self._reader
        return reader

    def close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
