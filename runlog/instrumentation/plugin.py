"""Installing an `Instrumentation`: its targets checked, its options read."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

from runlog.instrumentation.contract import Instrumentation, Target
from runlog.instrumentation.lookup import UnusableError
from runlog.instrumentation.patch import InstrumentationPatch
from runlog.instrumentation.versions import satisfies


class Installable(Protocol):
    """One instrumentation that was loaded, of whatever kind."""

    covers: frozenset[str]
    notes: list[str]

    @property
    def options(self) -> dict[str, Any]:
        """The options that were read, as plain data."""
        ...

    def check(self) -> list[str]:
        """Return what it instruments, with versions. Raises UnusableError if that is missing or does not fit."""
        ...

    def read_options(self, options: Mapping[str, Any]) -> None:
        """Take the options of the config. Raises UnusableError."""
        ...

    def install(self, patch: InstrumentationPatch) -> None: ...


class Plugin:
    """An `Instrumentation`, as an `Installable`."""

    def __init__(self, instrumentation: Instrumentation[Any]) -> None:
        self._instrumentation = instrumentation
        self._options: BaseModel = instrumentation.options_type.model_construct()
        self.covers = frozenset(instrumentation.covers)
        self.notes: list[str] = []

    def check(self) -> list[str]:
        return [_check_target(target) for target in self._instrumentation.targets]

    def read_options(self, options: Mapping[str, Any]) -> None:
        kind = self._instrumentation.options_type
        try:
            self._options = kind.model_validate(dict(options))
        except ValidationError as error:
            raise _bad_options(self._instrumentation.name, error, list(kind.model_fields)) from None

    @property
    def options(self) -> dict[str, Any]:
        return to_jsonable_python(dict(self._options), fallback=repr)  # type: ignore[no-any-return]

    def install(self, patch: InstrumentationPatch) -> None:
        self._instrumentation.install(patch, self._options)


def _check_target(target: Target) -> str:
    if find_spec(target.module.partition(".")[0]) is None:
        raise UnusableError(
            "target-missing", f"{target.distribution or target.module} is not installed", pip_line(target.requirement)
        )
    if target.distribution is None:
        return target.module
    try:
        found = version(target.distribution)
    except PackageNotFoundError:  # vendored, or another distribution's module of that name
        return target.module
    if not satisfies(found, target.specifier):
        raise UnusableError(
            "incompatible",
            f"{target.distribution} {found} is installed; {target.specifier} is supported",
            pip_line(target.requirement),
        )
    return f"{target.distribution} {found}"


def pip_line(requirement: str) -> str:
    """Return the line that installs a requirement, quoted for a shell."""
    return f"pip install '{requirement}'" if set(requirement) & set("<>!=~*[, ") else f"pip install {requirement}"


def _bad_options(name: str, error: ValidationError, known: list[str]) -> UnusableError:
    problems, fixes = [], []
    for item in error.errors():
        option = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            problem, fix = unknown_option(option, known)
            problems.append(problem)
            fixes.append(fix)
        else:
            problems.append(f"{option} = {item['input']!r}: {item['msg']}")
    table = option_table(name)
    fix = "; ".join(dict.fromkeys(fixes)) or f"correct it in [{table}]"
    return UnusableError("bad-options", f"[{table}] " + "; ".join(problems), fix)


def option_table(name: str) -> str:
    """Return the name of an instrumentation's option table in the config file."""
    return f"instrumentation.{name}" if ":" not in name and "." not in name else f'instrumentation."{name}"'


def unknown_option(option: str, known: list[str]) -> tuple[str, str]:
    """Say that there is no such option, and which one may be meant."""
    close = difflib.get_close_matches(option, known, 1)
    listed = ", ".join(sorted(known)) or "none"
    return f"unknown option {option!r}", f"did you mean {close[0]!r}?" if close else f"its options: {listed}"
