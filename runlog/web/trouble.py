"""What the server says of its own failures: where, and none of the data that was in hand."""

from __future__ import annotations

import logging

_log = logging.getLogger("runlog.web")


def say(what: str, error: BaseException) -> None:
    """Log that something failed: the type of the error and where it was raised, but not its text, which may be
    anybody's data."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = "" if last is None else f" at {last.tb_frame.f_code.co_filename}:{last.tb_lineno}"
    _log.error("%s failed: %s%s", what, type(error).__name__, where)
