"""Commands run in this process, as a process of their own, and in a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyte
import pytest

from runlog.cli import main

COMMAND = [sys.executable, "-m", "runlog.cli"]
ESCAPE = re.compile("\x1b|\x9b|\x9d")


@dataclass
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Command = Callable[..., Answer]


@pytest.fixture
def runlog(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command in this process, in a timezone that is known."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()

    def call(*arguments: str) -> Answer:
        code = main(arguments)
        out, err = capsys.readouterr()
        return Answer(code, out, err)

    return call


def environment(**values: str) -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    known = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**known, "PYTHONPATH": path, "TZ": "UTC", "TERM": "xterm-256color", **values}


@dataclass
class Screen:
    """What a terminal showed."""

    raw: bytes
    shown: list[str]
    title: str
    colors: set[str] = field(default_factory=set)


def in_terminal(*arguments: str, columns: int = 100, lines: int = 200, typed: bytes = b"", **values: str) -> Screen:
    """Run a command in a pseudo-terminal, type something, and return what an emulator of one shows."""
    parent, child = pty.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=child, stderr=child, stdin=child, env=environment(**values)
    )
    os.close(child)
    os.write(parent, typed)
    raw = b""
    while True:
        if select.select([parent], [], [], 60)[0]:
            try:
                data = os.read(parent, 65536)
            except OSError:  # Linux: the other end is closed
                break
            if not data:
                break
            raw += data
    process.wait(60)
    os.close(parent)
    screen = pyte.Screen(columns, lines)
    pyte.ByteStream(screen).feed(raw)
    colors = {cell.fg for row in screen.buffer.values() for cell in row.values()} - {"default"}
    return Screen(raw, [line.rstrip() for line in screen.display if line.strip()], screen.title, colors)
