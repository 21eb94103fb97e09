"""The modules that hold a project's tasks."""

from __future__ import annotations

import importlib
import runpy
import sys
from pathlib import Path
from types import ModuleType

from runlog.config import Settings
from runlog.errors import ConfigError, RunlogError
from runlog.tasks.registry import registry

MAIN = "__mp_main__"
"""The name under which a program's main module is imported in a child process; multiprocessing's, so that what is
pickled under it is found in both."""
_GUARD = 'if __name__ == "__main__": main()   # for the program itself, not for its child'


_importing_main = False


def check_may_open() -> None:
    """Raise ConfigError while a program is imported by its child process: opened there, it would start itself again."""
    if _importing_main:
        raise ConfigError("runlog.open() was called while a child process imports the program", fix=_GUARD)


def import_main(path: str) -> None:
    """Import the program of the parent in its child process, without what it does `if __name__ == "__main__"`.

    Raises ConfigError.
    """
    global _importing_main
    module, _importing_main = ModuleType(MAIN), True
    try:
        module.__dict__.update(runpy.run_path(path, run_name=MAIN))
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"{path}, where a task with process=True is defined, cannot be imported by its child process",
            f"{type(error).__name__}: {error}",
            _GUARD,
        ) from error
    finally:
        _importing_main = False
    sys.modules["__main__"] = sys.modules[MAIN] = module


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
