"""Wrong input and a hostile machine, as a user meets them: through the command line and `runlog.open()`.

Whatever is wrong is said in a clear line with what to do, nothing is deleted, and the user's tasks run where they can.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, Answer, environment

TASKS = """
from runlog import logger, task

@task(retry=1)
async def ship(order: int) -> str:
    logger.info("packing {order}", order=order)
    return f"shipped {order}"
"""
PROGRAM = """
import sys, time
import anyio, runlog
from runlog import logger
from tasks import ship

async def main():
    slowest = 0.0
    async with runlog.open():
        for order in range(int(sys.argv[1])):
            start = time.monotonic()
            logger.info("order {order} comes in", order=order)
            slowest = max(slowest, time.monotonic() - start)
            print(await ship.trigger_and_wait(order), flush=True)
    print("slowest log call under a second:", slowest < 1)

anyio.run(main)
"""
PLAIN = """
from runlog import logger
logger.info("hello")
print("went on")
"""


@pytest.fixture(autouse=True)
def _project(project: Path) -> None:
    (project / "runlog.toml").write_text('tasks = ["tasks"]\n')
    (project / "tasks.py").write_text(TASKS)
    (project / "program.py").write_text(PROGRAM)
    (project / "plain.py").write_text(PLAIN)


def run(command: list[str], *, powerless: bool = False) -> Answer:
    """Run a command of a user; `powerless` without root's right to write where the mode forbids it."""
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(), timeout=90,
        preexec_fn=_drop_powers if powerless else None,
    )  # fmt: skip
    return Answer(done.returncode, done.stdout, done.stderr)


def runlog(*arguments: str, powerless: bool = False) -> Answer:
    return run([*COMMAND, *arguments], powerless=powerless)


def python(*arguments: str, powerless: bool = False) -> Answer:
    return run([sys.executable, *arguments], powerless=powerless)


def assert_refused(answer: Answer, *says: str) -> None:
    """One clear error with what to do, exit code 2, no traceback."""
    assert answer.code == 2, answer
    assert answer.err.startswith("error: "), answer.err
    assert answer.err.count("error: ") == 1
    assert "Traceback" not in answer.err
    for text in says:
        assert text in answer.err
    assert answer.out == ""


# --- what a user writes ----------------------------------------------------------------------------------------------


def test_a_config_with_a_typo(project: Path) -> None:
    (project / "runlog.toml").write_text('tasks = ["tasks"]\n[worker]\nconcurency = 3\n')
    for verb in (["runs"], ["worker"], ["trigger", "ship", "1"], ["dev"]):
        assert_refused(runlog(*verb), "runlog.toml", "'worker.concurency'", "did you mean 'concurrency'")
    plain = python("plain.py")
    assert (plain.code, plain.out) == (0, "went on\n"), "a program that only logs goes on"
    assert "did you mean 'concurrency'" in plain.err
    doctor = runlog("doctor")
    assert (doctor.code, "did you mean 'concurrency'" in doctor.out) == (1, True)


def test_a_section_with_a_typo_and_a_value_of_the_wrong_type(project: Path) -> None:
    (project / "runlog.toml").write_text('tasks = "tasks"\n[wroker]\nconcurrency = "many"\n')
    assert_refused(runlog("runs"), "did you mean 'worker'", "tasks = 'tasks'", "list")


def test_a_config_that_is_not_toml(project: Path) -> None:
    (project / "runlog.toml").write_text("tasks = [tasks]\n")
    assert_refused(runlog("runs"), "runlog.toml", "not valid TOML", "line 1")


def test_two_configs(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.runlog]\ntasks = []\n")
    assert_refused(runlog("runs"), "runlog.toml", "pyproject.toml", "delete")


def test_a_module_that_is_missing(project: Path) -> None:
    (project / "runlog.toml").write_text('tasks = ["taskss"]\n')
    for verb in (["worker"], ["trigger", "ship", "1", "--wait"]):
        assert_refused(runlog(*verb), "'taskss'", "runlog.toml", 'tasks = ["tasks"]')
    program = python("-c", "import runlog\nwith runlog.open(): pass")
    assert "ConfigError: there is no module 'taskss'" in program.err
    assert runlog("runs").code == 0, "commands that read import nothing"
    assert "'taskss'" in runlog("doctor").out


