"""The names under which the server answers."""

from __future__ import annotations

import pytest

from runlog.errors import ConfigError
from runlog.web.security.hosts import Hosts, is_own_origin
from tests.web.asking import TOKENS, Asked

OURS = [
    "localhost:4477", "LOCALHOST:4477", "127.0.0.1:4477", "[::1]:4477",
    "runs.example.com", "Runs.Example.com", "runs.example.com:4477", "runs.example.com:443", "proxy.example.com:8443",
]  # fmt: skip
FOREIGN = [
    "", " ", "localhost", "127.0.0.1", "[::1]", "localhost:4478", "127.0.0.1:80", "localhost:04477", "localhost:4477x",
    "localhost:", "localhost:-4477", "localhost:4477:4477", "localhost:44770000", "evil.com", "evil.com:4477",
    "localhost.evil.com:4477", "evil.com#localhost:4477", "localhost:4477@evil.com", "user@localhost:4477",
    "evil.com/localhost:4477", "localhost.:4477", "127.0.0.1.:4477", "0.0.0.0:4477", "127.1:4477", "2130706433:4477",
    "0x7f.0.0.1:4477", "127.0.0.2:4477", "[::]:4477", "[::ffff:127.0.0.1]:4477", "::1:4477", "[::1%25lo]:4477",
    "localhost:4477, evil.com", "localhost :4477", "localhost:4477\t",
    "localhost:\uff14\uff14\uff17\uff17".encode().decode("latin-1"),
    "l\u043ecalhost:4477".encode().decode("latin-1"),
    "null", "*", "*.example.com", "example.com", "xruns.example.com",
    "runs.example.com.evil.com", "runs.example.com:8080", "proxy.example.com", "proxy.example.com:4477",
]  # fmt: skip

NAMES = ["runs.example.com", "proxy.example.com:8443"]


@pytest.mark.parametrize("host", OURS)
def test_a_name_of_this_server_is_allowed(host: str) -> None:
    assert Hosts(4477, NAMES).allow(host)


@pytest.mark.parametrize("host", FOREIGN)
def test_another_name_is_not(host: str) -> None:
    assert not Hosts(4477, NAMES).allow(host)


def test_on_the_usual_port_browsers_leave_it_out() -> None:
    assert Hosts(80).allow("localhost")
    assert not Hosts(8080).allow("localhost")


@pytest.mark.parametrize("name", ["", "http://example.com", "*", "a b", "example.com/x", "example.com:0", "a:99999"])
def test_what_is_no_name_is_refused_at_the_start(name: str) -> None:
    with pytest.raises(ConfigError, match="is not the name of a host"):
        Hosts(4477, [name])


@pytest.mark.anyio
@pytest.mark.parametrize(
    "hosts", [[], ["localhost:4477", "localhost:4477"], ["localhost:4477", "evil.com"], ["evil.com"]]
)
async def test_a_host_that_is_missing_doubled_or_foreign_gets_nothing(asked: Asked, hosts: list[str]) -> None:
    for path in ("/", "/api/session", "/assets/x.js", "/nothing"):
        answer = await asked.ask("GET", path, [*(("host", host) for host in hosts), ("authorization", TOKENS.operate)])
        assert (answer.status, answer.code) == (403, "forbidden")


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        ("http://localhost:4477", True),
        ("https://localhost:4477", True),
        ("HTTP://LOCALHOST:4477", True),
        ("http://127.0.0.1:4477", False),
        ("http://localhost:4478", False),
        ("http://localhost", False),
        ("null", False),
        ("", False),
        ("file://", False),
        ("ftp://localhost:4477", False),
        ("http://localhost:4477.evil.com", False),
        ("http://user@localhost:4477", False),
    ],
)
def test_an_origin_is_our_own_if_it_is_the_host_that_was_asked(origin: str, own: bool) -> None:
    assert is_own_origin(origin, "localhost:4477") is own
