"""Warnings of the `warnings` module."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import Any

from runlog.capture.guard import current_guard
from runlog.logger import write_log
from runlog.recording import get_recorder
from runlog.recording.clean import clean_attributes, clean_text
from runlog.stores.base import WARN
from runlog.system.patch import Patch
from runlog.tracing.scope import current_place

_installed = 0


def install(patch: Patch) -> None:
    """Record each warning that is shown, until `patch.undo()`. Filters and `catch_warnings` work as ever."""
    global _installed
    _installed += 1
    patch.defer(_uninstall)
    if _installed == 1:
        patch.wrap(warnings, "showwarning", _show_warning)


def _uninstall() -> None:
    global _installed
    _installed -= 1


def _show_warning(wrapped: Any, _instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    with suppress(Exception):  # the warning is shown all the same
        _record(*args[:4], **{key: value for key, value in kwargs.items() if key in _PARAMETERS})
    guard = current_guard()
    guard.shown += 1  # it is printed, or logged under captureWarnings(): not a second record
    try:
        return wrapped(*args, **kwargs)
    finally:
        guard.shown -= 1


_PARAMETERS = ("message", "category", "filename", "lineno")


def _record(message: Warning | str, category: type[Warning], filename: str, lineno: int) -> None:
    recorder = get_recorder()
    name = category.__name__ if category.__module__ == "builtins" else f"{category.__module__}.{category.__qualname__}"
    attributes, _ = clean_attributes({"category": name, "file": filename, "line": lineno}, recorder.limits)
    write_log(recorder, WARN, "warnings", clean_text(str(message), recorder.limits), attributes, None, current_place())
