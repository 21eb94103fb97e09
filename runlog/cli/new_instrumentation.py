"""`runlog new-instrumentation`: a plugin of your own, with its tests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runlog.cli.output import output


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it traces: redis, acme-client.")],
    folder: Annotated[Path, typer.Option("--in", metavar="DIR", help="Where to put its folder.")] = Path(),
) -> None:
    """Write a distribution with an instrumentation, ready to fill in; its tests pass as they are.

    \b
    runlog new-instrumentation acme
    pip install -e runlog-instrumentation-acme && pytest runlog-instrumentation-acme
    """
    from runlog.instrumentation.scaffold import scaffold

    created = scaffold(name, folder)
    out = output()
    out.foreign(f"Wrote {created}:")
    for path in sorted(found for found in created.rglob("*") if found.is_file()):
        out.foreign(f"  {path.relative_to(created)}")
    out.text()
    out.foreign(f"pip install -e {created} && pytest {created}")
