"""Streams: chunks that a run gives away while it works, such as the tokens of a model."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

from runlog.logger import write_log
from runlog.recording import get_recorder
from runlog.recording.clean import clean_text
from runlog.stores.base import INFO, STREAM_PREFIX
from runlog.system.signals import raised_by_signal
from runlog.tasks.checks import check_name
from runlog.tracing.scope import current_place


class Stream:
    """A stream of the run that the caller is in; made by `stream(name)`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def write(self, chunk: Any) -> None:
        """Add a chunk: text, or plain data, which is kept as JSON.

        It is in the run log when this returns, as logs are, in the order of the calls, and those who subscribe get it
        a moment later. Never raises and never waits; any thread may call it.
        """
        try:
            recorder = get_recorder()
            extra = None if isinstance(chunk, str) else {"json": True}
            message = clean_text(chunk, recorder.limits)
            write_log(recorder, INFO, STREAM_PREFIX + self.name, message, {}, extra, current_place())
        except Exception as error:
            if raised_by_signal(error):
                raise
            with suppress(Exception):
                print(f"runlog: a chunk of stream {self.name!r} is lost: {type(error).__name__}", file=sys.stderr)  # noqa: T201

    def __repr__(self) -> str:
        return f"<Stream {self.name!r}>"


def stream(name: str) -> Stream:
    """The stream of this name in the run that the caller is in; outside every run its chunks belong to no run.

    A name has 1 to 128 characters and no blanks. Raises TaskError.
    """
    return Stream(check_name(name, "the name of a stream", 'stream("tokens")'))
