"""Which process holds something, and whether it still lives."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from runlog.system.files import private_file

_PATIENCE = 0.25
"""Seconds for which a lock is tried again that no other live process seems to hold: somebody looks at it just now."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process id with its start time: together they never name two processes of one boot."""

    pid: int
    started: str
    space: str = ""
    """Where the process id means something: a container has process ids of its own."""

    @classmethod
    def current(cls) -> Self:
        pid = os.getpid()
        return cls(pid, _start_time(pid) or "", _pid_space())

    def is_alive(self) -> bool:
        """Say whether that very process still runs (a zombie does not); True where that cannot be seen from here."""
        if self.space and self.space != _pid_space():
            return True
        started = _start_time(self.pid)
        return started is not None and started == self.started


def _pid_space() -> str:
    """Name this process's kernel and process id namespace; empty where there is no such thing."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - no path
    except OSError:
        return ""


def _start_time(pid: int) -> str | None:
    """Return the start time of a running process as an opaque string, or None if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return None if Path("/proc/self").exists() else _start_time_by_ps(pid)
    except OSError:  # it ended while we read
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()  # the name before it may hold spaces
    if fields[0] in (b"Z", b"X") and int(fields[17]) <= 1:  # its other threads may still be ending a system call
        return None
    return fields[19].decode()


def _start_time_by_ps(pid: int) -> str | None:
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    line = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603 (a fixed command)
    state, _, started = line.partition(" ")
    return None if not started or state.startswith("Z") else started.strip()


def peak_memory() -> int:
    """Bytes that this process had in memory at most."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def describe_exit(code: int) -> str:
    """How a process ended, in words: of an exit code that is negative for a signal."""
    if code >= 0:
        return f"ended with exit code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


class ProcessLock:
    """A lock file that a process holds for its life, and that tells others when it is dead.

    The kernel drops the flock when the last process that inherited the descriptor ends. A forked
    child therefore closes its copy (`close_in_child`) and never unlocks it: the lock is one between
    parent and child. Where a child could not do that, the recorded identity decides.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock and write this process's identity; False if a live process holds it."""
        descriptor = private_file(self.path)
        identity = ProcessIdentity.current()
        if not self._lock(descriptor, identity):
            os.close(descriptor)
            return False
        content = json.dumps(asdict(identity)).encode()
        try:
            os.pwrite(descriptor, content.ljust(256), 0)  # one write of one length: never read half
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def _lock(self, descriptor: int, own: ProcessIdentity) -> bool:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = self.holder(self.path)
                if time.monotonic() >= deadline or (holder not in (None, own) and holder.is_alive()):
                    return False
                time.sleep(0.001)
            except OSError:
                return False
            else:
                return True

    def release(self) -> None:
        """Give the lock up. The file stays."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    close_in_child = release  # closing a copy never unlocks the parent's

    @staticmethod
    def holder(path: Path) -> ProcessIdentity | None:
        """Return the identity written in a lock file, or None if there is none."""
        try:
            content = json.loads(path.read_bytes())
            return ProcessIdentity(content["pid"], content["started"], content.get("space", ""))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    @classmethod
    def is_dead(cls, path: Path) -> bool:
        """Say whether no live process holds the lock at `path` (also if the file is missing)."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: who looks is in no other looker's way
        except OSError:
            holder = cls.holder(path)
            return holder is not None and not holder.is_alive()
        else:
            return True
        finally:
            os.close(descriptor)
