"""OpenTelemetry's own instrumentors, as instrumentations of runlog.

They take their options as keyword arguments and ignore those they do not know, log what they cannot do instead of
raising it, and can leave a library half patched. Here options are checked before, versions too, and a failed install
is taken back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.metadata import Distribution
from typing import Any

from runlog.instrumentation.catalogue import FIRST_PARTY, OPENTELEMETRY_COVERS, first_party_line
from runlog.instrumentation.lookup import UnusableError, normalised
from runlog.instrumentation.options_scan import known_options
from runlog.instrumentation.patch import InstrumentationPatch
from runlog.instrumentation.plugin import option_table, unknown_option
from runlog.instrumentation.snapshot import Snapshot

STABILITY_VARIABLE = "OTEL_SEMCONV_STABILITY_OPT_IN"
STABLE_CONVENTIONS = "http,database"


class OpenTelemetryAdapter:
    """A class in the group `opentelemetry_instrumentor`, as an `Installable`."""

    def __init__(self, instrumentor: Any, name: str, distribution: Distribution | None = None) -> None:
        self._instrumentor, self._name, self._distribution = instrumentor, name, distribution
        self._options: dict[str, Any] = {}
        self.options: dict[str, Any] = {}
        self.covers = OPENTELEMETRY_COVERS.get(normalised(name), frozenset())
        self.notes = ["adapted from OpenTelemetry: it uninstalls by its own code"]

    def check(self) -> list[str]:
        check_distribution(self._distribution, self._name)
        conflict = _quietly(getattr(self._instrumentor, "_check_dependency_conflicts", None))
        if conflict is not None:
            raise _conflict(conflict, self._name)
        return [str(dependency) for dependency in _quietly(self._instrumentor.instrumentation_dependencies) or ()]

    def read_options(self, options: Mapping[str, Any]) -> None:
        known, is_certain = known_options(type(self._instrumentor))
        for option in options:
            if option in known:
                continue
            if is_certain:
                problem, fix = unknown_option(option, sorted(known))
                raise UnusableError("bad-options", f"[{option_table(self._name)}] {problem}", fix)
            self.notes.append(f"the option {option!r} could not be checked")
        self.options = dict(options)
        self._options = {name: _resolved(name, value) for name, value in options.items()}

    def install(self, patch: InstrumentationPatch) -> None:
        instrumentor = self._instrumentor
        if getattr(instrumentor, "is_instrumented_by_opentelemetry", False):
            raise UnusableError(
                "failed",
                f"{type(instrumentor).__name__} was installed before, by the program itself",
                f'remove the call of {type(instrumentor).__name__}().instrument(), or "{self._name}" from the config',
            )
        snapshot = Snapshot(self._target_modules())
        try:
            with _stable_conventions():
                instrumentor.instrument(**self._options, skip_dep_check=True, tracer_provider=patch.tracer_provider)
        except BaseException:
            with suppress(Exception):
                getattr(instrumentor, "_uninstrument", instrumentor.uninstrument)()
            snapshot.restore()
            raise
        patch.defer(self._uninstall)

    def _uninstall(self) -> None:
        if getattr(self._instrumentor, "is_instrumented_by_opentelemetry", True):
            self._instrumentor.uninstrument()

    def _target_modules(self) -> list[str]:
        dependencies = _quietly(self._instrumentor.instrumentation_dependencies) or ()
        names = {normalised(self._name).replace("-", "_")}
        for dependency in dependencies:
            names.add("".join(c if c.isalnum() else " " for c in str(dependency)).split()[0].casefold())
        return sorted(names)


def is_instrumentor(value: Any) -> bool:
    """Say whether an import string has named an OpenTelemetry instrumentor (without importing OpenTelemetry's)."""
    return callable(getattr(value, "instrument", None)) and callable(getattr(value, "uninstrument", None))


def check_distribution(distribution: Distribution | None, name: str) -> None:
    """Check what a distribution says that it instruments, before anything of it is imported.

    Raises UnusableError if none of that is installed in a version that it supports.
    """
    if distribution is None:
        return
    try:
        from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts
    except ImportError:
        return
    conflict = _quietly(lambda: get_dist_dependency_conflicts(distribution))
    if conflict is not None:
        raise _conflict(conflict, name)


def _conflict(conflict: Any, name: str) -> UnusableError:
    required = [str(item) for item in (conflict.required_any or [conflict.required])]
    found = ", ".join(str(item) for item in (conflict.found_any or [conflict.found]) if item)
    # What is required carries its marker (`; extra == "instruments"`), which is no business of pip's.
    plain = [item.partition(";")[0].strip().replace(" ", "") for item in required]
    wanted = " or ".join(plain)
    fix = f"pip install '{plain[0]}'"
    if not found:
        return UnusableError("target-missing", f"{wanted} is not installed", fix)
    if name in FIRST_PARTY:
        fix = first_party_line(name)
    return UnusableError("incompatible", f"{found} is installed; OpenTelemetry supports {wanted}", fix)


def _quietly(function: Callable[[], Any] | None) -> Any:
    """Call a hook that an instrumentor may lack or that may fail; None then: installing will tell."""
    if function is None:
        return None
    try:
        return function()
    except Exception:  # noqa: BLE001
        return None


def _resolved(name: str, value: Any) -> Any:
    """Return an option's value; for a hook, what its import string names."""
    if not (isinstance(value, str) and ":" in value and name.endswith(("_hook", "_callback", "_filter"))):
        return value
    module, _, attribute = value.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UnusableError(
            "bad-options", f"{name} = {value!r}: {error}", 'write it as "package.module:function"'
        ) from error


@contextmanager
def _stable_conventions() -> Iterator[None]:
    """Have instrumentors name attributes by the stable conventions, unless the user chose.

    They read the variable once, at the first install; after it the environment is as before.
    """
    if STABILITY_VARIABLE in os.environ:
        yield
        return
    os.environ[STABILITY_VARIABLE] = STABLE_CONVENTIONS
    try:
        yield
    finally:
        os.environ.pop(STABILITY_VARIABLE, None)
