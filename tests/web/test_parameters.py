"""What a request says is checked before a handler sees it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from runlog.web.endpoint import Call, Endpoint, Parameter
from tests.web.asking import HOST, Asked

pytestmark = pytest.mark.anyio


class Body(msgspec.Struct, forbid_unknown_fields=True):
    name: str


async def echo(call: Call) -> dict[str, Any]:
    return {**call.parameters, "body": call.body}


ENDPOINTS = [
    Endpoint("GET", "/api/get", echo, "view", "", parameters=(
        Parameter("text", default="none"),
        Parameter("whole", "integer", default=5, least=1, most=1000),
        Parameter("real", "number"),
        Parameter("flag", "flag"),
    )),
    Endpoint("POST", "/api/post", echo, "operate", "", body=Body),
]  # fmt: skip


@pytest.fixture
def echoing(asked: Asked) -> Asked:
    return Asked(asked.settings, asked.services, ENDPOINTS)


async def test_parameters_have_their_types_and_defaults(echoing: Asked) -> None:
    nothing = {"text": "none", "whole": 5, "real": None, "flag": None, "body": None}
    assert (await echoing.get("/api/get")).json == nothing
    given = await echoing.get("/api/get?text=a%20%C3%A9%26&whole=7&real=-1.5e3&flag=1")
    assert given.json == {"text": "a é&", "whole": 7, "real": -1500.0, "flag": True, "body": None}
    assert (await echoing.get("/api/get?text=")).json == nothing | {"text": ""}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("tex=1", "did you mean 'text'?"),
        ("__proto__=1", "known here: flag, real, text, whole"),
        ("text=1&text=2", "given twice"),
        ("text=%ff", "percent-encoded UTF-8"),
        ("text=" + "x" * 4001, "4,001 characters"),
        ("whole=0", "the least is 1"),
        ("whole=1001", "the most is 1000"),
        ("whole=1.5", "not a whole number"),
        ("whole=" + "9" * 5000, "too long for a number"),
        ("real=nan", "not finite"),
        ("real=1e999", "not finite"),
        ("real=x", "not a number"),
        ("flag=maybe", "neither 1 nor 0"),
        ("&".join(f"x{number}=" for number in range(60)), "far too long"),
    ],
)
async def test_a_parameter_that_is_wrong_is_named(echoing: Asked, query: str, said: str) -> None:
    answer = await echoing.get(f"/api/get?{query}")
    assert (answer.status, answer.code) == (400, "bad-request")
    assert said in " ".join(answer.json["error"].values())


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"name": 1}', b'{"name": "x", "nane": 1}', b"\xff", b"[" * 100_000]
)
async def test_a_body_that_does_not_fit_is_refused(echoing: Asked, body: bytes) -> None:
    answer = await echoing.post("/api/post", {"name": "Ada"})
    assert answer.json["body"] == {"name": "Ada"}
    headers = [("host", HOST), ("origin", f"http://{HOST}"), ("content-type", "application/json")]
    headers += [("authorization", "Bearer " + "a" * 43)]
    refused = await echoing.ask("POST", "/api/post", headers, body)
    assert (refused.status, refused.code) == (400, "bad-request")
