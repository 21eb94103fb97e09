"""The first record of a program that opened nothing: forked meanwhile, and with a config that is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FORKED_MEANWHILE = """
import os, signal, sys, threading, time
from runlog import logger

threading.Thread(target=logger.info, args=("the first record of the process",)).start()
time.sleep(float(sys.argv[1]))
child = os.fork()
if child == 0:
    signal.alarm(20)
    logger.info("of the child")
    os._exit(0)
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.parametrize("delay", ["0.02", "0.08", "0.2"])
def test_a_child_forked_during_the_first_record_can_record(delay: str, project: Path) -> None:
    subprocess.run([sys.executable, "-c", FORKED_MEANWHILE, delay], check=True, timeout=60, cwd=project)


def test_a_typo_elsewhere_leaves_the_projects_scrub_rules_and_its_folder_in_force(project: Path) -> None:
    (project / "runlog.toml").write_text(
        '[scrub]\nkeys = ["passport"]\npatterns = ["cust-[0-9]{8}", "(unfinished"]\n[worker]\nconcurency = 4\n'
    )
    below = project / "sub"
    below.mkdir()
    program = 'from runlog import logger; logger.info("cust-12345678 came", passport="C0FFEE-77")'
    done = subprocess.run([sys.executable, "-c", program], cwd=below, capture_output=True, text=True, check=True)
    assert "concurency" in done.stderr
    assert "C0FFEE-77" not in done.stderr
    assert not (below / ".runlog").exists()
    stored = b"".join(path.read_bytes() for path in (project / ".runlog").rglob("*") if path.is_file())
    assert b"redacted" in stored
    assert b"cust-12345678" not in stored
    assert b"C0FFEE-77" not in stored


def test_a_literal_in_the_text_of_a_database_error_is_not_stored(project: Path) -> None:
    program = """
from sqlalchemy import create_engine, text
from runlog import logger
try:
    with create_engine("sqlite://").connect() as connection:
        connection.execute(text("INSERT INTO nope VALUES ('s3cret-literal', 5)"))
except Exception:
    logger.exception("failed")
"""
    subprocess.run([sys.executable, "-c", program], cwd=project, check=True, capture_output=True)
    stored = b"".join(path.read_bytes() for path in (project / ".runlog").rglob("*") if path.is_file())
    assert b"[redacted:sql]" in stored
    assert b"s3cret-literal" not in stored
