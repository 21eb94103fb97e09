"""The server of the page, from its first request to its end."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import uvicorn

from runlog.config import Settings
from runlog.web.application import build
from runlog.web.protocol import Protocol
from runlog.web.security.hosts import Hosts
from runlog.web.security.tokens import Tokens
from runlog.web.services import Services

_KEEP_ALIVE = 15
_ENDING = 3
"""Seconds that requests have to come to their end."""
_MOST_HEADERS = 32 * 1024
_INTERRUPTED = 130
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104


@dataclass(frozen=True, slots=True)
class Serving:
    """What is served, and to whom."""

    settings: Settings
    tokens: Tokens
    sockets: Sequence[socket.socket]
    """Listening, on one port."""
    host_names: tuple[str, ...] = ()
    view_only: bool = False

    @property
    def address(self) -> str:
        """The URL of the page."""
        host, port = self.sockets[0].getsockname()[:2]
        name = _EVERYWHERE.get(host, f"[{host}]" if ":" in host else host)
        return f"http://{name}:{port}"

    @property
    def link(self) -> str:
        """What opens the page: the token is in the fragment, which no browser sends to a server."""
        return f"{self.address}/#token={self.tokens.view if self.view_only else self.tokens.operate}"


class Server:
    """Serves until it is told to stop."""

    def __init__(self, serving: Serving) -> None:
        """Raises ConfigError for a host name that is none."""
        host, port = serving.sockets[0].getsockname()[:2]
        own = () if host in _EVERYWHERE else (f"[{host}]:{port}" if ":" in host else f"{host}:{port}",)
        self._hosts = Hosts(port, (*own, *serving.host_names))
        self._serving = serving
        self._server: _Uvicorn | None = None
        self._stopped = False

    async def run(self, started: Callable[[], object]) -> None:
        """Serve; `started` is called when requests are answered."""
        serving = self._serving
        async with Services(serving.settings, view_only=serving.view_only) as services:
            app = build(services, tokens=serving.tokens, hosts=self._hosts)
            self._server = _Uvicorn(_config(app), services, started)
            self._server.should_exit = self._stopped
            await self._server.serve(list(serving.sockets))

    def stop(self, *, at_once: bool = False) -> None:
        """Have `run` return, when the requests have ended or `at_once`; from any thread."""
        self._stopped = True
        if self._server is not None:
            self._server.force_exit = at_once
            self._server.should_exit = True


def run_until_signal(server: Server, started: Callable[[], object]) -> int:
    """Serve until SIGTERM or Ctrl-C, a second one of which does not wait; return the exit code."""

    async def run() -> int:
        with _stopping(server) as signals:
            await server.run(started)
        return _INTERRUPTED if signals[:1] == [signal.SIGINT] else 0

    return asyncio.run(run())


class _Uvicorn(uvicorn.Server):
    """Signals are the caller's, and live streams end before it waits for its requests."""

    def __init__(self, config: uvicorn.Config, services: Services, started: Callable[[], object]) -> None:
        super().__init__(config)
        self._services, self._say_started = services, started

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._say_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._services.stop()
        await super().shutdown(sockets)


def _config(app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=Protocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        workers=1,
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_ENDING,
        h11_max_incomplete_event_size=_MOST_HEADERS,
    )


@contextmanager
def _stopping(server: Server) -> Iterator[list[int]]:
    """Have SIGINT and SIGTERM stop the server; a second one does not wait."""
    loop, came = asyncio.get_running_loop(), list[int]()

    def stop(number: int) -> None:
        server.stop(at_once=bool(came))
        came.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stop, number)
    try:
        yield came
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
