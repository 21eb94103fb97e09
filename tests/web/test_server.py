"""`runlog ui`: where it listens, whom it lets in, and how it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
from pathlib import Path

import pytest

from runlog.system.secret import load_secret
from runlog.web.security.headers import HEADERS
from runlog.web.security.tokens import Tokens
from runlog.web.sockets import PORT, listening
from tests.cli.conftest import Command
from tests.helpers import wait_until
from tests.web.serving import Served

LIVE = "GET /api/live?view=tick HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
TASKS = """
from pathlib import Path
from runlog import task

Path("imported").touch()

@task(id="greet")
async def greet(name: str) -> str:
    return f"hello {name}"
"""


def test_it_serves_this_machine_only_to_those_who_have_the_link(project: Path) -> None:
    with Served("--port", "0") as page:
        assert page.said.strip() == f"http://127.0.0.1:{page.port}/#token={page.token}"
        token_file = project / ".runlog" / "ui-token"
        assert (token_file.read_text().strip(), stat.S_IMODE(token_file.stat().st_mode)) == (page.token, 0o600)
        assert page.get("/api/session").json()["project"] == project.name
        assert page.get("/api/session", headers={"Authorization": "Bearer x"}).status_code == 401
        assert page.get("/api/session", headers={"Host": "evil.example"}).status_code == 403
        assert page.get("/runs").status_code in (200, 503)  # the page may not be built here
        for host in ("127.0.0.1", "::1"):
            with contextlib.suppress(OSError), socket.create_connection((host, page.port), 5) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % page.port)
                assert connection.recv(15) in (b"HTTP/1.1 200 OK", b"HTTP/1.1 503 Se")
        assert page.addresses <= {"127.0.0.1", "::1"}
        assert page.end(signal.SIGINT) == 130
        assert page.said.count(page.token) == 1


def test_its_token_outlives_it_until_a_new_one_is_made(project: Path) -> None:
    with Served("--port", "0") as page:
        port, token = page.port, page.token
        page.end(signal.SIGKILL)
    with Served("--port", str(port)) as page:
        assert (page.port, page.token) == (port, token)
    with Served("--port", "0", "--new-token") as page:
        assert page.token != token
        assert page.get("/api/session", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_a_link_for_looking_holds_another_token(project: Path) -> None:
    with Served("--port", "0", "--view-only") as page:
        assert page.token == Tokens.of(load_secret(project / ".runlog" / "ui-token")).view
        assert page.get("/api/session").json()["scope"] == "view"
        assert page.post("/api/runs/run_x/cancel", {}).status_code == 403


def rest_of(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    data = b""
    while part := connection.recv(65_536):
        data += part
    return data


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_with_live_streams_open(project: Path, number: int) -> None:
    with Served("--port", "0") as page, contextlib.ExitStack() as stack:
        streams = [stack.enter_context(page.connect()) for _ in range(5)]
        for stream in streams:
            stream.sendall(LIVE.format(port=page.port, token=page.token).encode())
            assert stream.recv(4096).startswith(b"HTTP/1.1 200 OK")
        idle = stack.enter_context(page.connect())
        assert page.end(number) == (0 if number == signal.SIGTERM else 130)
        assert [rest_of(stream)[-5:] for stream in (*streams, idle)] == [b"0\r\n\r\n"] * 5 + [b""]  # to their end
        assert page.said.count("\n") == 1  # nothing but the link


def test_what_is_no_http_is_answered_with_all_headers(project: Path) -> None:
    with Served("--port", "0") as page:
        for garbage in (b"GARBAGE canary\r\n\r\n", b"GET / HTTP/1.1\r\nX: %b\r\n\r\n" % (b"y" * 40_000)):
            with page.connect() as connection:
                connection.sendall(garbage)
                answer = rest_of(connection)
            assert answer.startswith(b"HTTP/1.1 400 ")
            assert all(b"\r\n%b: %b\r\n" % header in answer for header in HEADERS)
            assert b"canary" not in answer
        assert page.end() == 0
        assert page.said.count("\n") == 1


def test_the_browser_is_given_a_file_and_never_the_token(project: Path) -> None:
    opened = project / "opened"
    browser = project / "browser"
    file = project / ".runlog" / "ui-open.html"
    browser.write_text(
        f'#!/bin/sh\nexec >/dev/null 2>&1\nprintf "%s\\n" "$@" > {opened}.part\nmv {opened}.part {opened}\n'
        f"while [ -e {file} ]; do sleep 0.1; done\n"
    )
    browser.chmod(0o700)
    with Served("--port", "0", "--open", BROWSER=f"{browser} %s") as page:
        wait_until(opened.exists)
        assert opened.read_text().strip() == file.as_uri()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert f"url={page.url}/#token={page.token}" in file.read_text()
        assert str(browser) in page.command_lines
        assert page.token not in page.command_lines
        assert page.end() == 0
        assert not file.exists()


def test_a_network_is_let_in_only_with_a_named_token(project: Path, runlog: Command) -> None:
    refused = runlog("ui", "--host", "0.0.0.0")
    assert (refused.code, refused.out) == (2, "")
    assert "runlog ui --host 0.0.0.0 --token-file ui-token" in refused.err
    assert not (project / ".runlog").exists()
    arguments = ("--host", "0.0.0.0", "--token-file", "kept/token", "--host-name", "runs.example.com")
    with Served("--port", "0", *arguments) as page:
        page.read_until("without TLS")
        assert page.token == (project / "kept" / "token").read_text().strip()
        assert page.get("/api/session", headers={"Host": "runs.example.com"}).status_code == 200
        assert page.get("/api/session", headers={"Host": f"0.0.0.0:{page.port}"}).status_code == 403


def test_the_next_free_port_is_taken_unless_one_was_named(project: Path, runlog: Command) -> None:
    with listening() as taken:
        port = taken[0].getsockname()[1]
        assert port >= PORT
        with Served() as page:
            assert page.port != port
        refused = runlog("ui", "--port", str(port))
        assert (refused.code, refused.out) == (2, "")
        assert f"cannot listen on port {port}" in refused.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host-name", "http://x"), "is not the name of a host"),
        (("--host", "203.0.113.1", "--token-file", "token"), "cannot listen"),
        (("--host", "no.such.host.invalid", "--token-file", "token"), "cannot listen"),
        (("--port", "65536"), "65535"),
    ],
)
def test_what_cannot_be_served_is_said(project: Path, runlog: Command, arguments: tuple[str, ...], said: str) -> None:
    answer = runlog("ui", *(() if "--port" in arguments else ("--port", "0")), *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_a_project_does_not_say_where_it_listens(project: Path, runlog: Command) -> None:
    for line in ('host = "0.0.0.0"', "port = 1", 'token = "x"'):
        for text in (line, f"[ui]\n{line}"):
            (project / "runlog.toml").write_text(text)
            answer = runlog("ui")
            assert answer.code == 2
            assert "cannot be set in a project" in answer.err


def test_without_its_libraries_it_says_what_to_install(
    project: Path, runlog: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runlog.cli.page.find_spec", lambda name: None if name == "uvicorn" else object())
    answer = runlog("ui")
    assert answer.code == 2
    assert "it needs uvicorn" in answer.err
    assert "pip install 'runlog-tasks[ui]'" in answer.err


def test_a_replay_imports_nothing_of_the_project(project: Path) -> None:
    (project / "tasks.py").write_text(TASKS)
    (project / "runlog.toml").write_text('tasks = ["tasks"]\ninstrumentations = ["tasks:Plugin"]\n')
    from runlog.app import open as open_project

    settings_only = {"tasks": [], "instrumentations": [], "console": {"enabled": False}}
    with open_project(project, worker=False, arguments=settings_only) as opened:
        from runlog.tasks import trigger

        run_id = opened.call(trigger, "greet", "Ada").id
    with Served("--port", "0") as page:
        answer = page.post(f"/api/runs/{run_id}/replay", {"payload": "Eve"})
        assert answer.status_code == 200
        assert page.end() == 0
    assert not (project / "imported").exists()
    logged = b"".join(path.read_bytes() for path in (project / ".runlog").rglob("*.db*"))
    assert run_id.encode() in logged
    assert page.token.encode() not in logged


def test_runlog_dev_serves_the_page_beside_its_worker(project: Path) -> None:
    (project / "tasks.py").write_text(TASKS)
    (project / "runlog.toml").write_text('tasks = ["tasks"]\n')
    with Served("--port", "0", verb="dev") as page:
        page.read_until("runlog worker: greet")
        stream = page.connect()
        stream.sendall(LIVE.format(port=page.port, token=page.token).encode())
        assert stream.recv(4096).startswith(b"HTTP/1.1 200 OK")
        (project / "tasks.py").write_text(TASKS.replace("greet", "wave"))
        page.read_until("runlog worker: wave")
        assert page.get("/api/session").status_code == 200  # over the same connection as before
        assert page.end(signal.SIGINT) == 0
        assert rest_of(stream).endswith(b"0\r\n\r\n")
        stream.close()


def test_runlog_dev_without_the_page_says_what_is_missing(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from runlog.cli.page import page_beside
    from runlog.config import Settings

    monkeypatch.setattr("runlog.cli.page.find_spec", lambda _: None)
    with page_beside(Settings.load(), None, open_page=False):
        pass
    said = capsys.readouterr().err
    assert "pip install 'runlog-tasks[ui]'" in said
    assert "RUNLOG_UI_URL" not in os.environ
