"""Fixtures for the whole suite."""

from __future__ import annotations

import compileall
import signal
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# Nothing is timed: a machine may be busy.
hypothesis.settings.register_profile("runlog", deadline=None)
hypothesis.settings.load_profile("runlog")

# A shell that runs the suite in the background has SIGINT ignored, which the programs that tests start would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

BACKENDS = [
    pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
    pytest.param(("trio", {}), id="trio"),
]
try:
    import uvloop  # noqa: F401
except ImportError:
    pass
else:
    BACKENDS.append(pytest.param(("asyncio", {"use_uvloop": True}), id="asyncio+uvloop"))


UVLOOP = "asyncio+uvloop"
ON_UVLOOP = (
    "tests/tracing/",
    "tests/executor/test_attempts",
    "tests/executor/test_waits",
    "tests/engines/test_port.py",
)
"""Where uvloop is tried in the short suite too: what talks to an event loop from threads, or wakes its tasks."""


def pytest_configure(config: pytest.Config) -> None:
    """The many processes that tests start need not compile the package, also where PYTHONDONTWRITEBYTECODE is set."""
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(Path(__file__).parents[1] / "runlog", quiet=2)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Elsewhere uvloop, which is asyncio with another loop, is for the long run."""
    for item in items:
        if UVLOOP in item.name and not any(part in item.nodeid for part in ON_UVLOOP):
            item.add_marker("slow")


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test stands in an empty project folder of its own."""
    for name in ("RUNLOG_LOG_LEVEL", "RUNLOG_DATABASE", "RUNLOG_STORE", "OTEL_SERVICE_NAME", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path
