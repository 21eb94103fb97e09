"""What those who asked the engine's thread are told, other than that it is done."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import apsw

from runlog.engines.base import OnChange
from runlog.engines.local.operations import Item, Operation, Stop, Wait, Waits
from runlog.engines.local.queue import Queue
from runlog.engines.local.replies import Reply, wake
from runlog.engines.local.tokens import TokenWait
from runlog.errors import RunlogError, StoreError
from runlog.stores.base import Run


def store_error(path: Path, error: Exception) -> RunlogError:
    """The error as callers get it."""
    if isinstance(error, RunlogError):
        return error
    return StoreError(f"cannot use the queue {path}", f"{type(error).__name__}: {error}")


def answer_reads(reads: Iterable[Operation], queue: Queue, path: Path) -> None:
    replies = []
    queue.begin()
    for operation in reads:
        reply = operation.reply
        assert reply is not None
        try:
            settled = reply.put(operation.action(queue))
        except Exception as error:  # noqa: BLE001 - what is wrong with one question is not told to all who wait
            settled = reply.put_error(_told(path, error))
        if settled:
            replies.append(reply)
    wake(replies)


def begin_waits(waits: Iterable[Wait | TokenWait], known: Waits, queue: Queue, path: Path) -> None:
    """Answer at once those that can be, and remember the others."""
    replies: list[Reply[Any]] = []
    for wait in waits:
        try:
            known.begin(wait, queue)
        except Exception as error:  # noqa: BLE001 - as with reads
            wait.reply.put_error(_told(path, error))
        if wait.reply.is_settled:
            replies.append(wait.reply)
    wake(replies)


def _told(path: Path, error: Exception) -> RunlogError:
    """`store_error`, of which the engine's own are printed too."""
    if not isinstance(error, (RunlogError, apsw.Error)):
        print("runlog: the engine goes on after an error of its own", file=sys.stderr)  # noqa: T201
        traceback.print_exception(error)
    return store_error(path, error)


def refuse(items: Iterable[Item], error: BaseException, also: Iterable[Reply[Any]] = ()) -> None:
    """Tell the error to who waits for these, and has no answer yet; who waits for the end has it. Wake `also`, too."""
    replies = list(also)
    for item in items:
        if item is None or item.reply is None:
            continue
        if item.reply.put(None) if isinstance(item, Stop) else item.reply.put_error(error):
            replies.append(item.reply)
    wake(replies)


def tell_changes(runs: Iterable[Run], on_change: OnChange) -> None:
    for run in runs:
        try:
            on_change(run)
        except Exception:  # noqa: BLE001 - the queue goes on, whatever becomes of its history
            print(f"runlog: a change of run {run.run_id} could not be recorded", file=sys.stderr)  # noqa: T201
            traceback.print_exc()
