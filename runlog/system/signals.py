"""Telling an exception that a signal's handler has raised from one of the code it interrupted."""

from __future__ import annotations

import signal
import threading


def raised_by_signal(error: BaseException) -> bool:
    """Whether the handler of a signal raised it: it is meant for the program (a time limit, say), wherever it struck.

    For the rare case only: it looks at every handler. False where the handler is no Python function or method.
    """
    if threading.current_thread() is not threading.main_thread():  # where handlers run
        return False
    codes = set()
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        code = getattr(handler, "__code__", None) or getattr(getattr(handler, "__func__", None), "__code__", None)
        if code is not None:
            codes.add(code)
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code in codes:
            return True
        traceback = traceback.tb_next
    return False
