"""Finding an instrumentation by what the config says: an import string, or a name in an entry-point group."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from typing import Any

from runlog.instrumentation.catalogue import FIRST_PARTY, OPENTELEMETRY, first_party_line, opentelemetry_distribution

GROUP = "runlog.instrumentations"
OTEL_GROUP = "opentelemetry_instrumentor"


class UnusableError(Exception):
    """An instrumentation cannot be used: the state to show, why, and the line to type."""

    def __init__(self, state: str, reason: str, fix: str | None = None) -> None:
        super().__init__(reason)
        self.state, self.reason, self.fix = state, reason, fix


@dataclass(slots=True)
class Found:
    """Something that claims a name. It is not imported until `load()`."""

    name: str
    source: str
    """`runlog`, `opentelemetry`, or the import string."""
    value: str
    distribution: Distribution | None = None
    loaded: Any = None
    """The thing itself, where it was not found by name."""

    def load(self) -> Any:
        """Import it and return what the import string names. Raises whatever its import raises."""
        if self.loaded is not None:
            return self.loaded
        module, _, attribute = self.value.partition(":")
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
        return found


def normalised(name: str) -> str:
    """Return a name as names are compared: case, `_`, `.` and `-` make no difference."""
    return name.strip().casefold().replace("_", "-").replace(".", "-")


def find(name: str, root: Path | None = None) -> Found:
    """Find what a line of the config names; import strings also in the folder `root`.

    Raises UnusableError if there is nothing of that name, or if two distributions claim it within one group.
    """
    if ":" in name:
        return _import_string(name, root)
    for group, source in ((GROUP, "runlog"), (OTEL_GROUP, "opentelemetry")):
        claims = _claims(normalised(name), group)
        if len(claims) > 1:
            raise _ambiguous(name, group, claims)
        if claims:
            point = claims[0]
            return Found(normalised(name), source, point.value, point.dist)
    raise _not_found(name)


def available() -> list[Found]:
    """Return every instrumentation that is installed, by name, the first of each name as `find` would take it."""
    found: dict[str, Found] = {}
    for group, source in ((GROUP, "runlog"), (OTEL_GROUP, "opentelemetry")):
        for point in entry_points(group=group):
            name = normalised(point.name)
            found.setdefault(name, Found(name, source, point.value, point.dist))
    return [found[name] for name in sorted(found)]


def _import_string(name: str, root: Path | None) -> Found:
    module, _, attribute = name.strip().partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *attribute.split("."))):
        raise UnusableError("not-found", f"{name!r} is not an import string", 'write it as "package.module:Class"')
    if root is not None and str(root) not in sys.path:
        sys.path.insert(0, str(root))
    value = name.strip()
    for group in (GROUP, OTEL_GROUP):  # it may be registered as well: then its name and distribution are known
        for point in entry_points(group=group):
            if point.value == value:
                return Found(normalised(point.name), value, value, point.dist)
    return Found(value, value, value)


def _claims(name: str, group: str) -> list[EntryPoint]:
    claims: dict[tuple[str, str], EntryPoint] = {}  # one distribution may be on the path twice
    for point in entry_points(group=group):
        if normalised(point.name) == name:
            claims.setdefault((_name(point.dist), point.value), point)
    return list(claims.values())


def _name(distribution: Distribution | None) -> str:
    return normalised(distribution.name) if distribution is not None else ""


def _ambiguous(name: str, group: str, claims: Iterable[EntryPoint]) -> UnusableError:
    claims = sorted(claims, key=lambda point: _name(point.dist))
    who = " and ".join(f"{point.dist.name if point.dist else '?'} ({point.value})" for point in claims)
    last = claims[-1].dist
    return UnusableError(
        "failed",
        f"{who} both claim the name {name!r} in {group}",
        f"pip uninstall {last.name if last else '?'}   # or list the one you mean by its import string: "
        f'"{claims[0].value}"',
    )


def _not_found(name: str) -> UnusableError:
    wanted = normalised(name)
    if wanted in FIRST_PARTY:
        return UnusableError(
            "not-found",
            f"the distribution runlog-instrumentation-{wanted} is not installed",
            first_party_line(wanted),
        )
    if wanted in OPENTELEMETRY:
        distribution = opentelemetry_distribution(wanted)
        return UnusableError(
            "not-found", f"OpenTelemetry's {distribution} is not installed", f"pip install {distribution}"
        )
    known = {found.name for found in available()} | FIRST_PARTY | OPENTELEMETRY.keys()
    close = difflib.get_close_matches(wanted, sorted(known), 1)
    if close:
        return UnusableError("not-found", f"no instrumentation has the name {name!r}", f'did you mean "{close[0]}"?')
    return UnusableError(
        "not-found",
        f"no installed distribution has an instrumentation of the name {name!r}",
        f'install the one that has it, or give an import string: "package.module:Class" instead of "{name}"',
    )
