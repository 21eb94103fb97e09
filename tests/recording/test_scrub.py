from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from runlog.errors import ConfigError
from runlog.recording import masks
from runlog.recording.scrub import Scrubber, mask, mask_listeners, registered_masks
from tests.recording.secrets import SECRETS, Planted, fragments


@pytest.fixture(autouse=True)
def no_masks() -> Iterator[None]:
    yield
    masks.registered.clear()
    mask_listeners.clear()


@pytest.fixture(scope="module")
def scrubber() -> Scrubber:
    return Scrubber()


PLANTED = pytest.mark.parametrize("planted", SECRETS, ids=[planted.name for planted in SECRETS])


@PLANTED
def test_no_part_of_a_secret_is_left_in_a_text(scrubber: Scrubber, planted: Planted) -> None:
    for text in (planted.text, f"before\n{planted.text}\nafter", repr(planted.text), json.dumps(planted.text)):
        scrubbed = scrubber.scrub_text(text)
        assert not [part for part in fragments(planted.canary) if part in scrubbed]
        assert "[redacted:" in scrubbed
        assert scrubber.scrub_text(scrubbed) == scrubbed


@PLANTED
def test_no_part_of_a_secret_is_left_in_data(scrubber: Scrubber, planted: Planted) -> None:
    inner = json.dumps({"deep": [{"text": planted.text}]})
    value = {
        "a": [planted.text, {"b": planted.text}],
        "json": inner,
        "twice": json.dumps({"body": inner}),
        planted.text: 1,
    }
    scrubbed = json.dumps(scrubber.scrub_value(value))
    assert not [part for part in fragments(planted.canary) if part in scrubbed]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=hunter2 next", "password=[redacted:password] next"),
        ("password=hunter2, user=bob", "password=[redacted:password], user=bob"),
        ("(password=a,b)", "(password=[redacted:password])"),
        ("a=1,password=x,b=2", "a=1,password=[redacted:password],b=2"),
        ('{"password":"x","user":"bob"}', '{"password":"[redacted:password]","user":"bob"}'),
        ("headers[authorization]=abc", "headers[authorization]=[redacted:authorization]"),
        ("postgresql://bob:pw@db:5432/app", "postgresql://[redacted:userinfo]@db:5432/app"),
        ("https://host:8080/path@1.2.3", "https://host:8080/path@1.2.3"),
        ("ssh://git@github.com/x", "ssh://git@github.com/x"),
        ("?token=abc&page=2", "?token=[redacted:token]&page=2"),
        (r"line\ntoken=abc1\nline", r"line\ntoken=[redacted:token]\nline"),
        ("WHERE password = ? AND token = %(token)s", "WHERE password = ? AND token = %(token)s"),
        ("password = :password, pin = $1", "password = :password, pin = $1"),
        ("password=None secret=null token=''", "password=None secret=null token=''"),
        ("def login(user: str, password: str) -> None:", "def login(user: str, password: str) -> None:"),
        ("password=********", "password=********"),
        ("Cookie: a=b; c=d\nHost: x", "Cookie: [redacted:cookie]\nHost: x"),
        ("İ password=hunter2", "İ password=[redacted:password]"),
    ],
)
def test_only_the_secret_is_replaced(scrubber: Scrubber, text: str, expected: str) -> None:
    assert scrubber.scrub_text(text) == expected


def test_names_and_source_code_are_read_as_such(scrubber: Scrubber) -> None:
    assert scrubber.scrub_text("auth:login1", "name") == "auth:login1"
    assert scrubber.scrub_text("login token=abc1", "name") == "login token=[redacted:token]"
    assert scrubber.scrub_text("return Client(api_key=api_key)", "code") == "return Client(api_key=api_key)"
    assert scrubber.scrub_text('Client(api_key="abc")', "code") == 'Client(api_key="[redacted:api-key]")'
    assert scrubber.scrub_text('raise E("password=abc")', "code") == 'raise E("password=[redacted:password]")'
    assert scrubber.scrub_text("check(pin=1234)", "code") == "check(pin=[redacted:pin])"


def test_data_is_scrubbed_by_key_at_every_depth(scrubber: Scrubber) -> None:
    value = {
        "user": {"password": 5, "is_password": True, "tokens": 7},
        "headers": [["authorization", "Bearer x"], ["accept", "*/*"]],
        "env": [{"name": "DB_PASSWORD", "value": "x"}, {"name": "HOME", "value": "/root"}],
    }
    assert scrubber.scrub_value(value) == {
        "user": {"password": "[redacted:password]", "is_password": True, "tokens": 7},
        "headers": [["authorization", "[redacted:authorization]"], ["accept", "*/*"]],
        "env": [{"name": "DB_PASSWORD", "value": "[redacted:password]"}, {"name": "HOME", "value": "/root"}],
    }


