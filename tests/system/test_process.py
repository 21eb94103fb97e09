from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from runlog.system.process import ProcessIdentity, ProcessLock

HOLD = """
import sys, time
from pathlib import Path

import pytest
from runlog.system.process import ProcessLock
lock = ProcessLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
time.sleep(60)
"""


def test_a_lock_is_dead_when_its_process_is(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert ProcessLock.is_dead(path)
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        assert not ProcessLock.is_dead(path)
        assert not ProcessLock(path).acquire()
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert ProcessLock.is_dead(path)


def test_a_lock_that_only_a_forked_child_still_holds_is_dead(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = ProcessLock(path)
    assert lock.acquire()
    path.write_text(
        json.dumps({"pid": os.getpid(), "started": "another time", "space": ProcessIdentity.current().space})
    )
    assert ProcessLock.is_dead(path)
    lock.release()


def test_a_lock_is_looked_at_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, open_file = ProcessLock(tmp_path / "lock"), os.open
    assert lock.acquire()

    def open_to_read(path: Path, flags: int) -> int:
        if flags & (os.O_RDWR | os.O_WRONLY):
            raise OSError(errno.EROFS, "Read-only file system")
        return open_file(path, flags)

    monkeypatch.setattr(os, "open", open_to_read)
    assert not ProcessLock.is_dead(lock.path)
    lock.release()
    assert ProcessLock.is_dead(lock.path)


def test_a_lock_is_taken_although_somebody_looks_at_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with path.open("r+b") as look:
        fcntl.flock(look, fcntl.LOCK_SH)
        assert ProcessLock.is_dead(path)  # two can look at the same time
        end = threading.Timer(0.02, fcntl.flock, (look, fcntl.LOCK_UN))
        end.start()
        lock = ProcessLock(path)
        assert lock.acquire()
        end.join()
    assert not ProcessLock.is_dead(path)
    lock.release()


def test_a_held_lock_from_another_container_is_alive_whatever_its_process_id_is_here(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = ProcessLock(path)
    assert lock.acquire()
    path.write_text(json.dumps({"pid": 2**22 + 1, "started": "1", "space": "another kernel"}))
    assert not ProcessLock.is_dead(path)
    lock.release()
    assert ProcessLock.is_dead(path)
