"""The sockets that the page is served on."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from runlog.errors import RunlogError

PORT = 4477
LOOPBACK = ("127.0.0.1", "::1")
_PORTS_TRIED = 100


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is of this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@contextmanager
def listening(host: str | None = None, port: int | None = None) -> Iterator[list[socket.socket]]:
    """Sockets that listen on one port: of both loopback addresses where no host is named, the next free port where none
    is named. Raises RunlogError."""
    sockets = _bind_first(host, port)
    try:
        yield sockets
    finally:
        for one in sockets:
            one.close()


def _bind_first(host: str | None, port: int | None) -> list[socket.socket]:
    tried = range(PORT, PORT + _PORTS_TRIED) if port is None else (port,)
    for number in tried:
        try:
            return _bind_all((host,) if host is not None else LOOPBACK, number)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or number == tried[-1]:
                raise _refusal(host, port, error) from None
    raise AssertionError("a port was tried")


def _refusal(host: str | None, port: int | None, error: OSError) -> RunlogError:
    where = f"port {port}" if port is not None else f"the ports {PORT} to {PORT + _PORTS_TRIED - 1}"
    fix = "runlog ui   # takes a port that is free" if port is not None else "runlog ui --port 0   # any free port"
    return RunlogError(f"cannot listen on {where} of {host or 'this machine'}", error.strerror or str(error), fix)


def _bind_all(hosts: tuple[str, ...], port: int) -> list[socket.socket]:
    made: list[socket.socket] = []
    try:
        for host in hosts:
            try:
                made.append(_bind(host, made[0].getsockname()[1] if made else port))
            except OSError as error:
                if not made or error.errno == errno.EADDRINUSE:
                    raise
                # this machine has no IPv6
    except OSError:
        for one in made:
            one.close()
        raise
    return made


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, kind, protocol)  # asyncio turns Nagle's delay off where it is told that this is TCP
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
