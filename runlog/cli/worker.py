"""`runlog worker`: runs are executed until SIGTERM or Ctrl-C."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from runlog.cli.output import note
from runlog.cli.project import load_settings
from runlog.config import Settings

_OPTIONS = {
    "worker.concurrency": "--concurrency",
    "worker.processes": "--processes",
    "worker.queues": "--queue",
    "worker.grace": "--grace",
    "version": "--version",
}
"""What sets which."""
_INSIST = 15.0
"""Seconds after the grace in which worker processes have to have ended."""


def command(
    concurrency: Annotated[
        int | None, typer.Option("-c", "--concurrency", metavar="N", min=1, help="Runs at once.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option("-p", "--processes", metavar="N", min=1, help="Worker processes.")
    ] = None,
    queue: Annotated[
        list[str] | None,
        typer.Option("-q", "--queue", metavar="NAME", help="Take runs of this queue only; may be given several times."),
    ] = None,
    grace: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Seconds that running runs may take at the end.")
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="The version of the code; by default the project's git commit."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show nothing in the terminal.")] = False,
) -> None:
    """Execute the runs of the project's tasks.

    SIGTERM and Ctrl-C let running runs finish for the grace period and put the rest back into the queue; a second one
    does not wait. With several processes each of them takes --concurrency runs at once, and one that dies is started
    again.

    Exit codes: 0 after SIGTERM, 130 after Ctrl-C, 128 and its number after a second signal, 2 if it cannot start or
    the queue cannot be used, 70 if a task blocked the event loop past its max_duration.

    \b
    runlog worker
    runlog worker --concurrency 50 --grace 10
    runlog worker --processes 4 -q mail -q reports
    """
    options = {
        "concurrency": concurrency, "processes": processes, "queues": tuple(queue) if queue else None, "grace": grace
    }  # fmt: skip
    arguments: dict[str, Any] = {"worker": {name: value for name, value in options.items() if value is not None}}
    if version is not None:
        arguments["version"] = version
    if quiet:
        arguments["console"] = {"enabled": False}
    settings = load_settings(arguments, _OPTIONS)
    if settings.worker.processes > 1:
        raise typer.Exit(_supervise(settings, quiet=quiet))
    from runlog.worker import run_worker

    raise typer.Exit(run_worker(settings))


def _supervise(settings: Settings, *, quiet: bool) -> int:
    from runlog.supervisor import Supervisor

    def say(line: str) -> None:
        note(f"runlog worker: {line}")

    worker = settings.worker
    command = worker_command(settings, concurrency=worker.concurrency, grace=worker.grace, queues=worker.queues)
    if settings.version is not None:
        command += ["--version", settings.version]
    if quiet:
        command.append("--quiet")
    return Supervisor(command, worker.processes, patience=worker.grace + _INSIST, say=say).run()


def worker_command(
    settings: Settings, *, grace: float, concurrency: int | None = None, queues: tuple[str, ...] = ()
) -> list[str]:
    """The command of one worker process of a project."""
    command = [sys.executable, "-m", "runlog.cli", "-C", str(settings.root), "worker", "--processes", "1"]
    command += ["--grace", str(grace), *(item for name in queues for item in ("--queue", name))]
    return command if concurrency is None else [*command, "--concurrency", str(concurrency)]
