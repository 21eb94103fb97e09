"""The pytest plugin: fixtures that record into a project of the test's own. pytest finds it by its entry point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from runlog.recording import Recorder
    from runlog.testing.telemetry import Telemetry


@pytest.fixture
def runlog_recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """The process's recorder for the length of a test, in a folder of its own; it records every level."""
    from runlog.testing.telemetry import recording

    with recording(tmp_path_factory.mktemp("runlog")) as recorder:
        yield recorder


@pytest.fixture
def telemetry(runlog_recorder: Recorder) -> Iterator[Telemetry]:
    """What the test records: `telemetry.spans`, `.logs`, `.tree()`; `.install(...)` for instrumentations."""
    from runlog.testing.telemetry import Telemetry

    with Telemetry(runlog_recorder) as telemetry:
        yield telemetry
