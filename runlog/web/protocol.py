"""HTTP/1.1 as uvicorn speaks it, with an end for connections that say nothing and headers on what it answers itself."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from runlog.web.security.headers import HEADERS, UNCACHED

CONNECTIONS = 256
"""More are closed as they come."""
PATIENCE = 15.0
"""Seconds after which a connection that does not come to a request is closed; twice as many after an answer."""
_BAD_REQUEST = b'{"error":{"code":"bad-request","what":"this is not an HTTP request"}}'


class Protocol(H11Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._last: object = None
        self._unsent = 0
        self._patience = self.loop.call_later(PATIENCE, self._look)
        if len(self.connections) > CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Close it if nothing was asked since the last look: a request that never ends counts as none. And if nothing
        was read since of what waits to be sent: a live stream goes on where its client comes back."""
        unsent = self.transport.get_write_buffer_size()
        if unsent and unsent == self._unsent:
            self.transport.abort()
            return
        self._unsent = unsent
        if self.cycle is self._last and getattr(self.cycle, "response_complete", True):
            self.transport.close()
            return
        self._last = self.cycle
        self._patience = self.loop.call_later(PATIENCE, self._look)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - it may hold what was sent
        """What cannot be understood is answered like everything else: with all headers, and without an echo."""
        headers: list[Any] = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(_BAD_REQUEST)).encode()),
            (b"connection", b"close"),
            UNCACHED,
            *HEADERS,
        ]
        for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=_BAD_REQUEST), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
