"""Requests to the application itself, without a socket."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import anyio
from starlette.types import ASGIApp, Message

from runlog.config import Settings
from runlog.web.application import build
from runlog.web.endpoint import Endpoint
from runlog.web.routes import ENDPOINTS
from runlog.web.security.hosts import Hosts
from runlog.web.security.tokens import Tokens
from runlog.web.services import Services

PORT = 4477
HOST = f"127.0.0.1:{PORT}"
TOKENS = Tokens.of("a" * 43)

Headers = Sequence[tuple[str, str]]


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of the problem."""
        return str(self.json["error"]["code"])

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


class Asked:
    """The application of a project. `get` and `post` ask as the page does."""

    def __init__(self, settings: Settings, services: Services, endpoints: Sequence[Endpoint] = ENDPOINTS) -> None:
        self.settings, self.services = settings, services
        self.app: ASGIApp = build(services, tokens=TOKENS, hosts=Hosts(PORT, ["runs.example.com"]), endpoints=endpoints)

    async def get(self, path: str, token: str | None = TOKENS.view) -> Answer:
        return await self.ask("GET", path, [("host", HOST), *_bearer(token)])

    async def post(self, path: str, body: Any, token: str | None = TOKENS.operate) -> Answer:
        headers = [("host", HOST), ("origin", f"http://{HOST}"), ("content-type", "application/json"), *_bearer(token)]
        return await self.ask("POST", path, headers, json.dumps(body).encode())

    async def ask(
        self, method: str, target: str, headers: Headers, body: bytes = b"", client: str = "127.0.0.1"
    ) -> Answer:
        """Any request, with these headers only."""
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
            "client": (client, 1234),
            "server": ("127.0.0.1", PORT),
        }
        sent: list[Message] = []
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if not waiting:  # the client stays until it has its answer
                await anyio.sleep_forever()
            return waiting.pop()

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        start = sent[0]
        data = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(start["status"], [(name.decode(), value.decode()) for name, value in start["headers"]], data)


def _bearer(token: str | None) -> Headers:
    return () if token is None else [("authorization", f"Bearer {token}")]
