"""A new instrumentation is a distribution that works, and that passes the tests it comes with."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from runlog.errors import RunlogError
from runlog.instrumentation.lookup import find
from runlog.instrumentation.scaffold import create_instrumentation, next_steps
from tests.instrumentation.distributions import distribution


def test_it_passes_its_own_tests(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    files = create_instrumentation("My.Lib", folder)
    assert [str(file.relative_to(folder)) for file in files] == [
        "pyproject.toml",
        "README.md",
        "runlog_instrumentation_my_lib/__init__.py",
        "runlog_instrumentation_my_lib/py.typed",
        "tests/test_my_lib.py",
    ]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


def test_its_entry_point_is_found_and_installs(tmp_path: Path, site: Path) -> None:
    create_instrumentation("redis-two", tmp_path / "new")
    project = tomllib.loads((tmp_path / "new" / "pyproject.toml").read_text())["project"]
    assert project["name"] == "runlog-instrumentation-redis-two"
    distribution(site, project["name"], runlog=project["entry-points"]["runlog.instrumentations"])
    (tmp_path / "new" / "runlog_instrumentation_redis_two").rename(site / "runlog_instrumentation_redis_two")
    found = find("Redis_Two")
    assert found.load().__name__ == "RedisTwoInstrumentation"
    assert "pytest" in next_steps("redis-two", tmp_path / "new")[1]


def test_its_files_are_clean(tmp_path: Path) -> None:
    create_instrumentation("my-lib", tmp_path / "new")
    for tool in (["ruff", "check", "--isolated"], ["ruff", "format", "--isolated", "--check"]):
        done = subprocess.run([sys.executable, "-m", *tool], cwd=tmp_path / "new", capture_output=True, check=False)
        assert done.returncode == 0, done.stdout.decode()


def test_by_default_it_is_made_in_a_folder_of_its_name(project: Path) -> None:
    (first, *_) = create_instrumentation("redis")
    assert first == project / "runlog-instrumentation-redis" / "pyproject.toml"


@pytest.mark.parametrize("name", ["", "a b", "../x", "é", "a/b", "a;b"])
def test_a_name_that_cannot_be_one_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(RunlogError, match="cannot be the name"):
        create_instrumentation(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunlogError, match="is not empty"):
        create_instrumentation("redis", tmp_path)
    with pytest.raises(RunlogError, match="is not empty"):
        create_instrumentation("redis", tmp_path / "file")
