"""Starting the fault tests' programs and ending them at awkward moments."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

from tests.helpers import times

REPOSITORY = Path(__file__).parents[2]
KILLS = times(6, 20)


class Program:
    """A process of `tests.faults.programs`, and the lines it has written."""

    def __init__(self, name: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.programs", name, *map(str, arguments)],
            cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self.errors = ""
        self.begun = threading.Event()
        self._readers = [threading.Thread(target=self._read), threading.Thread(target=self._read_errors)]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith("\n"):
                self.lines.append(line.rstrip("\n"))
            self.begun.set()
        self.begun.set()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors = self.process.stderr.read()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.wait()

    def wait(self, timeout: float = 60) -> int:
        code = self.process.wait(timeout)
        self.finish()
        return code

    def finish(self) -> None:
        for reader in self._readers:
            reader.join(20)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def run(name: str, *arguments: object) -> Program:
    program = Program(name, *arguments)
    program.wait()
    return program


def assert_exactly_once(stored: list[str], acknowledged: list[str]) -> None:
    counts = Counter(stored)
    doubled = {message: number for message, number in counts.items() if number > 1}
    assert not doubled, f"{len(doubled)} doubled, like {list(doubled.items())[:3]}"
    lost = [message for message in acknowledged if message not in counts]
    assert not lost, f"{len(lost)} of {len(acknowledged)} lost, like {lost[:3]}"
