"""The run log opened for reading, with what dead processes left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runlog.config import Settings
from runlog.errors import RunlogError
from runlog.reading import opening
from runlog.stores import open_store
from runlog.system.write_lock import WriteLock
from tests.cli.conftest import environment

DIES = "import os, signal\nfrom runlog import logger\nlogger.info('last words')\nos.kill(os.getpid(), signal.SIGKILL)"


def messages(settings: Settings, told: list[str]) -> list[str]:
    with opening.open_log(settings, told.append) as log:
        return [event.message for event in log.events(None)] if log is not None else []


def test_who_asks_is_told_what_is_missing_and_then_has_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.load(project)
    open_store(settings).close()
    subprocess.run([sys.executable, "-c", DIES], env=environment(), timeout=60, check=False)
    monkeypatch.setattr(opening, "_PATIENCE", 0.0)
    told: list[str] = []
    lock = WriteLock(settings.log_path)
    with lock.held():
        assert "last words" not in messages(settings, told)
    lock.close()
    [words] = told
    assert words.endswith("the last records of a process that died wait and are not shown here")
    assert "last words" in messages(settings, told)
    assert told == [words]


def test_an_empty_project_has_no_log(project: Path) -> None:
    settings = Settings.load(project)
    assert not opening.has_log(settings)
    with opening.open_log(settings) as log:
        assert log is None
    with pytest.raises(RunlogError, match="there is no run log"), opening.require_log(settings):
        pass
    assert opening.whole_id(settings, "7f3k2p") == "7f3k2p"
    assert list(project.iterdir()) == []
