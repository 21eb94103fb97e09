"""What becomes of the runs of a queue whose file was deleted or replaced while it was open."""

# ruff: noqa: S608 - the statements are put together from this package's own constants; values are bound

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import msgspec

from runlog.engines.local.queue import Queue
from runlog.engines.local.reading import statuses
from runlog.engines.local.rows import SELECT_RUN, whole_run
from runlog.engines.local.workers import WorkerFiles
from runlog.engines.reasons import words
from runlog.stores.base import TERMINAL_STATUSES, Run

_MOST = 20_000
"""Runs that are given an end, at most."""
_ENDED = ", ".join(f"'{status}'" for status in sorted(TERMINAL_STATUSES))
_CAUSE = {"code": "queue_deleted"}
REASON = words(_CAUSE, 0)


@dataclass(frozen=True, slots=True)
class LostQueue:
    """A queue was deleted, or replaced by another one, while it was in use."""

    path: Path
    runs: list[Run]
    """Those that this process gives their end: its own, and those that no living worker has. CRASHED."""
    count: int = 0
    """Runs of all workers that had not ended; more than 20,000 are counted only."""


@dataclass(slots=True)
class Left:
    """What was read of the deleted file, to be compared with the new one."""

    own: list[Run] = field(default_factory=list)
    run_ids: list[str] = field(default_factory=list)
    count: int = 0

    def lost(self, path: Path, queue: Queue, now: int) -> LostQueue:
        """What the queue that is there now does not know."""
        known = set()
        with suppress(apsw.Error):  # it will be seen when it is used
            known = set(statuses(queue, self.run_ids))
        runs = [_crashed(run, now) for run in self.own if run.run_id not in known]
        return LostQueue(path, runs, self.count - len(known))


def read_left(connection: apsw.Connection, worker: str, files: WorkerFiles) -> Left:
    """Read the runs that have not ended from a file that is there no more. Raises what SQLite raises."""
    names = [name for (name,) in connection.execute("SELECT name FROM worker ORDER BY name")]
    living = [name for name in names if name == worker or not files.is_dead(name)]
    others = json.dumps([name for name in living if name != worker])
    tells = not living or living[0] == worker  # one of them gives the runs that nobody has their end
    where = "IN (SELECT value FROM json_each(?))"
    whose = f"s.worker IS NULL OR s.worker NOT {where}" if tells else f"s.worker = '{worker}' AND s.worker NOT {where}"
    query = f"{SELECT_RUN} WHERE s.status NOT IN ({_ENDED}) AND ({whose}) ORDER BY s.worker IS NULL, s.id LIMIT {_MOST}"
    own = [whole_run(row) for row in connection.execute(query, (others,))]
    ids = f"SELECT r.run_id FROM state s JOIN run r ON r.id = s.id WHERE s.status NOT IN ({_ENDED})"
    run_ids = [run_id for (run_id,) in connection.execute(f"{ids} LIMIT {_MOST}")]
    count = connection.execute(f"SELECT count(*) FROM state WHERE status NOT IN ({_ENDED})").get
    return Left(own, list({*run_ids, *(run.run_id for run in own)}), int(count))


def _crashed(run: Run, now: int) -> Run:
    return msgspec.structs.replace(
        run, version=run.version + 1, status="CRASHED", changed=now, ended=now, reason=REASON, cause=_CAUSE,
        error={"type": "Crashed", "message": REASON}, payload=None, metadata=None, options=None,
    )  # fmt: skip


OnLost = Callable[[LostQueue], None] | None
"""Told in the engine's thread; must not wait for anything."""
