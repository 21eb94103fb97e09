"""What a worker does for the queue and the log now and then: heal the log, forget old runs."""

from __future__ import annotations

import math
import time

from anyio import Event, move_on_after, to_thread

from runlog.config import Settings
from runlog.engines.base import Engine
from runlog.errors import RunlogError
from runlog.executor.records import NoLog, RunRecords, heal
from runlog.logger import logger
from runlog.recording import get_recorder
from runlog.stores import open_reader
from runlog.stores.base import Reader

_SECOND = 1_000_000_000
_DAY = 86_400 * _SECOND
_KEPT = _DAY
"""An ended run (ns ago) that the log does not know was never recorded; an older one may have been deleted from it."""
_OVERLAP = 15 * _SECOND
"""A change may be committed this long after the time that it bears: its writer waited for a locked queue."""
_PRUNE_EVERY, _PRUNE_AT_MOST_EVERY = 3600.0, 10.0
_FLUSH = 1.0


class Care:
    """Gives the log the states that it lacks, at once and then every `interval` seconds, and prunes the queue: four
    times in the days of retention, every hour at least."""

    def __init__(
        self,
        engine: Engine,
        records: RunRecords,
        settings: Settings,
        *,
        interval: float = 60.0,
        settled: float = 5.0,
    ) -> None:
        """`settled` is how many seconds a record may take to the log."""
        self._engine, self._records, self._settings = engine, records, settings
        self._interval, self._settled = interval, int(settled * _SECOND)
        self._prune_every = max(_PRUNE_AT_MOST_EVERY, min(_PRUNE_EVERY, settings.retention.days * 86_400 / 4))
        self._said = False

    async def run(self, stop: Event) -> None:
        """Care until `stop`. A queue or log that cannot be read is named once, and tried again."""
        since, pruned, first = self._horizon(), -math.inf, True
        while not stop.is_set():
            until = time.time_ns() - (0 if first else self._settled)
            try:
                if first:
                    await to_thread.run_sync(get_recorder().flush, _FLUSH)  # so that nothing is on its way
                await self._heal(since, until, stop)
                since, first = until - _OVERLAP, False
                if self._settings.retention.days and time.monotonic() - pruned >= self._prune_every:
                    pruned = time.monotonic()
                    await self._engine.prune(self._horizon())
                self._said = False
            except Exception as error:  # noqa: BLE001 - the runs go on without it
                self._say(error)
            with move_on_after(min(self._interval, self._prune_every)):
                await stop.wait()

    def _horizon(self) -> int:
        """What ended before is forgotten (ns)."""
        days = self._settings.retention.days
        return time.time_ns() - int(days * _DAY) if days else 0

    async def _heal(self, since: int, until: int, stop: Event) -> None:
        """Heal what changed from `since` to `until`; give up at `stop`, as there may be a month of it."""
        reader = await to_thread.run_sync(_open_log, self._settings)
        try:
            kept_since = time.time_ns() - _KEPT
            again = self._records.again
            await heal(self._engine, reader, since, again, until=until, kept_since=kept_since, stop=stop)
        finally:
            reader.close()

    def _say(self, error: Exception) -> None:
        if self._said or get_recorder().statistics().degraded is not None:  # that is known, and there is no log to heal
            return
        self._said = True
        reason = str(error) if isinstance(error, RunlogError) else f"{type(error).__name__}: {error}"
        logger.warn("the run log could not be compared with the queue: {reason}", reason=reason)


def _open_log(settings: Settings) -> Reader | NoLog:
    return open_reader(settings) if settings.log_path.exists() else NoLog()
