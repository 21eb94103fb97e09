"""Processes under a supervisor: started again when they die, ended with it, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.helpers import wait_until

CHILD = """
import os, signal, sys
open("pids", "a").write(f"{os.getpid()}\\n")
os.read(int(os.environ["RUNLOG_SUPERVISOR"]), 1)
open("ended", "a").write("by the pipe\\n")
"""
STUBBORN = CHILD + "import time; time.sleep(60)"
BROKEN = 'open("pids", "a").write("x\\n"); raise SystemExit(2)'
ONE_BROKEN = f"""
import os, time
try:
    os.mkdir("first")
except FileExistsError:
    while not os.path.exists("pids"): time.sleep(0.01)
    raise SystemExit(2)
{CHILD}
"""
SUPERVISOR = """
import sys
from runlog import supervisor
supervisor._FIRST_DELAY = 0.05
command = [sys.executable, "-c", sys.argv[1]]
say = lambda line: print(line, flush=True)
sys.exit(supervisor.Supervisor(command, 2, patience=float(sys.argv[2]), say=say).run())
"""


@contextmanager
def supervised(child: str, patience: float = 30) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, child, str(patience)], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def pids() -> list[int]:
    return [int(line) for line in Path("pids").read_text().split()] if Path("pids").exists() else []


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ended_by_the_pipe() -> int:
    return Path("ended").read_text().count("by the pipe") if Path("ended").exists() else 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_lets_them_end_and_the_exit_code_says_which(number: signal.Signals, code: int) -> None:
    with supervised(CHILD) as supervisor:
        wait_until(lambda: len(pids()) == 2)
        supervisor.send_signal(number)
        assert supervisor.wait(20) == code
    assert ended_by_the_pipe() == 2
    assert not any(alive(pid) for pid in pids())


def test_one_that_dies_is_started_again_and_its_end_is_said() -> None:
    with supervised(CHILD) as supervisor:
        wait_until(lambda: len(pids()) == 2)
        os.kill(pids()[0], signal.SIGKILL)
        assert supervisor.stdout is not None
        said = supervisor.stdout.readline()
        wait_until(lambda: len(pids()) == 3)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(20) == 0
    assert said == f"process {pids()[0]} was killed by SIGKILL; another one starts in 0.05 s\n"


def test_a_second_signal_ends_them_at_once() -> None:
    with supervised(STUBBORN) as supervisor:
        wait_until(lambda: len(pids()) == 2)
        supervisor.send_signal(signal.SIGTERM)
        wait_until(lambda: ended_by_the_pipe() == 2)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(20) == 128 + signal.SIGTERM
    assert not any(alive(pid) for pid in pids())


def test_what_does_not_end_in_time_is_killed() -> None:
    with supervised(STUBBORN, patience=0.2) as supervisor:
        wait_until(lambda: len(pids()) == 2)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(20) == 0
    assert not any(alive(pid) for pid in pids())


def test_they_end_by_themselves_when_the_supervisor_is_killed() -> None:
    with supervised(CHILD) as supervisor:
        wait_until(lambda: len(pids()) == 2)
        supervisor.kill()
        wait_until(lambda: ended_by_the_pipe() == 2)


def test_what_cannot_start_is_not_started_again_and_again() -> None:
    with supervised(BROKEN) as supervisor:
        assert supervisor.wait(20) == 2
    assert len(Path("pids").read_text().split()) <= 2


def test_where_one_cannot_start_the_others_end_in_peace() -> None:
    with supervised(ONE_BROKEN) as supervisor:
        assert supervisor.wait(20) == 2
    assert ended_by_the_pipe() == 1
