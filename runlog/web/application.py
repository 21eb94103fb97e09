"""The web application: every request passes the guard, and goes to the endpoint that it found."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runlog.web.answers import json_response, problem_response
from runlog.web.api.types import Problem
from runlog.web.endpoint import Call, Endpoint, Refused
from runlog.web.parameters import read_body, read_parameters
from runlog.web.routes import ENDPOINTS
from runlog.web.security.guard import ADMITTED, Admitted, Guard
from runlog.web.security.hosts import Hosts
from runlog.web.security.tokens import Tokens
from runlog.web.services import Services
from runlog.web.table import Table
from runlog.web.trouble import say

_FAILED = problem_response(500, Problem("internal", "this request failed inside runlog"))


def build(
    services: Services,
    *,
    tokens: Tokens,
    hosts: Hosts,
    endpoints: Sequence[Endpoint] = ENDPOINTS,
) -> ASGIApp:
    """The application that serves these endpoints, and nothing else. The caller opens and closes the services."""
    return Guard(_Dispatch(services), Table(endpoints), tokens, hosts, view_only=services.view_only)


class _Dispatch:
    """Calls the handler of a request that was let in."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        admitted: Admitted = scope[ADMITTED]
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        response = await self._answer(Request(scope, receive), admitted)
        try:
            await response(scope, receive, sending)
        except Exception as error:
            say(f"{admitted.endpoint.method} {admitted.endpoint.path}", error)
            if started:  # its connection is closed, so that nobody takes it for whole
                raise
            await _FAILED(scope, receive, send)

    async def _answer(self, request: Request, admitted: Admitted) -> Response:
        endpoint = admitted.endpoint
        try:
            query = b"" if endpoint.any_query else request.scope["query_string"]
            parameters = read_parameters(endpoint, query)
            body = await read_body(endpoint, request)
            call = Call(request, self._services, parameters, admitted.path, body, admitted.scope)
            answer = await endpoint.handler(call)
            return answer if isinstance(answer, Response) else json_response(answer)
        except Refused as refused:
            return problem_response(refused.status, refused.problem, refused.headers)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:  # noqa: BLE001 - whoever asked is told that, and not what is inside
            say(f"{endpoint.method} {endpoint.path}", error)
            return _FAILED
