"""Commands in processes of their own, and what becomes of runs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runlog.config import Settings
from runlog.errors import RunNotFound
from runlog.stores import open_reader
from tests.cli.conftest import COMMAND, Answer, environment


def run(*arguments: str, stdin: str | None = None) -> Answer:
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, env=environment(), timeout=60, input=stdin
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@contextmanager
def background(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with Path("background.txt").open("wb") as shown:
        process = subprocess.Popen([*COMMAND, *arguments], stdout=shown, stderr=shown, env=environment())
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(30)


def shown() -> str:
    return Path("background.txt").read_text()


def status(run_id: str) -> str:
    """The state of a run as the log has it."""
    settings = Settings.load()
    if not settings.log_path.exists():
        return ""
    log = open_reader(settings)
    try:
        return log.run(run_id).status
    except RunNotFound:
        return ""
    finally:
        log.close()
