"""A thread's way into the spool.

A chain is written to by one thread, without a lock. A call that interrupts an append (a signal handler, `__del__`)
finds the chain busy and writes to one nested in it. An append that an exception broke off (raised by the handler of a
signal) leaves its segment torn, and nothing is written after it there.
"""

from __future__ import annotations

import sys
import threading
from types import CodeType, FrameType
from typing import TYPE_CHECKING
from zlib import crc32

from runlog.recording.segment import HEADER, WORD, Segment, record_space

if TYPE_CHECKING:
    from runlog.recording.spool import Spool

GIL_FREE = 5120  # zlib gives the GIL up over this many bytes, and getting it back can take 5 ms


class Chain:
    """One thread's way into the spool. Only its thread writes to it, but for what is noted below.

    `offset` and `limit` are positions in the arena. The writer may set `limit` to 0: the owner then looks for another
    segment at its next record. `floor` is the lowest rank admitted.
    """

    __slots__ = (
        "busy", "count", "floor", "limit", "lost", "mapping", "nested", "offset", "refused", "retired", "seed",
        "segment", "spool", "words",
    )  # fmt: skip

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.busy = False
        self.retired = False
        self.segment: Segment | None = None
        self.mapping = spool.no_mapping
        self.words = spool.no_words
        self.offset = self.limit = self.seed = 0
        self.count = 0
        self.floor = spool.floor
        self.refused: dict[tuple[str | None, str], int] = {}
        self.lost = 0
        self.nested: Chain | None = None

    def break_off(self) -> None:
        """The append that made it busy is over without an end."""
        if self.segment is not None:
            self.segment.torn = True
        self.limit = 0
        self.busy = False

    def is_written_by(self, *functions: CodeType) -> bool:
        """Tell whether a call of these functions is at work on this chain further down the stack, beside the last."""
        frame: FrameType | None = sys._getframe(1)
        last = True
        while frame is not None:
            if frame.f_code in functions:
                if not last and frame.f_locals.get("chain") is self:
                    return True
                last = False
            frame = frame.f_back
        return False


class ChainOwner:
    """Lives in a thread's locals; its end is the thread's end."""

    __slots__ = ("chain",)

    def __init__(self, chain: Chain) -> None:
        self.chain = chain

    def __del__(self) -> None:
        chain: Chain | None = self.chain
        while chain is not None:
            chain.retired = True
            chain = chain.nested


class ThreadChain(threading.local):
    chain: Chain | None = None
    owner: ChainOwner | None = None


def append(chain: Chain, payload: bytes) -> None:
    """Put a payload where there is room for it."""
    start, length = chain.offset, len(payload)
    chain.mapping[start + WORD : start + WORD + length] = payload
    chain.words[start // WORD] = checksum(payload, chain.seed) << 32 | length
    chain.offset = start + record_space(length)


def append_alone(chain: Chain, payload: bytes) -> bool:
    """Put a payload into a segment of its own; False if the spool has no room for that."""
    segment = chain.spool.own_segment(payload)
    if segment is None:
        return False
    start, length = segment.base + HEADER, len(payload)
    segment.arena.mapping[start + WORD : start + WORD + length] = payload
    segment.arena.words[start // WORD] = checksum(payload, segment.number) << 32 | length
    segment.sealed = True
    return True


def checksum(payload: bytes, seed: int) -> int:
    """The CRC-32 of a payload, without ever giving up the interpreter."""
    if len(payload) < GIL_FREE:
        return crc32(payload, seed)
    view = memoryview(payload)
    for offset in range(0, len(payload), GIL_FREE):
        seed = crc32(view[offset : offset + GIL_FREE], seed)
    return seed


def refuse(chain: Chain, run_id: str | None, reason: str) -> bool:
    """Count a record that was refused, for the writer to report; always False."""
    refused, key = chain.refused, (run_id, reason)
    refused[key] = refused.get(key, 0) + 1
    return False
