"""Somebody outside completes a token: the one route that needs no bearer, since its secret is the right to it."""

from __future__ import annotations

from typing import Any

import msgspec

from runlog.errors import ConfigError, PayloadError, RunlogError, TokenNotFound
from runlog.tasks import wait
from runlog.tasks.callbacks import CALLBACKS, Callbacks
from runlog.web.api.types import Problem
from runlog.web.endpoint import Call, Endpoint, Refused
from runlog.web.readers import refusal

_MOST = 256 * 1024


class Completed(msgspec.Struct):
    """The token is completed, by this request."""

    completed: bool = True


async def callback(call: Call) -> Completed:
    try:
        token_id = Callbacks(call.services.settings).token_id(call.path["secret"])
    except ConfigError:  # the key cannot be read: nobody can be told apart
        token_id = None
    if token_id is None:
        raise _unknown()
    try:
        await call.services.project.open()
        done = await wait.complete_token(token_id, call.body)
    except TokenNotFound:  # it was forgotten with its run
        raise _unknown() from None
    except PayloadError as error:
        raise Refused(400, Problem("bad-request", "this cannot be an output", error.why or "")) from error
    except RunlogError as error:
        raise refusal(error) from error
    if not done:
        raise Refused(410, Problem("conflict", "this was completed, or its time was over, already"))
    return Completed()


def _unknown() -> Refused:
    return Refused(404, Problem("not-found", "there is nothing here"))


ENDPOINTS = (
    Endpoint(
        "POST",
        CALLBACKS + "{secret}",
        callback,
        None,
        "Complete the token that this callback is for, once; the body becomes its output.",
        Completed,
        body=Any,
        most_body=_MOST,
        limited=True,
    ),
)
