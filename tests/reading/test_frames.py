"""Whose code a frame is."""

from __future__ import annotations

import contextlib
import sysconfig
from pathlib import Path

import pytest

import runlog
from runlog.reading.frames import with_homes


def _homes(*files: str) -> list[tuple[str, str | None]]:
    frames = [{"file": file, "line": 1, "function": "f", "source": ""} for file in files]
    return [(frame["place"], frame["library"]) for frame in with_homes({"type": "E", "frames": frames})["frames"]]


def test_own_code_is_shown_from_the_project_and_libraries_by_their_package() -> None:
    here = Path.cwd()
    assert _homes(
        f"{here}/tasks.py",
        "/srv/elsewhere/tasks.py",
        f"{here}/.venv/lib/python3.11/site-packages/httpx/_client.py",
        "/usr/lib/python3/dist-packages/six.py",
        "/opt/venv/lib/python3.12/site-packages/runlog_instrumentation_httpx/__init__.py",
        f"{Path(runlog.__file__).parent}/executor/running.py",
    ) == [
        ("tasks.py", None),
        ("/srv/elsewhere/tasks.py", None),
        ("httpx/_client.py", "httpx"),
        ("six.py", "six"),
        ("runlog_instrumentation_httpx/__init__.py", "runlog"),
        (f"{Path(runlog.__file__).parent}/executor/running.py", "runlog"),
    ]


@pytest.mark.parametrize(
    ("file", "place"),
    [
        (contextlib.__file__, "contextlib.py"),
        (f"{sysconfig.get_path('stdlib')}/asyncio/runners.py", "asyncio/runners.py"),
        ("/usr/lib/python3.13/asyncio/runners.py", "asyncio/runners.py"),
        ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap>"),
    ],
)
def test_the_standard_library_is_known_on_this_machine_and_on_others(file: str, place: str) -> None:
    assert _homes(file) == [(place, "python")]


def test_every_exception_of_a_chain_and_a_group_is_marked_and_the_original_is_left_alone() -> None:
    frame = {"file": "/x/site-packages/anyio/a.py", "line": 1, "function": "f", "source": ""}
    one = {"type": "E", "frames": [frame]}
    marked = with_homes({"type": "G", "frames": [], "group": [{**one, "cause": one}, "not one"], "context": one})
    leaf = marked["group"][0]
    assert [node["frames"][0]["library"] for node in (leaf, leaf["cause"], marked["context"])] == ["anyio"] * 3
    assert "library" not in frame
