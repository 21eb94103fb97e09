"""A real HTTP server on loopback, for tests of HTTP clients."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BODY = b"hello" * 1000


class Server:
    """A server that is running: `url` is where, `requests` what it was asked for (path, headers in lower case)."""

    def __init__(self, url: str, requests: list[tuple[str, dict[str, str]]]) -> None:
        self.url, self.requests = url, requests


@contextmanager
def loopback_server() -> Iterator[Server]:
    """Serve on a free port of 127.0.0.1.

    `/hop/N` redirects N times and then to `/end`, `/missing` is 404, `/cut` breaks off in the body, and anything else
    is `BODY` with the header `x-request-id: r-1`.
    """
    requests: list[tuple[str, dict[str, str]]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"requests": requests}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_port}", requests)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests: list[tuple[str, dict[str, str]]]

    def do_GET(self) -> None:
        self.requests.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
        if self.path.startswith("/hop/"):
            left = int(self.path.rpartition("/")[2])
            self._answer(302, b"", {"location": f"/hop/{left - 1}" if left else "/end"})
        elif self.path == "/missing":
            self._answer(404, b"no such thing")
        elif self.path == "/cut":
            self._answer(200, b"half of it", length=100)
            self.close_connection = True
        else:
            self._answer(200, BODY, {"x-request-id": "r-1"})

    def do_POST(self) -> None:
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        else:
            self.rfile.read(int(self.headers.get("content-length", 0)))
        self.do_GET()

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None, length: int = -1) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("content-length", str(len(body) if length < 0 else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""
