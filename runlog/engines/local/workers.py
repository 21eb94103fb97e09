"""Which workers of this machine live: each holds a lock file beside the queue while it does."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from pathlib import Path

from runlog.system.files import private_directory
from runlog.system.ids import new_run_id
from runlog.system.process import ProcessLock

_NEW = 60.0
"""Seconds that a file without a lock is left alone: its process may be about to take it."""


def new_worker_name() -> str:
    """A name that no other worker ever has, and that tells where it runs."""
    host = "".join(letter if letter.isalnum() or letter in "-." else "-" for letter in socket.gethostname())
    return f"{host[:40]}-{os.getpid()}-{new_run_id()[-8:]}"


def live_workers(queue: Path) -> list[str]:
    """The names of the workers that run on the queue at `queue`, without opening it."""
    return [path.stem for path in _folder(queue).glob("*.lock") if not ProcessLock.is_dead(path)]


def _folder(queue: Path) -> Path:
    return queue.parent / "workers"


class WorkerFiles:
    """The lock files, in a folder of their own."""

    def __init__(self, queue: Path) -> None:
        self._folder = _folder(queue)
        self._own: ProcessLock | None = None

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.lock"

    def hold(self, name: str) -> None:
        """Take the lock of this process's worker, anew if its file was deleted. Raises OSError."""
        path = self._path(name)
        if self._own is None or not path.exists():
            private_directory(self._folder)
            lock = ProcessLock(path)
            if not lock.acquire():
                raise BlockingIOError(f"{path} is locked by another process")
            self._own, before = lock, self._own
            if before is not None:
                before.release()

    def release(self) -> None:
        lock, self._own = self._own, None
        if lock is not None:
            with suppress(OSError):
                lock.path.unlink(missing_ok=True)
            lock.release()

    def leave_to_parent(self) -> None:
        """In a forked child: the lock is the parent's."""
        lock, self._own = self._own, None
        if lock is not None:
            lock.close_in_child()

    def is_dead(self, name: str) -> bool:
        """Say whether the process of that worker is gone."""
        return ProcessLock.is_dead(self._path(name))

    def forget(self, name: str) -> None:
        with suppress(OSError):
            self._path(name).unlink(missing_ok=True)

    def sweep(self, registered: set[str]) -> None:
        """Remove the files of dead workers that left nothing else behind."""
        with suppress(OSError):
            for path in self._folder.glob("*.lock"):
                if path.stem in registered or time.time() - path.stat().st_mtime < _NEW:
                    continue
                if ProcessLock.is_dead(path):
                    path.unlink(missing_ok=True)
