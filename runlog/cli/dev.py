"""`runlog dev`: a worker that starts again when a file of the project changes, and the page beside it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from runlog.cli.output import note
from runlog.cli.page import OpenPage, Port, page_beside
from runlog.cli.project import load_settings
from runlog.cli.worker import worker_command
from runlog.supervisor import WorkerProcess

_POLL = 0.3
_SETTLE = 0.15
"""Seconds without another change before the worker starts again: an editor may write several files."""
_GRACE = 2.0
_KILL_AFTER = 5.0
_SKIPPED = {"node_modules", "__pycache__", "site-packages", "build", "dist"}
_WATCHED = (".py", ".toml")


def command(
    concurrency: Annotated[
        int | None, typer.Option("-c", "--concurrency", metavar="N", min=1, help="Runs at once.")
    ] = None,
    port: Port = None,
    open_page: OpenPage = False,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Without the page.")] = False,
) -> None:
    """Execute the project's runs while you work on it, with the web page: the worker starts again when a file changes.

    Its records are shown here. What runs at a restart has two seconds to finish, then goes back to the queue. The link
    to the page is that of `runlog ui`.

    \b
    runlog dev
    runlog dev --open
    """
    settings = load_settings()
    reloader = _Reloader(settings.root, worker_command(settings, grace=_GRACE, concurrency=concurrency))
    with nullcontext() if no_ui else page_beside(settings, port, open_page=open_page):
        raise typer.Exit(reloader.run())


class _Reloader:
    """Keeps one worker process running on the newest files."""

    def __init__(self, root: Path, command: list[str]) -> None:
        self.root, self.command = root, command
        self.stopped = False

    def run(self) -> int:
        """Start the worker, watch, start it again; return when SIGINT or SIGTERM came."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        files = fingerprint(self.root)
        note(f"runlog dev: {len(files):,} files of {self.root} are watched; Ctrl-C ends")
        while not self.stopped:
            process = WorkerProcess(self.command, new_session=True)
            try:
                files = self._watch(process, files)
            finally:
                _end(process)
        return 0

    def _stop(self, *_: object) -> None:
        self.stopped = True

    def _watch(self, process: WorkerProcess, before: dict[str, int]) -> dict[str, int]:
        """Return the files once they have changed, or when it is time to stop."""
        ended = False
        while not self.stopped:
            if not ended and process.code is not None:
                ended = True
                note(f"runlog dev: the worker {process.ending}; it starts again at a change")
            files = fingerprint(self.root)
            if files != before:
                while files != (files := _later(self.root)):
                    pass
                changed = sorted(name for name in {*files, *before} if files.get(name) != before.get(name))
                note(f"runlog dev: {', '.join(changed[:3])}{' …' if len(changed) > 3 else ''} changed: starting again")
                return files
            time.sleep(_POLL)
        return before


def _later(root: Path) -> dict[str, int]:
    time.sleep(_SETTLE)
    return fingerprint(root)


def _end(process: WorkerProcess) -> None:
    """End a worker: it puts back what it cannot finish."""
    process.end()
    if not process.wait(_GRACE + _KILL_AFTER):
        process.kill()


def fingerprint(root: Path) -> dict[str, int]:
    """The watched files below a folder with their times of change, without hidden folders and environments."""
    return {str(path.relative_to(root)): changed for path, changed in _files(root)}


def _files(root: Path) -> Iterator[tuple[Path, int]]:
    waiting = [root]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if not _is_skipped(entry):
                            waiting.append(Path(entry.path))
                    elif entry.name.endswith(_WATCHED):
                        yield Path(entry.path), entry.stat().st_mtime_ns
        except OSError:  # gone meanwhile, or not ours to read
            continue


def _is_skipped(entry: os.DirEntry[str]) -> bool:
    return entry.name.startswith(".") or entry.name in _SKIPPED or (Path(entry.path) / "pyvenv.cfg").exists()
