"""Capture as in a program of its own: without pytest's handlers and hooks, which come anew for each phase of a test."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from runlog import capture
from runlog.system.patch import Patch
from tests.recorded import Recorded, recording

_show = warnings._showwarning_orig  # type: ignore[attr-defined]


def _pristine_print() -> Any:
    """What prints a warning; the module's own is replaced by pytest already."""
    spec = importlib.util.find_spec("warnings")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module._showwarnmsg_impl


_print = _pristine_print()


@contextmanager
def capturing(**arguments: Any) -> Iterator[tuple[Recorded, Patch]]:
    """Record and capture in the block; `arguments` are settings."""
    patch = Patch()
    with _plain_logging(), warnings.catch_warnings(), recording(**arguments) as recorded:
        warnings.simplefilter("always")
        warnings.showwarning = _show
        warnings._showwarnmsg_impl = _print  # type: ignore[attr-defined]
        try:
            capture.install(recorded.settings, patch)
            yield recorded, patch
        finally:
            patch.undo()


@contextmanager
def _plain_logging() -> Iterator[None]:
    root = logging.root
    handlers, level = root.handlers, root.level
    root.handlers = []
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)
        for name, known in list(root.manager.loggerDict.items()):
            if name.startswith("tests.") and isinstance(known, logging.Logger):
                known.handlers.clear()
                known.setLevel(logging.NOTSET)
                known.propagate, known.disabled = True, False
