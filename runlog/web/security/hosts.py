"""The names under which this server may be asked: a page of another name, made to resolve to us, gets nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from runlog.errors import ConfigError

_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9]([a-z0-9._-]{0,252}[a-z0-9])?)(?::([0-9]{1,5}))?")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_WEB_PORTS = (None, 80, 443)


class Hosts:
    """The loopback names with our port, and the names that were configured: those without a port with ours, or with
    the usual ones of a proxy in front."""

    def __init__(self, port: int, names: Iterable[str] = ()) -> None:
        """Raises ConfigError for what is no name."""
        self._allowed: set[tuple[str, int | None]] = {(name, port) for name in _LOOPBACK}
        if port == 80:
            self._allowed |= {(name, None) for name in _LOOPBACK}
        for name in names:
            parts = split_host(name.lower())
            if parts is None:
                raise ConfigError(
                    f"{name!r} is not the name of a host", fix="runlog ui --host-name runs.example.com   # or NAME:PORT"
                )
            host, given = parts
            self._allowed |= {(host, given)} if given is not None else {(host, other) for other in (port, *_WEB_PORTS)}

    def allow(self, header: str) -> bool:
        """Whether a Host header names this server."""
        parts = split_host(header.lower())
        return parts is not None and parts in self._allowed


def split_host(text: str) -> tuple[str, int | None] | None:
    """Host and port of a lower-case Host header; None where it is not well-formed."""
    found = _HOST.fullmatch(text)
    if found is None:
        return None
    host, port = found[1], found[3]
    if port is None:
        return host, None
    number = int(port)
    return (host, number) if port == str(number) and 0 < number < 65_536 else None


def is_own_origin(origin: str, host: str) -> bool:
    """Whether an Origin header is the page that this Host header serves."""
    scheme, separator, rest = origin.lower().partition("://")
    return bool(separator) and scheme in ("http", "https") and rest == host.lower()
