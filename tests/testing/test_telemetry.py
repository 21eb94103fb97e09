"""The fixture `telemetry`, as a test of a user's sees it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runlog.errors import InstrumentationError
from runlog.instrumentation import Instrumentation, InstrumentationPatch, Options
from runlog.logger import logger
from runlog.recording import Recorder, get_recorder
from runlog.testing import Telemetry


def test_spans_and_logs_are_read_back_as_a_tree(telemetry: Telemetry) -> None:
    with telemetry.tracer.start_as_current_span("outer"):
        logger.debug("user {name}", name="ann")
        with pytest.raises(ValueError, match="no"), telemetry.tracer.start_as_current_span("inner"):
            raise ValueError("no")
    logger.error("alone")
    assert telemetry.tree() == "outer\n  debug: user ann\n  inner [error]\nerror: alone"
    assert [span.name for span in telemetry.spans] == ["outer", "inner"]
    assert [log.message for log in telemetry.logs] == ["user {name}", "alone"]


def test_a_span_that_is_open_is_told_from_one_that_has_ended(telemetry: Telemetry) -> None:
    with telemetry.tracer.start_as_current_span("outer"):
        assert telemetry.tree() == "outer [open]"
        assert (len(telemetry.open_spans), len(telemetry.spans)) == (1, 0)
    assert (len(telemetry.open_spans), len(telemetry.spans)) == (0, 1)


def test_what_was_cleared_is_not_shown_again(telemetry: Telemetry) -> None:
    assert telemetry.events == []
    logger.info("before")
    telemetry.clear()
    logger.info("after")
    assert telemetry.tree() == "info: after"


def test_the_recorder_is_the_processs(runlog_recorder: Recorder, project: Path) -> None:
    assert get_recorder() is runlog_recorder
    assert runlog_recorder.settings.root != project


def test_each_test_has_a_record_of_its_own(telemetry: Telemetry) -> None:
    assert telemetry.tree() == ""


class Refuses(Instrumentation[Options]):
    name = "refuses"

    def install(self, patch: InstrumentationPatch, options: Options) -> None:
        raise OSError("will not")


def test_an_install_that_fails_is_raised(telemetry: Telemetry) -> None:
    with pytest.raises(InstrumentationError, match="OSError: will not"):
        telemetry.install(Refuses)
    with pytest.raises(InstrumentationError, match="unknown option 'nothing'"):
        telemetry.install(Refuses, nothing=1)


def test_loading_the_plugin_imports_nothing_heavy() -> None:
    heavy = {"opentelemetry.sdk", "pydantic", "apsw", "rich"}
    code = f"import sys, runlog.testing.plugin\nprint(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
