"""Readers of the log for the handlers: each used by one thread at a time, bounded in number and in time."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

import anyio
from anyio import to_thread

from runlog.config import Settings
from runlog.errors import CursorError, EventNotFound, QueryError, QueryTimeout, RunNotFound, StoreError
from runlog.reading.opening import has_log
from runlog.stores import open_reader
from runlog.stores.base import Reader
from runlog.system.write_lock import file_identity
from runlog.web.api.types import Problem
from runlog.web.endpoint import Refused

T = TypeVar("T")

CONCURRENT = 4
"""Requests that read at once; the others wait their turn."""
WAITING = 64
"""Requests that wait for it; the others are refused."""
LIVE_CONCURRENT = 2
"""Live streams that read at once, beside the requests."""
SECONDS = 2.0
"""How long one reading may take."""


class Readers:
    """Opens readers as they are needed and keeps them for the next; those of a log that was replaced are closed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._free: list[tuple[Reader, tuple[int, int] | None]] = []
        self._lock = Lock()
        self._requests = anyio.CapacityLimiter(CONCURRENT)
        self._streams = anyio.CapacityLimiter(LIVE_CONCURRENT)
        self._closed = False

    async def run(self, function: Callable[[Reader], T], *, seconds: float | None = None, live: bool = False) -> T:
        """Call a function with a reader, in a thread. Raises Refused; its problem says what the reader's error does."""
        limiter = self._streams if live else self._requests
        if limiter.statistics().tasks_waiting >= WAITING:
            raise Refused(503, Problem("busy", "too many requests read the run log at once", fix="try again"))
        return await to_thread.run_sync(
            self._call, function, SECONDS if seconds is None else seconds, limiter=limiter, abandon_on_cancel=False
        )

    @property
    def log(self) -> tuple[int, int] | None:
        """Which file the log is now; None where there is none."""
        return file_identity(self._settings.log_path)

    def close(self) -> None:
        """Close the readers that nobody uses, and the others as soon as they are given back."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
        for reader, _ in free:
            reader.close()

    def _call(self, function: Callable[[Reader], T], seconds: float) -> T:
        if not has_log(self._settings):
            raise Refused(
                404,
                Problem(
                    "no-log", "nothing is recorded yet", fix="runlog dev   # and trigger a run: runlog trigger TASK"
                ),
            )
        reader, identity = self._borrow()
        usable = False
        try:
            with reader.within(seconds):
                found = function(reader)
            usable = True
        except (QueryError, RunNotFound, EventNotFound, Refused, CursorError, QueryTimeout) as error:
            usable = True
            raise refusal(error) from error
        except StoreError as error:
            raise refusal(error) from error
        else:
            return found
        finally:
            self._give_back(reader, identity, usable=usable)

    def _borrow(self) -> tuple[Reader, tuple[int, int] | None]:
        identity = self.log
        stale: list[Reader] = []
        try:
            with self._lock:
                while self._free:
                    reader, known = self._free.pop()
                    if known == identity:
                        return reader, known
                    stale.append(reader)
        finally:
            for old in stale:
                old.close()
        try:
            return open_reader(self._settings), identity
        except StoreError as error:
            raise refusal(error) from error

    def _give_back(self, reader: Reader, identity: tuple[int, int] | None, *, usable: bool) -> None:
        with self._lock:
            if usable and not self._closed:
                self._free.append((reader, identity))
                return
        reader.close()


def refusal(error: Exception) -> Refused:
    """What a reader's error means to whoever asked."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, QueryError):
        position = in_utf16(error.text, error.position)
        return Refused(400, Problem("bad-query", error.what, error.why or "", error.fix or "", position))
    what, why, fix = getattr(error, "what", str(error)), getattr(error, "why", ""), getattr(error, "fix", "")
    if isinstance(error, RunNotFound | EventNotFound):
        return Refused(404, Problem("not-found", what, why or "", fix or ""))
    if isinstance(error, CursorError):
        return Refused(400, Problem("bad-request", what, why or "", "begin again without it"))
    if isinstance(error, QueryTimeout):
        return Refused(503, Problem("timeout", what, why or "", fix or ""))
    return Refused(503, Problem("store", what, why or "", fix or ""))


def in_utf16(text: str, position: int) -> int:
    """A place in a text as JavaScript counts."""
    return len(text[:position].encode("utf-16-le", "surrogatepass")) // 2


def from_utf16(text: str, position: int) -> int:
    """The place in a text that JavaScript counts so."""
    return len(text.encode("utf-16-le", "surrogatepass")[: position * 2].decode("utf-16-le", "replace"))
