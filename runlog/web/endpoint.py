"""What the API is made of: an `Endpoint` says everything about one route, and a `Call` is a request to it.

Nothing is served that no endpoint names: `routes.ENDPOINTS` is the whole list, the guard refuses the rest, and the
OpenAPI document is made from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from starlette.requests import Request

from runlog.web.api.types import Problem, Scope

if TYPE_CHECKING:
    from runlog.stores.base import Reader
    from runlog.web.services import Services

T = TypeVar("T")
MOST_BODY = 4 * 1024 * 1024
"""Bytes: a payload for a replay."""


class Refused(Exception):
    """A request is answered with a problem and this HTTP status."""

    def __init__(self, status: int, problem: Problem, headers: dict[str, str] | None = None) -> None:
        super().__init__(problem.what)
        self.status, self.problem, self.headers = status, problem, headers


def bad_request(what: str, why: str = "", fix: str = "") -> Refused:
    return Refused(400, Problem("bad-request", what, why, fix))


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query string."""

    name: str
    kind: Literal["text", "integer", "number", "flag"] = "text"
    about: str = ""
    default: Any = None
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route and method.

    `scope` is what the bearer token must have; None: anyone who passes the Host check may call it (the page's own
    files, and the callback that carries its secret in the path).
    `handler` returns a value of `answer`, which is encoded as JSON, or a Response of its own.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Callable[[Call], Awaitable[Any]]
    scope: Scope | None
    summary: str
    answer: Any = None
    body: Any = None
    """The type that a POST's JSON is checked against."""
    most_body: int = MOST_BODY
    parameters: tuple[Parameter, ...] = ()
    media_type: str = "application/json"
    live: bool = False
    """A stream that goes on: counted apart, not bounded in time."""
    any_query: bool = False
    """Its query string is not the server's: the page keeps in it what it shows."""
    limited: bool = False
    """Only so many a second are let in, of each address and in all."""


@dataclass(slots=True)
class Call:
    """One request, with its parameters checked."""

    request: Request
    services: Services
    parameters: Mapping[str, Any]
    path: Mapping[str, str]
    body: Any = None
    scope: Scope | None = None

    def text(self, name: str) -> str:
        """A text parameter; empty if it was not given."""
        return self.parameters.get(name) or ""

    async def read(self, function: Callable[[Reader], T], *, seconds: float | None = None) -> T:
        """Run a function in a thread with a reader of the log. Bounded in time; raises Refused where that is over,
        where too many are reading, and where there is no log yet."""
        return await self.services.readers.run(function, seconds=seconds)
