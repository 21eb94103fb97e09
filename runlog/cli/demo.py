"""`runlog demo`: a project with real tasks, run for real, and what its run log says."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from importlib import import_module
from pathlib import Path
from typing import Annotated

import anyio
import typer

from runlog.cli.demo_orders import Show, run_orders, show_nothing
from runlog.cli.demo_server import serve
from runlog.cli.options import JsonDocument
from runlog.cli.output import note, output
from runlog.cli.page import missing_libraries
from runlog.cli.project import load_settings
from runlog.config import Settings
from runlog.errors import RunlogError

_TEMPLATE = Path(__file__).with_name("demo_project")
_LIBRARIES = ("httpx", "requests", "sqlalchemy")
_KILLED = -signal.SIGKILL


def command(
    directory: Annotated[Path, typer.Option("--directory", "-d", help="Where the demo project is written.")] = Path(
        "runlog-demo"
    ),
    json: JsonDocument = False,
) -> None:
    """Write a demo project, run it, and show what happened in each of its runs.

    Its tasks call a real HTTP server and a real database on this machine; they fail, are retried, spawn children, are
    cancelled, and one has its worker killed with SIGKILL. Then an order is on its way: its runs wait for their queue,
    for a time, for somebody's answer, and say so. It takes about ten seconds.

    \b
    runlog demo
    runlog demo --directory /tmp/try-runlog
    """
    _require_libraries()
    _write_project(directory)
    from runlog.cli.project import choose

    choose(str(directory))
    settings = load_settings({"console": {"level": "info"}})
    _require_modules(settings)
    if json:
        with redirect_stdout(sys.stderr):  # what the tasks print is not the answer
            runs = _run(settings, show_nothing)
        output().json(runs)
    else:
        _say_how_to_go_on(directory, _run(settings, _command_in(directory)))


def _run(settings: Settings, show: Show) -> dict[str, str]:
    with serve() as url:
        os.environ["DEMO_URL"] = url
        runs = anyio.run(_run_failures, settings)
        _show_failures(show, runs)
        anyio.run(run_orders, settings, runs, show)
    return runs


def _require_libraries() -> None:
    from importlib.util import find_spec

    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        raise RunlogError(
            "the demo's libraries are not installed",
            f"its tasks use {', '.join(missing)}",
            "pip install 'runlog-tasks[demo]'",
        )


def _write_project(directory: Path) -> None:
    """Copy the project; what is there already, edited perhaps, stays."""
    directory.mkdir(parents=True, exist_ok=True)
    for source in sorted(_TEMPLATE.glob("*.*")):
        target = directory / source.name
        if not target.exists():
            shutil.copyfile(source, target)
    note(f"runlog demo: the project is in {directory}/; read its tasks.py beside what follows")


def _require_modules(settings: Settings) -> None:
    missing = {"tasks", "orders"} - set(settings.tasks)
    if missing:
        raise RunlogError(
            f"the project in {settings.root} is not that of this version's demo",
            f"its config does not list {', '.join(sorted(missing))}",
            "runlog demo --directory DIR   # a folder that is not there yet",
        )


async def _run_failures(settings: Settings) -> dict[str, str]:
    """Run the demo's tasks; return what to look at: the task's id → the run's."""
    from runlog import app
    from runlog.tasks import trigger
    from runlog.tasks.runs import cancel_all
    from runlog.tasks.submitter import get_submitter

    runs: dict[str, str] = {}
    async with app.open(settings=settings, worker=False):
        await cancel_all("run:*", reason="a new demo has begun")  # those of one that was ended half-way
        runs["resize-image"] = (await trigger("resize-image", "cat.jpg", tags=["demo"])).id
    await _let_worker_die(settings)
    async with app.open(settings=settings):
        note("runlog demo: now the other tasks, by a worker in this process")
        import_module("shop").create_tables()
        for task, payload in (
            ("sync-user", {"user_id": 1}),
            ("import-customers", [2, 3, 4]),
            ("close-books", "2026-11-21"),
            ("send-invoice", 7),
            ("charge-card", 1001),
            ("monthly-report", "2026-10"),
            ("refund", 1002),
            ("watch-prices", "ACME"),
        ):
            runs[task] = (await trigger(task, payload, tags=["demo"])).id
        runs["render-catalogue"] = (await trigger("render-catalogue", 400)).id
        await anyio.sleep(1.0)
        await get_submitter().cancel(runs["watch-prices"], "the demo has seen enough prices")
        await get_submitter().wait(list(runs.values()))
    return runs


async def _let_worker_die(settings: Settings) -> None:
    """Have a worker process of its own take the run that kills it."""
    note("runlog demo: a worker process takes resize-image, which kills it with SIGKILL")
    arguments = [sys.executable, "-m", "runlog.cli", "-C", str(settings.root), "worker"]
    worker = await anyio.open_process(arguments, stdout=subprocess.DEVNULL, stderr=None)
    try:
        with anyio.move_on_after(20):
            await worker.wait()
    finally:
        with suppress(ProcessLookupError):
            worker.kill()
        await worker.wait()
    if worker.returncode != _KILLED:
        raise RunlogError(f"the demo's worker ended with exit code {worker.returncode}, and not by SIGKILL")


def _command_in(directory: Path) -> Show:
    """What runs a command in the demo's folder, and shows it as typed there."""
    from runlog.cli import main

    def show(*arguments: str, say: Sequence[str] | None = None, apart: bool = True) -> None:
        sys.stdout.flush()
        if apart:
            output().text()
        output().text("$ runlog " + " ".join(say or arguments), "heading")
        output().flush()
        if code := main(["-C", str(directory), *arguments]):
            raise RunlogError(f"this command of the demo ended with exit code {code}")

    return show


def _show_failures(show: Show, runs: dict[str, str]) -> None:
    show("runs", "--limit", "14")
    for task in ("charge-card", "import-customers", "resize-image"):
        show("show", runs[task])
    show("replay", runs["refund"], "--payload", "3", "--wait")
    show("search", "level:>=warn tag:demo", "--limit", "5", say=("search", "'level:>=warn tag:demo'", "--limit 5"))


def _say_how_to_go_on(directory: Path, runs: dict[str, str]) -> None:
    output().text()
    output().text(f"All of this is in {directory}/. Go on there:")
    output().text(f"  cd {directory}")
    if not missing_libraries():
        output().text("  runlog ui --open    # the web page of what has just been run")
    output().text(f"  runlog show {runs['monthly-report']} --attributes")
    output().text("  runlog search 'http.response.status_code:503'    runlog tail -f    runlog dev    runlog --help")
