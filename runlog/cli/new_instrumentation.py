"""`runlog new-instrumentation`: a plugin of your own, with its tests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runlog.cli.options import JsonDocument
from runlog.cli.output import output


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it traces: redis, acme-client.")],
    directory: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Its folder; by default named after it.")
    ] = None,
    json: JsonDocument = False,
) -> None:
    """Write a distribution with an instrumentation, ready to fill in; its tests pass as they are.

    \b
    runlog new-instrumentation acme
    runlog new-instrumentation acme --directory plugins/acme
    """
    from runlog.instrumentation.scaffold import create_instrumentation, next_steps

    files = create_instrumentation(name, directory)
    folder = files[0].parent
    steps = next_steps(name, folder)
    out = output()
    if json:
        out.json({"folder": str(folder), "files": [str(file) for file in files], "next": steps})
        return
    out.foreign(f"Wrote {folder}:")
    for file in files:
        out.foreign(f"  {file.relative_to(folder)}")
    out.text("\nNext:")
    for step in steps:
        out.foreign(f"  {step}")
