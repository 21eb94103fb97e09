"""The HTTP server that the demo's tasks call: real, and on the loopback interface only."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

_NAMES = ("Ada", "Grace", "Alan", "Edsger", "Barbara")
_BUSY_TIMES = 2
_HEAVY = "piano"
_PATIENCE = 60.0

robot_may_go = threading.Event()
"""Until it is set, the robot is busy with the piano."""


@contextmanager
def serve() -> Iterator[str]:
    """Serve the shop's API on a free port; give its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Shop)
    thread = threading.Thread(target=server.serve_forever, name="demo-server", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        robot_may_go.set()
        server.shutdown()
        server.server_close()


class _Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    calls: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        kind, _, key = urlsplit(self.path).path.strip("/").partition("/")
        if kind == "users" and key.isdigit():
            name = _NAMES[int(key) % len(_NAMES)]
            self._answer(200, {"id": int(key), "name": name, "email": f"{name.lower()}@example.com"})
        elif kind == "payments" and key.isdigit():
            self._answer(200, {"order": int(key), "cents": int(key) * 995 if int(key) % 4 else 0})
        elif kind == "orders":
            self._answer(200, [{"id": number, "cents": number * 995} for number in range(1, 6)])
        else:
            self._answer(404, {"error": f"there is no {self.path}"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.calls[self.path] += 1
        kind, _, key = urlsplit(self.path).path.strip("/").partition("/")
        if kind == "robot":
            self._pack(key)
        elif kind == "labels":
            self._print_label(key)
        elif kind == "ledger":
            self._answer(409, {"error": "the ledger has 29.85 more than the till"})
        else:
            self._send_mail()

    def _send_mail(self) -> None:
        """Busy at the first calls for each message."""
        if self.calls[self.path] <= _BUSY_TIMES:
            self._answer(503, {"error": "busy"})
        else:
            self._answer(202, {"queued": True})

    def _print_label(self, order: str) -> None:
        """At the first call for each order it says when to come back."""
        if self.calls[self.path] == 1:
            self._answer(429, {"error": "too many labels"}, ("retry-after", "1"))
        else:
            self._answer(201, {"label": f"label-{order}"})

    def _pack(self, item: str) -> None:
        if item == _HEAVY:
            robot_may_go.wait(_PATIENCE)
        self._answer(200, {"packed": item})

    def _answer(self, status: int, body: Any, *headers: tuple[str, str]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        with suppress(ConnectionError):  # the demo was ended
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing: the run log does."""
