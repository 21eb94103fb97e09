"""The project that a command works in, and its run log opened for reading, with what is missing there said."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from runlog.cli.output import note
from runlog.config import Settings
from runlog.errors import ConfigError
from runlog.reading import opening
from runlog.stores.base import Reader

_chosen: list[Path | None] = [None]


def choose(folder: str | None) -> None:
    """Set the folder that `-C` names. Raises ConfigError if there is none."""
    if folder is not None and not Path(folder).is_dir():
        raise ConfigError(f"there is no folder {folder!r}", fix="runlog -C DIR ...   # a folder of the project")
    _chosen[0] = Path(folder) if folder is not None else None


def load_settings(arguments: Mapping[str, Any] | None = None, options: Mapping[str, str] | None = None) -> Settings:
    """The settings of the chosen project; see `Settings.load`. Raises ConfigError."""
    return Settings.load(_chosen[0], arguments, options)


def without_console(settings: Settings) -> Settings:
    """The settings for a command that says what it does itself: the records of runs are not shown."""
    return settings.model_copy(update={"console": settings.console.model_copy(update={"enabled": False})})


def open_log(settings: Settings) -> AbstractContextManager[Reader | None]:
    """`reading.opening.open_log` for a command."""
    return opening.open_log(settings, note)


def require_log(settings: Settings) -> AbstractContextManager[Reader]:
    """`reading.opening.require_log` for a command."""
    return opening.require_log(settings, note)


def whole_id(settings: Settings, run_id: str) -> str:
    """`reading.opening.whole_id` for a command."""
    return opening.whole_id(settings, run_id, note)


def rescue(settings: Settings) -> None:
    """`reading.opening.rescue` for a command."""
    opening.rescue(settings, note)