def test_a_module_that_imports_something_missing(project: Path) -> None:
    (project / "tasks.py").write_text("import no_such_library\n")
    assert_refused(runlog("worker"), "'tasks'", "No module named 'no_such_library'")


def test_a_task_id_twice(project: Path) -> None:
    (project / "tasks.py").write_text(f'{TASKS}\n@task(id="ship")\nasync def other(order: int) -> None: ...\n')
    for verb in (["worker"], ["trigger", "ship", "1", "--wait"]):
        assert_refused(runlog(*verb), "two tasks have the id 'ship'", "tasks.py:4", "tasks.py:9", "@task(id=")


@pytest.mark.parametrize("payload", ["{order: 1}", "'1'", "", "NaN", "[1,", "1 2"])
def test_a_payload_that_is_not_json(payload: str) -> None:
    assert_refused(runlog("trigger", "ship", payload), "is not JSON", """'{"user_id": 1}'""")
    assert runlog("runs").out == ""


def test_a_payload_that_does_not_fit() -> None:
    assert_refused(runlog("trigger", "ship", '{"order": 1}', "--wait"), "does not fit", "integer")
    assert runlog("runs").out == "", "no run was made"


@pytest.mark.parametrize("verb", ["show", "export", "cancel"])
def test_a_run_id_that_does_not_exist(verb: str) -> None:
    assert_refused(runlog(verb, "run_01k0000000000000000000zzzz"))
    assert runlog("trigger", "ship", "1", "--wait").code == 0
    assert_refused(runlog(verb, "zzzz"), "zzzz", "runlog runs")
    assert_refused(runlog(verb, "run_01k0000000000000000000zzzz"), "zzzz")


# --- files that are not what they should be --------------------------------------------------------------------------


def _foreign(path: Path) -> None:
    import sqlite3

    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE customers (name)")
        connection.execute("INSERT INTO customers VALUES ('Ada')")
    connection.close()


def _garbage(path: Path) -> None:
    path.write_bytes(b"this was a database once" * 1000)


@pytest.mark.parametrize("spoil", [_foreign, _garbage])
@pytest.mark.parametrize("name", ["log.db", "queue.db"])
def test_a_damaged_or_foreign_database_is_moved_aside(project: Path, name: str, spoil: object) -> None:
    path = project / ".runlog" / name
    path.parent.mkdir(mode=0o700)
    spoil(path)  # type: ignore[operator]
    before = path.read_bytes()
    answer = runlog("trigger", "ship", "1", "--wait")
    assert (answer.code, answer.out) == (0, "shipped 1\n")
    said = [line for line in answer.err.splitlines() if "moved to" in line]
    assert len(said) == 1, answer.err
    kept = [found for found in path.parent.glob(f"{name}.damaged-*") if found.suffix not in ("-wal", "-shm")]
    assert [found.read_bytes() for found in kept] == [before], "never deleted, never changed"
    assert kept[0].name in said[0]
    assert [json.loads(line)["status"] for line in runlog("runs", "--json").out.splitlines()] == ["COMPLETED"]
    assert kept[0].name in runlog("doctor").out


def test_reading_moves_nothing_and_says_what_to_do(project: Path) -> None:
    path = project / ".runlog" / "log.db"
    path.parent.mkdir(mode=0o700)
    _garbage(path)
    assert_refused(runlog("runs"), "log.db", "runlog doctor")
    assert [found.name for found in path.parent.glob("log.db*")] == ["log.db"]


# --- a machine that does not play along ------------------------------------------------------------------------------


@contextmanager
def _readonly(folder: Path) -> Iterator[None]:
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(0o755)


def _own_lines(answer: Answer) -> list[str]:
    return [line for line in answer.err.splitlines() if line.startswith(("runlog: ", "error"))]


def _assert_degraded(answer: Answer, out: str) -> None:
    assert (answer.code, answer.out) == (0, out), answer.err
    said, *lost = _own_lines(answer)
    assert "recording to memory" in said
    assert all(re.match(r"runlog: \d+ records? lost: ", line) for line in lost), "and at the end what it cost"
    assert len(lost) <= 1
    assert "Traceback" not in answer.err


needs_modes = pytest.mark.skipif(
    os.getuid() == 0 and not sys.platform.startswith("linux"), reason="root may write everywhere"
)


