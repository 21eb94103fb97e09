"""`runlog version`."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as distribution_version

from runlog.cli.options import JsonDocument
from runlog.cli.output import output

DISTRIBUTION = "runlog-tasks"
_PARTS = ("anyio", "apsw", "opentelemetry-api", "opentelemetry-sdk", "pydantic")


def command(json: JsonDocument = False) -> None:
    """Show the version of runlog, and of what it stands on.

    \b
    runlog version
    runlog version --json
    """
    import apsw

    versions = {
        "runlog": installed(DISTRIBUTION),
        "python": platform.python_version(),
        "sqlite": apsw.sqlite_lib_version(),
        **{name: installed(name) for name in _PARTS},
    }
    if json:
        output().json(versions)
        return
    output().text(f"runlog {versions.pop('runlog')}")
    output().text("  " + "  ".join(f"{name} {value}" for name, value in versions.items()), "note")


def installed(distribution: str) -> str:
    """The installed version of a distribution."""
    try:
        return distribution_version(distribution)
    except PackageNotFoundError:
        return "not installed"
