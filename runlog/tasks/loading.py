"""The modules that hold a project's tasks."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from runlog.config import Settings
from runlog.errors import ConfigError, RunlogError
from runlog.tasks.registry import registry


def import_tasks(settings: Settings) -> None:
    """Import the modules that `settings.tasks` names, with the project's folder on the path.

    Raises ConfigError that says which one cannot be imported and why, and TaskError for an id that two tasks claim.
    """
    root = str(settings.root)
    if root not in sys.path:
        sys.path.insert(0, root)
    for name in settings.tasks:
        try:
            importlib.import_module(name)
        except RunlogError:
            raise
        except ModuleNotFoundError as error:
            if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
                raise _import_error(name, settings, error) from error
            raise ConfigError(
                f"there is no module {name!r}, which {settings.source or 'the settings'} lists in tasks",
                f"it is looked up in {root} and on Python's path",
                'tasks = ["tasks"]   # a module, as in `import tasks`',
            ) from None
        except (Exception, SystemExit) as error:  # a script that ends itself is no module to import
            raise _import_error(name, settings, error) from error
    registry.check()


def _import_error(name: str, settings: Settings, error: BaseException) -> ConfigError:
    return ConfigError(
        f"the module {name!r}, which {settings.source or 'the settings'} lists in tasks, cannot be imported",
        f"{type(error).__name__}: {error}",
        f"cd {settings.root} && {Path(sys.executable).name} -c 'import {name}'   # shows where",
    )