@needs_modes
def test_in_a_read_only_folder_tasks_run_and_one_line_says_that_records_are_kept_in_memory(project: Path) -> None:
    with _readonly(project):
        _assert_degraded(runlog("trigger", "ship", "1", "--wait", powerless=True), "shipped 1\n")
        expected = "shipped 0\nshipped 1\nslowest log call under a second: True\n"
        _assert_degraded(python("program.py", "2", powerless=True), expected)
        _assert_degraded(python("plain.py", powerless=True), "went on\n")
        queued = runlog("trigger", "ship", "1", powerless=True)
        assert (queued.code, queued.out) == (2, ""), "what cannot be kept for a worker is not promised"
        assert queued.err.count("error: ") == 1
        assert runlog("runs", powerless=True).code == 0
        assert "chmod" in runlog("doctor", powerless=True).out
    assert not (project / ".runlog").exists()


@needs_modes
def test_what_was_recorded_in_a_folder_that_is_read_only_now_can_still_be_read(project: Path) -> None:
    assert runlog("trigger", "ship", "1", "--wait").code == 0
    (project / ".runlog").chmod(0o555)
    try:
        assert "COMPLETED" in runlog("runs", powerless=True).out
        assert "packing 1" in runlog("search", "packing", powerless=True).out
    finally:
        (project / ".runlog").chmod(0o700)


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a disk of its own cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_on_a_full_disk_tasks_run_and_one_line_says_that_records_are_kept_in_memory(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _small_disk(project / "disk") as disk:
        for name in ("runlog.toml", "tasks.py", "program.py", "plain.py"):
            (disk / name).write_bytes((project / name).read_bytes())
        monkeypatch.chdir(disk)
        assert runlog("trigger", "ship", "1", "--wait").out == "shipped 1\n"
        _fill(disk / "fill")
        _assert_degraded(runlog("trigger", "ship", "2", "--wait"), "shipped 2\n")
        _assert_degraded(python("plain.py"), "went on\n")
        assert "left on the disk" in runlog("doctor").out
        (disk / "fill").unlink()
        assert runlog("trigger", "ship", "3", "--wait").out == "shipped 3\n"
        assert len(runlog("runs", "--json").out.splitlines()) == 2, "what was before and after is there"


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def _held_by_another_process(path: Path) -> Iterator[None]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        yield
    finally:
        holder.communicate("\n")


def test_while_another_process_holds_the_store_nobody_waits_and_nothing_is_lost(project: Path) -> None:
    """The program runs its tasks and ends, and the store is held all the time."""
    assert runlog("trigger", "ship", "0", "--wait").code == 0
    with _held_by_another_process(project / ".runlog" / "log.db"):
        program = python("program.py", "20")
        assert program.code == 0, program.err
        *shipped, slowest = program.out.splitlines()
        assert shipped == [f"shipped {order}" for order in range(20)]
        assert slowest.endswith("True")
        assert "Traceback" not in program.err
        assert "COMPLETED" in runlog("runs").out, "readers do not wait either"
    assert len(runlog("runs", "--json", "--limit", "99").out.splitlines()) == 21
    said = [json.loads(line) for line in runlog("search", "comes", "--json").out.splitlines()]
    assert sorted(record["attributes"]["order"] for record in said) == list(range(20)), "each once"


@pytest.mark.slow
def test_a_store_that_is_held_for_half_a_minute(project: Path) -> None:
    """The program outlives the lock: it stores the backlog by itself."""
    import time

    assert runlog("trigger", "ship", "0", "--wait").code == 0
    slow = PROGRAM.replace("print(await", "await anyio.sleep(1); print(await")
    (project / "program.py").write_text(slow)
    program = subprocess.Popen(
        [sys.executable, "program.py", "40"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(),
    )  # fmt: skip
    with _held_by_another_process(project / ".runlog" / "log.db"):
        time.sleep(30)
    out, err = program.communicate(timeout=90)
    assert program.returncode == 0, err
    assert out.splitlines() == [*(f"shipped {order}" for order in range(40)), "slowest log call under a second: True"]
    assert len(runlog("runs", "--json", "--limit", "100").out.splitlines()) == 41


_CAPABILITIES = (1, 2, 3)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
_PR_CAPBSET_DROP = 24
_libc = ctypes.CDLL(None)


def _drop_powers() -> None:
    """In a new process: root is a user like any other after its exec. For others there is nothing to do."""
    if os.getuid() == 0:
        for capability in _CAPABILITIES:
            _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
