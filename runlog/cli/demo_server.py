"""The HTTP server that the demo's tasks call: real, and on the loopback interface only."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

_NAMES = ("Ada", "Grace", "Alan", "Edsger", "Barbara")
_BUSY_TIMES = 2


@contextmanager
def serve() -> Iterator[str]:
    """Serve the shop's API on a free port; give its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Shop)
    thread = threading.Thread(target=server.serve_forever, name="demo-server", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
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
        elif kind == "orders":
            self._answer(200, [{"id": number, "cents": number * 995} for number in range(1, 6)])
        else:
            self._answer(404, {"error": f"there is no {self.path}"})

    def do_POST(self) -> None:
        """The mail service: busy at the first calls for each message."""
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.calls[self.path] += 1
        if self.calls[self.path] <= _BUSY_TIMES:
            self._answer(503, {"error": "busy"})
        else:
            self._answer(202, {"queued": True})

    def _answer(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing: the run log does."""
