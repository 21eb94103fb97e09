from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from runlog.system.process import ProcessIdentity, ProcessLock

HOLD = """
import sys, time
from pathlib import Path
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