def test_data_of_any_depth(scrubber: Scrubber) -> None:
    value: Any = {"password": "x"}
    for _ in range(10_000):
        value = [value]
    scrubbed = scrubber.scrub_value(value)
    for _ in range(10_000):
        scrubbed = scrubbed[0]
    assert scrubbed == {"password": "[redacted:password]"}
    assert "hunter2" not in scrubber.scrub_text('{"a":' * 5000 + '{"password": "hunter2"}' + "}" * 5000)


# --- config -----------------------------------------------------------------------------------------------------------


def test_extra_keys_and_patterns() -> None:
    scrubber = Scrubber(["customer_code"], [r"CUST-\d{4,}"])
    assert scrubber.secret_key_rule("customerCode") == "customer-code"
    assert scrubber.scrub_text("customerCode: C7 of CUST-12345") == (
        "customerCode: [redacted:customer-code] of [redacted:pattern]"
    )


@pytest.mark.parametrize("pattern", ["(unclosed", "*a", "x*", "a?"])
def test_a_bad_pattern_is_refused_and_named(pattern: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Scrubber(extra_patterns=["fine", pattern])
    assert repr(pattern) in caught.value.what
    assert caught.value.why
    assert caught.value.fix


# --- mask -------------------------------------------------------------------------------------------------------------


def test_a_masked_secret_is_replaced_in_every_form(scrubber: Scrubber) -> None:
    secret = 'p/ä"\x07ss w'
    assert scrubber.scrub_text(f"it is {secret}") == f"it is {secret}"
    assert mask(secret) is secret
    assert registered_masks() == (secret,)
    for text in (secret, json.dumps(secret), repr([secret]), "x=p%2F%C3%A4%22%07ss%20w", "x=p%2F%C3%A4%22%07ss+w"):
        scrubbed = scrubber.scrub_text(f"it is {text} here")
        assert "ss" not in scrubbed
        assert "[redacted:mask]" in scrubbed
    assert scrubber.scrub_value({secret: [secret]}) == {"[redacted:mask]": ["[redacted:mask]"]}


def test_masks_of_several_lines_and_of_numbers(scrubber: Scrubber) -> None:
    mask("first line of secret\nsecond line of secret\n")
    mask("83726150")
    assert scrubber.scrub_text("got second line of secret") == "got [redacted:mask]"
    assert scrubber.scrub_value([83726150, 5]) == ["[redacted:mask]", 5]


def test_what_is_too_short_or_no_text_is_returned_and_not_masked(scrubber: Scrubber) -> None:
    for value in ("abc", "", "   x   ", None, 12345):
        assert mask(value) is value  # type: ignore[arg-type]
    assert registered_masks() == ()
    assert scrubber.scrub_text("abc") == "abc"


def test_listeners_hear_of_a_new_mask_once_and_cannot_hurt() -> None:
    heard: list[tuple[str, ...]] = []

    def fail() -> None:
        raise OSError("disk full")

    mask_listeners.extend([fail, lambda: heard.append(registered_masks())])
    mask("one-secret")
    mask("one-secret")
    masks.add_masks(["other-secret"])
    assert heard == [("one-secret",)]


def test_known_secrets_of_another_process(scrubber: Scrubber) -> None:
    own = Scrubber(known=["their-secret"])
    assert own.scrub_text("their-secret") == "[redacted:mask]"
    own.add_known(["later-secret"])
    assert own.scrub_text("later-secret") == "[redacted:mask]"
    assert scrubber.scrub_text("their-secret") == "their-secret"
    assert registered_masks() == ()


# --- precision and cost -----------------------------------------------------------------------------------------------

_LINES = """
user {n} logged in from 10.0.{n}.7
GET /api/v1/orders/{n}?page=2&sort=created 200 in 12 ms
author: Jane Doe, authority: city council, keyboard: us
processed order_id={n} customer=bob duration=12ms status=ok retry: 0
Unexpected token: foo at line {n}
SyntaxError: invalid token: unexpected end of input ({n})
usage prompt_tokens={n} completion_tokens=12 total_tokens={n} max_tokens: 4096
session_count={n} primary_key=id foreign_key=user_id cache_key=orders:{n}
password authentication failed for user "bob" (attempt {n})
wrong password for bob; the password must have {n} characters
the access token expired {n} seconds ago and was refreshed
token bucket has {n} of 100 left
2024-05-01T12:00:{n:02d}Z INFO worker.pool task-{n} started on host-{n}
risk-assessment-report-2024-final-version-{n} uploaded to task-queue-processing-worker
connected to postgresql://db.internal:5432/app as bob
clone of https://github.com/example/project.git took {n} s
mail sent to bob{n}@example.com and sales@example.org
{{"user": "bob", "items": [{n}, 2, 3], "total": 99.5, "author": "Jane"}}
SELECT id, name FROM users WHERE id = %s AND name LIKE ? LIMIT {n}
INSERT INTO orders (id, customer, total) VALUES ({n}, 'bob', 99.5)
UPDATE users SET last_login = now() WHERE primary_key = {n}
File "/app/tasks.py", line {n}, in sync_user
ValueError: invalid literal for int() with base 10: 'x{n}'
retrying in {n} s: ConnectionRefusedError: [Errno 111] connection refused
basic authentication is deprecated; digest access is better ({n})
bearer of the ring number {n} has left the building
the secret of success, part {n}: work
cookies: we use {n} of them
sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a{n:02d} pulled
6f1b2c3d-4e5f-6071-8293-a4b5c6d7e8{n:02d} assigned
GET https://example.com/search?q=how+to+reset+a+code&lang=en&page={n}
status code: 404, error code=E{n}, exit code 1
pin {n} of the GPIO header set high; mapping: {n}; spinning: ok
key: value pairs in section {n}: name = "bob", keyword: test
passed={n} failed=0 passengers=12 bypass=no compass: north
next_page_token=abc{n} partition_key=2024 token_type=bearer token_count={n}
auth_method=password auth_type: basic auth:refresh done {n}
time: 12:{n:02d}:07 ratio: 0.5 url: https://example.com/a/b/c?x={n}#top
Traceback (most recent call last):
C:\\Users\\bob\\file{n}.txt copied
""".strip().splitlines()


def test_ordinary_text_is_left_alone(scrubber: Scrubber) -> None:
    numbers = random.Random(7)
    lines = [template.format(n=numbers.randrange(100)) for template in _LINES for _ in range(50)]
    changed = {line for line in lines if scrubber.scrub_text(line) != line}
    assert len(changed) <= len(lines) * 0.005, sorted(changed)


_HOSTILE_WORDS = """
eyJ eyJaaaaaaaa. AKIA ghp_ github_pat_ glpat- xoxb- sk_live_ sk- AIza ya29. npm_ pypi- hf_ SG. SG.aaaaaaaaaaaaaaaa. :// ://a:
://a:b@ hooks.slack.com/ ?sig= ?code= /reset/ a:b@tcp a: (a:bbbb@unix password=,a password=) password=. pin pin: pin=[
secret secret:secret= key_ a.b- password=" password=' password={ password:{"\\" password=\\" password=[redacted:
cookie:[redacted: %22token%22%3A%22 \\\\\\"token\\\\\\": password=\\ {"token": [ {"a": {"token":["
token::: /callback/ token:'\\' token:` password=\\"\\\\" <password> --token=
"""
HOSTILE = [
    *_HOSTILE_WORDS.split(),
    "bearer ", "Basic ", "Digest a=", "-----BEGIN PRIVATE KEY-----", "-----BEGIN A ", "[parameters: ", "password '",
    "identified by '", "insert into a (", "insert into a (b) values '", "token: a ", "--token ", "('token', '",
    "cookie: ",
]  # fmt: skip


@pytest.mark.parametrize("seed", HOSTILE)
def test_hostile_text_takes_linear_time(scrubber: Scrubber, seed: str) -> None:
    def cost(size: int) -> float:
        text = (seed * size)[:size]
        started = time.process_time()
        scrubber.scrub_text(text)
        return time.process_time() - started

    small = cost(1 << 15)
    # Sixteen times the text: a linear rule takes about 16 times the work, a quadratic one 256 times.
    assert cost(1 << 19) < 64 * max(small, 0.005)


def test_known_clean_texts_are_bounded() -> None:
    scrubber = Scrubber()
    for number in range(20_000):
        scrubber.scrub_text(f"line {number}")
    assert max(len(texts) for texts in scrubber._clean.values()) <= 8192
