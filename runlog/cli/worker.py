"""`runlog worker`: runs are executed until SIGTERM or Ctrl-C."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from runlog.cli.project import load_settings


def command(
    concurrency: Annotated[int | None, typer.Option("-c", "--concurrency", min=1, help="Runs at once.")] = None,
    grace: Annotated[float | None, typer.Option(min=0, help="Seconds that running runs may take at the end.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing in the terminal.")] = False,
) -> None:
    """Execute the runs of the project's tasks.

    SIGTERM and Ctrl-C let running runs finish for the grace period and put the rest back into the queue; a second one
    does not wait.

    \b
    runlog worker
    runlog worker --concurrency 50 --grace 10
    """
    from runlog import app

    raise typer.Exit(app.run_worker(load_settings(worker_arguments(concurrency, grace, quiet=quiet))))


def worker_arguments(concurrency: int | None, grace: float | None, *, quiet: bool) -> dict[str, Any]:
    """The settings that the options of a worker stand for."""
    worker = {"concurrency": concurrency, "grace": grace}
    given: dict[str, Any] = {"worker": {name: value for name, value in worker.items() if value is not None}}
    return {**given, "console": {"enabled": False}} if quiet else given
