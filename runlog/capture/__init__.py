"""What a program says by other ways than the logger, taken into the run it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlog.capture import logging, streams, warnings
from runlog.system.patch import Patch

if TYPE_CHECKING:
    from runlog.config import Settings

__all__ = ["install"]


def install(settings: Settings, patch: Patch) -> None:
    """Start capturing what `[capture]` asks for, until `patch.undo()`.

    Text reaches the terminal first, as it would have without. Installing twice captures once.
    """
    wanted = settings.capture
    if wanted.warnings:
        warnings.install(patch)
    if wanted.logging:
        logging.install(patch)
    for name, is_wanted in (("stdout", wanted.stdout), ("stderr", wanted.stderr)):
        if is_wanted:
            streams.install(patch, name)
