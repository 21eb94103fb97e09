"""What `import runlog` gives, and what it leaves alone."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import runlog

HEAVY = ("opentelemetry.sdk", "typer", "click", "rich", "apsw", "pydantic", "asyncio", "trio", "sqlalchemy", "httpx")


def test_every_public_name_is_there_and_says_what_it_does() -> None:
    for name in runlog.__all__:
        assert getattr(runlog, name).__doc__, f"runlog.{name} has no docstring"
    assert list(runlog.__all__) == sorted(runlog.__all__, key=lambda name: (name[0].islower(), name))
    assert set(runlog.__all__) <= set(dir(runlog))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        runlog.nonsense


def test_importing_runlog_loads_nothing_heavy_and_touches_nothing() -> None:
    program = """
import sys, os, json, threading, logging
before = (sys.stdout, sys.stderr, sys.excepthook, logging.getLogRecordFactory(), list(logging.root.handlers))
import runlog
from runlog import logger
after = (sys.stdout, sys.stderr, sys.excepthook, logging.getLogRecordFactory(), list(logging.root.handlers))
assert before == after
assert threading.active_count() == 1
assert os.listdir() == []
print(json.dumps(sorted(sys.modules)))
"""
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = json.loads(completed.stdout)
    assert [name for name in loaded if name.split(".")[0] in HEAVY or name.startswith("opentelemetry.sdk")] == []


def test_the_logger_is_the_logger_whatever_was_imported_first() -> None:
    program = "import runlog.logger, runlog.tracing; from runlog import logger; print(type(logger).__name__)"
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert completed.stdout.strip() == "Logger"
