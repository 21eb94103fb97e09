"""What every part of the API has: problems, who is asking, links to runs."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from runlog.stores.base import RunStatus

Pairs = list[tuple[str, Any]]
Times = list[tuple[str, float]]
"""Times that a text names: as they are written there, in the server's zone, and in ms."""
Scope = Literal["view", "operate"]


class Problem(msgspec.Struct, omit_defaults=True):
    """Why a request was refused or failed: what happened, why, and what helps."""

    code: str
    """bad-request, bad-query, unauthorized, forbidden, not-found, conflict, too-large, timeout, busy, too-many,
    internal, no-log."""
    what: str
    why: str = ""
    fix: str = ""
    position: int | None = None
    """Where in the query the error is, in UTF-16 units, as JavaScript counts."""
    count: int | None = None
    """Of a conflict over many runs: how many match now."""


class ProblemAnswer(msgspec.Struct):
    error: Problem


class Session(msgspec.Struct):
    """Who is asking, and what is served."""

    project: str
    """The name of the project's folder."""
    version: str
    """Of runlog."""
    scope: Scope
    can_operate: bool
    """Cancel and replay: the token's scope has it, and there is a queue that can be written."""
    time: float
    """The server's clock."""
    has_log: bool
    """Whether anything was recorded yet."""


class ErrorTitle(msgspec.Struct):
    type: str
    message: str
    """Cut at 500 characters."""


class Piece(msgspec.Struct):
    """A part of a sentence, with the style of the console: bad, good, task, message, source, note, ..."""

    text: str
    style: str


class RunLink(msgspec.Struct):
    run_id: str
    task: str
    status: RunStatus
