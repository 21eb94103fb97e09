"""The writer's store: opened when needed, opened again when it fails, kept in shape."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from runlog.errors import StoreError
from runlog.recording.notice import Notices
from runlog.stores.base import Batch, Store
from runlog.system.files import private_directory, private_file

if TYPE_CHECKING:
    from runlog.config import Settings

FIRST_RETRY, LONGEST_RETRY = 0.05, 1.0  # seconds
_REOPEN_AFTER = 3  # failures in a row
_SAY_AFTER = 1.0  # seconds of failing
_MAINTAIN_AFTER = 1.0  # seconds without anything to write
_PRUNE_EVERY, _SOONER = 60.0, 5.0
_TOO_LARGE = 1.1
"""How much over its largest size a log may be before it is pruned sooner."""
_FIRST_PRUNE = 5.0  # seconds after the start: short commands have no time for it
_PRUNE_SLICE = 0.05  # seconds of pruning, give or take a step, before records are stored again
_PRUNE_STAMP = "pruned"
_DAY_NS = 86_400 * 10**9
_MIB = 1 << 20
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class StoreKeeper:
    """Owned and called by the writer thread; `error` may be read from any."""

    def __init__(self, settings: Settings, notices: Notices) -> None:
        import runlog.stores.sqlite  # noqa: F401  # the writer thread must import nothing: see Writer.start
        from runlog.stores import open_store

        self._open_store = open_store
        self.settings, self._notices = settings, notices
        self._store: Store | None = None
        self.error: str | None = None
        """Why the store cannot be written at present."""
        self.is_forbidden = False
        """This process may not write there: nobody at the end of a program need wait for that to change."""
        self.retry_at = 0.0
        self._delay = FIRST_RETRY
        self._failures = 0
        self._failing_since = 0.0
        self._touched = 0.0
        self._unmaintained = False
        self._prune_at = time.monotonic() + _FIRST_PRUNE
        self._pruning: Generator[None, None, object] | None = None
        self._moved: Path | None = None

    @property
    def ready(self) -> bool:
        """Whether it is time to try."""
        return self.error is None or time.monotonic() >= self.retry_at

    def store(self) -> Store:
        """Return the open store. Raises StoreError."""
        if self._store is None:
            try:
                store = self._open_store(self.settings)
            except StoreError:
                raise
            except Exception as error:
                raise StoreError("cannot open the run log", f"{type(error).__name__}: {error}") from error
            self._store = store
        self._say_moved(self._store)
        return self._store

    def _say_moved(self, store: Store) -> None:
        """Damage may show at the opening, or late, in the middle of a write."""
        moved: Path | None = getattr(store, "moved_aside", None)
        if moved is not None and moved != self._moved:
            self._moved = moved
            self._notices.say(
                f"moved {moved}", f"the run log was damaged: it was moved to {moved}, and a new one was started"
            )

    def write(self, batch: Batch) -> None:
        """Store a batch. Raises StoreError when nothing of it is stored, and whatever else the store does."""
        store = self.store()
        try:
            store.write(batch)
        finally:
            self._say_moved(store)
        self.succeeded()
        self._touched, self._unmaintained = time.monotonic(), True

    def succeeded(self) -> None:
        self._failures, self._delay, self.is_forbidden = 0, FIRST_RETRY, False
        if self.error is not None:
            self.error = None
            if self._notices.forget("store"):
                self._notices.say("store back", "the run log can be written again; nothing that was kept is missing")

    def failed(self, error: Exception) -> None:
        """Note a failure and when to try again."""
        now = time.monotonic()
        if self.error is None:
            self._failing_since = now
        words = (error.what, error.why) if isinstance(error, StoreError) else (str(error) or type(error).__name__,)
        self.error = ": ".join(" ".join(text.split("\n")) for text in words if text)
        self.is_forbidden = isinstance(cause := error.__cause__, OSError) and cause.errno in _FORBIDDEN
        self.retry_at = now + self._delay
        self._delay = min(LONGEST_RETRY, self._delay * 2)
        self._failures += 1
        if self._failures % _REOPEN_AFTER == 0:
            self.close()
        if now - self._failing_since >= _SAY_AFTER and not self._notices.has_said("memory"):
            self._notices.say("store", f"{self.error}; records wait in the spool")

    def idle(self) -> None:
        """There is nothing to write: tidy up, if it is time."""
        now = time.monotonic()
        if self._store is None or self.error is not None or now - self._touched < _MAINTAIN_AFTER:
            return
        with suppress(Exception):  # the next write says what is wrong
            if self._unmaintained:
                self._unmaintained = False
                self._store.maintain()

    def care(self) -> None:
        """Begin to prune, if it is time; called about once a second, however busy the writer is."""
        now = time.monotonic()
        if self._store is None or self.error is not None:
            return
        is_too_large = now >= self._prune_at - _PRUNE_EVERY + _SOONER and self._is_too_large()
        if now < self._prune_at and not is_too_large:
            return
        self._prune_at = now + _PRUNE_EVERY
        try:
            self._begin_to_prune(self._store, _SOONER if is_too_large else _PRUNE_EVERY)
        except Exception as error:  # noqa: BLE001  # the road must stay open
            self._say_unpruned(error)

    def _is_too_large(self) -> bool:
        most = self.settings.retention.max_size * _MIB
        try:
            return 0 < most * _TOO_LARGE < self.settings.log_path.stat().st_size
        except OSError:
            return False

    def _begin_to_prune(self, store: Store, every: float) -> None:
        retention = self.settings.retention
        if self._pruning or not (retention.days or retention.max_size) or not self._claim_prune(every):
            return
        older_than = time.time_ns() - int(retention.days * _DAY_NS) if retention.days else None
        max_size = int(retention.max_size * _MIB) if retention.max_size else None
        self._pruning = store.prune_steps(older_than=older_than, max_size=max_size)

    def prune(self) -> None:
        """Go on pruning for a moment, if that has begun."""
        steps = self._pruning
        if steps is None or self.error is not None:
            return
        until = time.monotonic() + _PRUNE_SLICE
        try:
            next(steps)
            while time.monotonic() < until:
                next(steps)
        except StopIteration:
            self._pruning, self._unmaintained = None, True
        except Exception as error:  # noqa: BLE001  # records are stored all the same
            self._pruning = None
            self._say_unpruned(error)

    def _say_unpruned(self, error: Exception) -> None:
        words = (error.what, error.why) if isinstance(error, StoreError) else (type(error).__name__, str(error))
        self._notices.say("prune", f"old runs were not deleted: {': '.join(text for text in words if text)}")

    def _claim_prune(self, every: float) -> bool:
        """Once in so many seconds for the whole project, however many processes there are and however short-lived."""
        stamp = private_directory(self.settings.spool_path) / _PRUNE_STAMP
        with suppress(FileNotFoundError):
            if abs(time.time() - stamp.stat().st_mtime) < every:
                return False
        os.close(private_file(stamp))
        os.utime(stamp)
        return True

    def close(self) -> None:
        store, self._store = self._store, None
        pruning, self._pruning = self._pruning, None
        if pruning is not None:
            pruning.close()
        if store is not None:
            with suppress(Exception):
                store.close()
