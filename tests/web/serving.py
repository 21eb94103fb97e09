"""The page served by a process of its own."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from types import TracebackType
from typing import Any, Self

import httpx
import psutil

from tests.cli.conftest import environment

_LINK = re.compile(r"(http://\S+:(\d+))/#token=(\S+)")


class Served:
    """`runlog ui`, or another command that prints the link, in the current folder."""

    def __init__(self, *arguments: str, verb: str = "ui", **variables: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "runlog.cli", verb, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(**variables),
        )  # fmt: skip
        self.said = ""
        found = None
        while found is None:
            line = self._line()
            found = _LINK.search(line)
        self.url, self.port, self.token = found[1], int(found[2]), found[3]
        self.client = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=20)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"it ended: {self.said}"
        self.said += line
        return line

    def read_until(self, text: str) -> None:
        """Read what it says until a text is in it."""
        while text not in self.said:
            self._line()

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(path, **options)

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.client.post(path, json=body, headers={"Origin": self.url})

    def connect(self) -> socket.socket:
        """A connection without a client's manners."""
        return socket.create_connection(("127.0.0.1", self.port), 20)

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it; return its exit code."""
        self._process.send_signal(number)
        self.said += self._process.communicate(timeout=30)[0]
        return self._process.returncode

    @property
    def addresses(self) -> set[str]:
        """Where it listens."""
        connections = psutil.Process(self._process.pid).net_connections("tcp")
        return {one.laddr[0] for one in connections if one.status == psutil.CONN_LISTEN}

    @property
    def command_lines(self) -> str:
        """Of it and the processes that it started."""
        process = psutil.Process(self._process.pid)
        return "\n".join(" ".join(one.cmdline()) for one in (process, *process.children(recursive=True)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.client.close()
        if self._process.poll() is None:
            self.end(signal.SIGKILL)
        assert self._process.stdout is not None
        self._process.stdout.close()
