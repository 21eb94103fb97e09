"""The server of the page: sockets, uvicorn, and its end."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import uvicorn

from runlog.config import Settings
from runlog.errors import RunlogError
from runlog.web.application import build
from runlog.web.security.hosts import Hosts
from runlog.web.security.tokens import Tokens
from runlog.web.services import Services

PORT = 4477
LOOPBACK = ("127.0.0.1", "::1")
_PORTS_TRIED = 100
_CONNECTIONS = 256
_KEEP_ALIVE = 15
_ENDING = 3
"""Seconds that requests have to come to their end."""
_MOST_HEADERS = 32 * 1024
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Serving:
    """What is served, and how."""

    settings: Settings
    tokens: Tokens
    host_names: tuple[str, ...] = ()
    view_only: bool = False

    def link(self, sockets: list[socket.socket]) -> str:
        """What opens the page: the token is in the fragment, which no browser sends to any server."""
        host, port = sockets[0].getsockname()[:2]
        name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
        if self.host_names:
            name, _, given = self.host_names[0].partition(":")
            port = given or port
        token = self.tokens.view if self.view_only else self.tokens.operate
        return f"http://{name}:{port}/#token={token}"


def bind(host: str | None, port: int | None) -> list[socket.socket]:
    """Listening sockets on one port: on both loopback addresses where no host is named; on the next free port where
    none is named. Raises RunlogError."""
    tried = [port] if port is not None else range(PORT, PORT + _PORTS_TRIED)
    error: OSError | None = None
    for number in tried:
        try:
            return _bind_all(host, number)
        except OSError as raised:
            error = raised
            if raised.errno != errno.EADDRINUSE:
                break
    reason = error.strerror if error is not None and error.strerror else str(error)
    where = f"port {port}" if port is not None else f"the ports {PORT} to {PORT + _PORTS_TRIED - 1}"
    fix = "runlog ui   # takes the next free port" if port is not None else "runlog ui --port 0   # any free port"
    raise RunlogError(f"cannot listen on {where} of {host or 'this machine'}", reason, fix)


def _bind_all(host: str | None, port: int) -> list[socket.socket]:
    made: list[socket.socket] = []
    try:
        for address in (host,) if host is not None else LOOPBACK:
            try:
                made.append(_bind(address, made[0].getsockname()[1] if made else port))
            except OSError as error:
                if not made or error.errno == errno.EADDRINUSE:
                    raise
                continue  # this machine has no IPv6
    except OSError:
        for one in made:
            one.close()
        raise
    return made


def _bind(host: str, port: int) -> socket.socket:
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    made = socket.socket(family, kind)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen()
    except OSError:
        made.close()
        raise
    return made


class _Server(uvicorn.Server):
    """Signals are ours, and live streams end before it waits for its requests."""

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


async def serve(serving: Serving, sockets: list[socket.socket], started: Callable[[], object]) -> int:
    """Serve until SIGTERM or Ctrl-C; return the exit code. `started` is called when requests are answered."""
    async with Services(serving.settings) as services:
        server = _Server(_config(serving, sockets, services), services, started)
        with _stopping(server) as signals:
            await server.serve(sockets)
    return _INTERRUPTED if signal.SIGINT in signals else 0


def _config(serving: Serving, sockets: list[socket.socket], services: Services) -> uvicorn.Config:
    port = sockets[0].getsockname()[1]
    app = build(services, tokens=serving.tokens, hosts=Hosts(port, serving.host_names), view_only=serving.view_only)
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_ENDING,
        h11_max_incomplete_event_size=_MOST_HEADERS,
    )


@contextmanager
def _stopping(server: _Server) -> Iterator[list[int]]:
    """Have SIGINT and SIGTERM stop the server; a second one does not wait."""
    loop, came = asyncio.get_running_loop(), list[int]()

    def stop(number: int) -> None:
        server.force_exit = bool(came)
        server.should_exit = True
        came.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stop, number)
    try:
        yield came
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
