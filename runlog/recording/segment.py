"""The spool's memory: arenas (mapped files) cut into segments, and the format of what is in them.

An arena is a file of equal segments, so that a large backlog needs few descriptors. A segment is a header and records:

    header   8 bytes magic and version · 8 bytes segment number · 8 bytes segment size · 8 bytes unused
    record   8 bytes word (length, CRC-32 << 32) · payload · zeros up to the next multiple of 8

The payload is written before the word, and the word in one store, so a record is there whole or not at all, wherever
the process is killed. A zero word ends a segment. The CRC is seeded with the segment's number, so that what is left of
an earlier use never passes for a record. Words are in the machine's byte order: a spool never leaves its machine.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
from contextlib import suppress
from pathlib import Path
from zlib import crc32

from runlog.system.files import private_file

MAGIC = int.from_bytes(b"runlog\x00\x01", sys.byteorder)  # the last byte is the format's version
HEADER = 32
WORD = 8
SUFFIX = ".seg"
SEED_MASK = 0xFFFFFFFF
_LENGTH_MASK = 0xFFFFFFFF
_ZEROS = bytes(65536)
_UNSUPPORTED = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENODEV}


class Arena:
    """A mapping cut into segments of one size. `path` is None where it is memory only."""

    __slots__ = ("count", "mapping", "path", "segment_size", "words")

    def __init__(self, path: Path | None, segment_size: int, count: int) -> None:
        """Reserve and map the space. Raises OSError where that cannot be done; nothing is left behind then."""
        size = segment_size * count
        self.path, self.segment_size, self.count = path, segment_size, count
        self.mapping = mmap.mmap(-1, size) if path is None else _map_new_file(path, size)
        self.words = memoryview(self.mapping).cast("Q")

    @property
    def size(self) -> int:
        return self.segment_size * self.count

    def segment(self, index: int, number: int) -> Segment:
        """Begin a use of the segment at `index` under a number never used before in this spool.

        Its records are zero already: what they were is no longer found under the old number, nor under the new.
        """
        base = index * self.segment_size
        word = base // WORD
        self.words[word + 2] = self.segment_size
        self.words[word + 1] = number
        self.words[word] = MAGIC
        return Segment(self, index, number)

    def unmap(self) -> None:
        """Give the memory back; a use of it that goes on raises ValueError."""
        self.words.release()
        self.mapping.close()

    def unlink(self) -> None:
        """Delete the file. The memory goes when the last segment of it is forgotten."""
        if self.path is not None:
            with suppress(OSError):
                self.path.unlink()


class Segment:
    """One use of a part of an arena. Offsets are bytes from the segment's start."""

    __slots__ = ("arena", "base", "delivered", "done", "drained", "index", "number", "sealed", "size", "torn")

    def __init__(self, arena: Arena, index: int, number: int) -> None:
        self.arena, self.index, self.number = arena, index, number
        self.size = arena.segment_size
        self.base = index * self.size
        self.drained = HEADER
        """Up to here the records are stored."""
        self.delivered = HEADER
        """Up to here the sinks have them."""
        self.sealed = False
        """Its owner will never write to it again."""
        self.torn = False
        """An append to it was interrupted: there may be bytes after its last record."""
        self.done = False
        """All of it is stored, and it is in use no more."""

    def has_records(self, start: int) -> bool:
        return start + WORD <= self.size and bool(self.arena.words[(self.base + start) // WORD])

    def read(self, start: int, most: int, room: int = sys.maxsize) -> list[tuple[bytes | None, int]]:
        return read_records(self.arena.mapping, self.arena.words, self.base, self.size, self.number, start, most, room)

    def fault_in(self) -> None:
        """Touch every page, so that its owner does not have to."""
        for offset in range(self.base + HEADER, self.base + self.size, mmap.PAGESIZE):
            self.arena.mapping[offset] = 0

    def wipe(self) -> None:
        """Zero the records."""
        start = self.base + HEADER
        end = self.base + (self.size if self.torn else self.drained)
        for offset in range(start, end, len(_ZEROS)):
            length = min(len(_ZEROS), end - offset)
            self.arena.mapping[offset : offset + length] = _ZEROS[:length]


def read_records(
    data: mmap.mmap, words: memoryview, base: int, size: int, number: int, start: int, most: int, room: int
) -> list[tuple[bytes | None, int]]:
    """Return up to `most` records of a segment from offset `start`, until they take `room` bytes: (payload, offset
    after it).

    The payload is None for a damaged record. Where its length is not credible either, it is the last of the segment.
    """
    records: list[tuple[bytes | None, int]] = []
    position, seed, last = base + start, number & SEED_MASK, base + size - WORD
    full = position + room
    while position <= last and (word := words[position >> 3]):
        length = word & _LENGTH_MASK
        body = position + WORD
        position = body + ((length + 7) & -8)
        if not length or position > base + size:
            records.append((None, size))
            break
        payload = data[body : body + length]
        records.append((payload if crc32(payload, seed) == word >> 32 else None, position - base))
        if len(records) == most or position >= full:
            break
    return records


def record_space(length: int) -> int:
    """Bytes that a payload of this length takes in a segment."""
    return WORD + ((length + 7) & ~7)


class SegmentImage:
    """A segment in a dead process's file."""

    __slots__ = ("_data", "_words", "base", "number", "size")

    def __init__(self, data: mmap.mmap, words: memoryview, base: int, size: int, number: int) -> None:
        self._data, self._words, self.base, self.size, self.number = data, words, base, size, number

    def has_records(self, start: int) -> bool:
        return start + WORD <= self.size and bool(self._words[(self.base + start) // WORD])

    def read(self, start: int, most: int, room: int = sys.maxsize) -> list[tuple[bytes | None, int]]:
        return read_records(self._data, self._words, self.base, self.size, self.number, start, most, room)


class UnknownFormatError(Exception):
    """A spool file was written by a newer runlog."""


def read_file(path: Path) -> tuple[list[SegmentImage], bool]:
    """Return the segments of a spool file, and whether part of it is damaged beyond reading.

    They are read as they are asked for, and keep the file mapped. Raises UnknownFormatError and OSError.
    """
    images: list[SegmentImage] = []
    with path.open("rb") as file:
        length = os.fstat(file.fileno()).st_size // WORD * WORD
        if not length:
            return images, False
        data = mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ)
    words = memoryview(data).cast("Q")
    base, size = 0, 0
    while base + HEADER <= length:
        magic, number, declared = words[base // WORD], words[base // WORD + 1], words[base // WORD + 2]
        if magic != MAGIC:
            if magic and magic.to_bytes(WORD, sys.byteorder)[:7] == b"runlog\x00":
                raise UnknownFormatError(path)
            if not size:
                return images, any(words)  # zeros only: the process died before its first record in here
        elif HEADER < declared <= length - base:
            size = size or declared
            images.append(SegmentImage(data, words, base, declared, number))
        if not size:
            return images, True
        base += size
    return images, len(images) * size != length


def _map_new_file(path: Path, size: int) -> mmap.mmap:
    descriptor = private_file(path)
    try:
        _reserve(descriptor, size)
        return mmap.mmap(descriptor, size)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(descriptor)


def _reserve(descriptor: int, size: int) -> None:
    """Give the file real blocks: writing to a mapped hole on a full disk would be a SIGBUS."""
    try:
        os.posix_fallocate(descriptor, 0, size)
    except AttributeError:  # macOS
        pass
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
    else:
        return
    for offset in range(0, size, len(_ZEROS)):
        chunk = memoryview(_ZEROS)[: size - offset]
        while chunk:
            chunk = chunk[os.write(descriptor, chunk) :]
