"""A project with its page: real workers, a real server, a real browser."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, Page

Theme = Literal["dark", "light"]
ROOT = Path(__file__).parents[2]
PATIENCE = 20_000
"""Milliseconds that the page may take to show something, on a machine that does much else."""
_NETWORK = ("Failed to load resource", "net::ERR_")
"""What a browser says of an answer that is not 200 and of a server that is gone: the page shows both."""
_LINK = re.compile(r"http://127\.0\.0\.1:(\d+)/#token=(\S+)")


class Site:
    """The project in a folder, its processes, and the pages that were opened on it.

    What a browser complains about (errors in scripts, refused by the policy, failed requests) is in `complaints`; each
    test ends with none.
    """

    def __init__(self, folder: Path, browser: Browser) -> None:
        self.folder, self._browser = folder, browser
        self.complaints: list[str] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        self.port = 0
        self._server: subprocess.Popen[str] | None = None
        self._token = ""
        self._contexts: list[BrowserContext] = []

    def tasks(self, source: str) -> None:
        """Write the project's tasks."""
        (self.folder / "tasks.py").write_text(source)
        (self.folder / "runlog.toml").write_text('tasks = ["tasks"]\n\n[worker]\ngrace = 0.3\nlease = 1.0\n')

    def runlog(self, *arguments: str) -> str:
        """Run a command to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "runlog.cli", *arguments],
            cwd=self.folder, env=self._environment(), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    def worker(self) -> subprocess.Popen[bytes]:
        """Start a worker."""
        process = subprocess.Popen(
            [sys.executable, "-m", "runlog.cli", "worker", "--quiet"],
            cwd=self.folder, env=self._environment(), start_new_session=True, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.workers.append(process)
        return process

    def serve(self, *arguments: str) -> None:
        """Start the page's server: the first time on a free port, then on the same one."""
        process = subprocess.Popen(
            [sys.executable, "-m", "runlog.cli", "ui", "--port", str(self.port), *arguments],
            cwd=self.folder, env=self._environment(), start_new_session=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._server = process
        assert process.stdout is not None
        line = process.stdout.readline()
        found = _LINK.search(line)
        assert found is not None, f"runlog ui printed {line!r}"
        self.port, self._token = int(found[1]), found[2]

    def stop_serving(self, number: int = signal.SIGTERM) -> None:
        """End the server."""
        assert self._server is not None
        self._server.send_signal(number)
        self._server.wait(20)
        assert self._server.stdout is not None
        self._server.stdout.close()
        self._server = None

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def open(
        self, path: str = "/", *, width: int = 1280, height: int = 800, theme: Theme = "dark", **options: Any
    ) -> Page:
        """Open a page by its link, in a browser profile of its own."""
        page = self._page(width, height, theme, options)
        page.goto(self.url(f"{path}#token={self._token}"))
        return page

    def open_file(self, file: Path, *, theme: Theme = "dark") -> Page:
        """Open a file, without any network. Whatever it asks for is a complaint."""
        page = self._page(1280, 800, theme, {"offline": True})
        page.on("request", lambda request: self._complain("request", request.url, when=request.url != file.as_uri()))
        page.goto(file.as_uri())
        return page

    def _page(self, width: int, height: int, theme: Theme, options: dict[str, Any]) -> Page:
        context = self._browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, **options)
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", lambda message: self._complain("console", message.text, when=message.type == "error"))
        page.on("pageerror", lambda error: self._complain("script", str(error)))
        page.on("dialog", lambda dialog: self._complain("dialog", dialog.message))
        return page

    def forgive(self, allowed: Callable[[str], bool]) -> None:
        """Drop the complaints that a test has provoked."""
        self.complaints = [text for text in self.complaints if not allowed(text)]

    def close_pages(self) -> None:
        """Close the pages that were opened."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()

    def close(self) -> None:
        """End everything."""
        self.close_pages()
        if self._server is not None:
            self.stop_serving()
        for process in self.workers:
            process.kill()
            process.wait()
        shutil.rmtree(self.folder / ".runlog", ignore_errors=True)

    def _complain(self, kind: str, text: str, *, when: bool = True) -> None:
        if when and not text.startswith(_NETWORK):
            self.complaints.append(f"{kind}: {text}")

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT)}
