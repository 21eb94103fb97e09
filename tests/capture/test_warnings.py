"""Warnings, taken into the run they belong to."""

from __future__ import annotations

import logging
import warnings

import pytest

from runlog import capture
from runlog.stores.base import WARN
from runlog.system.patch import Patch
from tests.capture.capturing import capturing
from tests.recorded import in_run, recording


class OwnWarning(UserWarning):
    pass


_original = warnings._showwarnmsg_impl  # type: ignore[attr-defined]


def test_a_warning_is_recorded_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with capturing() as (recorded, _):
        with in_run("run_a"):
            warnings.warn("old", DeprecationWarning, stacklevel=1)
            warnings.warn(OwnWarning("mine"), stacklevel=1)
        first, second = recorded.logs("run_a")
        assert (first.message, first.level, first.name) == ("old", WARN, "warnings")
        assert first.attributes["category"] == "DeprecationWarning"
        assert first.attributes["file"] == __file__
        assert isinstance(first.attributes["line"], int)
        assert second.attributes["category"].endswith("test_warnings.OwnWarning")
        shown = capsys.readouterr().err
        assert f"{__file__}:{first.attributes['line']}: DeprecationWarning: old\n" in shown
        assert shown.count("old") == 2  # the warning and its source line: not a second time


def test_outside_a_run_it_is_stored_under_no_run() -> None:
    with capturing() as (recorded, _):
        warnings.warn("outside", stacklevel=1)
        assert recorded.messages() == ["outside"]


def test_warnings_that_are_caught_or_errors_are_left_alone() -> None:
    with capturing() as (recorded, _):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.warn("caught", stacklevel=1)
        assert [str(item.message) for item in caught] == ["caught"]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UserWarning, match="raised"):
                warnings.warn("raised", stacklevel=1)
        assert recorded.messages() == []


def test_with_logging_of_warnings_it_is_still_one_record() -> None:
    with capturing() as (recorded, _):
        for order in ("after", "before"):
            logging.captureWarnings(capture=True)
            try:
                patch = Patch()
                if order == "before":
                    capture.install(recorded.settings, patch)
                warnings.warn(order, stacklevel=1)
                patch.undo()
            finally:
                logging.captureWarnings(capture=False)
        messages = recorded.messages()
        assert len(messages) == 2
        assert "after" in messages[0]
        assert "before" in messages[1]


def test_uninstalling_restores_what_was_there() -> None:
    patch, before = Patch(), warnings.showwarning
    with recording() as recorded:
        capture.install(recorded.settings, patch)
        assert warnings.showwarning is not before
        patch.undo()
        assert warnings.showwarning is before


def test_switched_off_means_untouched() -> None:
    patch, before = Patch(), warnings.showwarning
    with recording(capture={"warnings": False}) as recorded:
        capture.install(recorded.settings, patch)
        assert warnings.showwarning is before
        patch.undo()
