"""What is sent back: values as JSON, and problems."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from runlog.web.api.types import Problem, ProblemAnswer
from runlog.web.endpoint import Refused

MOST = 4 * 1024 * 1024
"""Bytes of one JSON answer; what may be larger is a download, which streams."""

_encoder = msgspec.json.Encoder(enc_hook=str)


def json_response(value: Any) -> Response:
    """A value as JSON. Raises Refused where it is too large."""
    data = _encoder.encode(value)
    if len(data) > MOST:
        raise Refused(
            413,
            Problem(
                "too-large",
                f"the answer is {len(data):,} bytes of JSON",
                f"one answer has {MOST:,} at most",
                "ask for less: a smaller limit, a shorter time, a narrower query",
            ),
        )
    return Response(data, media_type="application/json")


def problem_response(status: int, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    return Response(_encoder.encode(ProblemAnswer(problem)), status, headers, "application/json")
