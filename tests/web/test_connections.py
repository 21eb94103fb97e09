"""Connections that keep the server waiting."""

from __future__ import annotations

import socket

import anyio
import psutil
import pytest
from anyio import to_thread
from anyio.abc import SocketStream

from runlog.config import Settings
from runlog.stores import open_store
from runlog.stores.base import Batch, Run
from runlog.web import parameters, protocol
from runlog.web.server import Server, Serving
from runlog.web.sockets import listening
from tests.helpers import wait_until
from tests.web.asking import TOKENS

POST = b"POST /callback/" + b"0" * 69 + b" HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: application/json\r\n"
pytestmark = pytest.mark.anyio


async def answer_of(stream: SocketStream) -> bytes:
    """What comes until the other side closes."""
    data = b""
    with anyio.fail_after(20):
        try:
            while True:
                data += await stream.receive()
        except anyio.EndOfStream:
            return data


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nHost: localho", b""),
        (b"GET /x HTTP/1.1\r\nHost: localhost:%d\r\n\r\nGET /x HTTP/1.1\r\nHos", b"HTTP/1.1 404"),
        (POST + b"Content-Length: 9\r\n\r\n{", b"HTTP/1.1 408"),
    ],
    ids=["silent", "half a request", "half a second request", "half a body"],
)
async def test_who_does_not_go_on_is_left(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, sent: bytes, answered: bytes
) -> None:
    monkeypatch.setattr(protocol, "PATIENCE", 0.1)
    monkeypatch.setattr(parameters, "_PATIENCE", 0.1)
    with listening(port=0) as sockets:
        port = sockets[0].getsockname()[1]
        server, started = Server(Serving(settings, TOKENS, sockets)), anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(server.run, started.set)
            await started.wait()
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                if sent:
                    await stream.send(sent.replace(b"%d", str(port).encode()))
                assert (await answer_of(stream))[:12] == answered
            server.stop()


async def test_more_connections_than_there_may_be_are_closed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS", 2)
    with listening(port=0) as sockets:
        port = sockets[0].getsockname()[1]
        server, started = Server(Serving(settings, TOKENS, sockets)), anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(server.run, started.set)
            await started.wait()
            request = b"GET /x HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % port
            first, second = [await anyio.connect_tcp("127.0.0.1", port) for _ in range(2)]
            for stream in (first, second):
                await stream.send(request)
                assert (await stream.receive()).startswith(b"HTTP/1.1 404")
            async with await anyio.connect_tcp("127.0.0.1", port) as third:
                with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                    await third.receive()
            await first.send(request)
            assert (await first.receive()).startswith(b"HTTP/1.1 404")
            for stream in (first, second):
                await stream.aclose()
            server.stop()


def test_small_answers_are_sent_at_once() -> None:
    """Else the second packet of each waits 40 ms. asyncio cares for it where it is told that the socket is TCP's."""
    with listening(port=0) as sockets:
        assert {one.proto for one in sockets} == {socket.IPPROTO_TCP}


async def test_who_does_not_read_is_left(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "PATIENCE", 0.1)
    size = 8_000_000
    store = open_store(settings)
    store.write(Batch(runs=[Run("run_a", 1, "t", "COMPLETED", "t", 1, 1, output="x" * size)]))
    store.close()
    with listening(port=0) as sockets:
        port = sockets[0].getsockname()[1]
        server, started = Server(Serving(settings, TOKENS, sockets)), anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(server.run, started.set)
            await started.wait()
            client = socket.create_connection(("127.0.0.1", port))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            head = f"Host: localhost:{port}\r\nAuthorization: Bearer {TOKENS.view}\r\n\r\n"
            client.sendall(f"GET /api/runs/run_a/data?what=output HTTP/1.1\r\n{head}".encode())
            with client:
                await to_thread.run_sync(wait_until, lambda: _accepted(port))
                await to_thread.run_sync(wait_until, lambda: not _accepted(port))
            server.stop()


def _accepted(port: int) -> int:
    """How many connections to a port of this process it holds open."""
    found = psutil.Process().net_connections("tcp")
    return sum(one.laddr[1] == port and one.status == psutil.CONN_ESTABLISHED for one in found)
