"""A process's spool: where records are between the call that made them and the store.

Nothing in here takes a lock. A thread writes to a chain of segments of its own (see `recording.chain`). What threads
share (free segments, the tables of what is in use) is changed only by single operations of deque and dict, which the
interpreter makes atomic.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from collections import deque
from contextlib import suppress
from itertools import count
from pathlib import Path

from runlog.recording.chain import Chain
from runlog.recording.masks import save_masks
from runlog.recording.notice import Notices
from runlog.recording.segment import HEADER, SEED_MASK, SUFFIX, Arena, Segment, record_space
from runlog.system.files import private_directory
from runlog.system.process import ProcessLock
from runlog.system.signals import raised_by_signal

MIB = 1 << 20
MEMORY_LIMIT = 64 * MIB
LOCK_FILE = "lock"
NEW_PREFIX = ".new-"  # a folder whose lock is not held yet; recovery leaves it alone for a while

_FULL_USAGE = ((0.95, 3), (0.85, 2), (0.70, 1))  # from this usage on, ranks below are refused
_SMALL_DIVISOR = 16
_PER_ARENA = 8
_PAGE = 4096
OWNERLESS_LOOKS = 5  # looks (one a second) after which what nobody owns is taken back
_RETRY_FILES = 2.0  # seconds between attempts to come back from memory to files


class Spool:
    """The segments of one process, in a folder of its own under `root` or, where that is impossible, in memory.

    `capacity` and `segment_size` are bytes.
    """

    def __init__(self, root: Path, capacity: int, segment_size: int, notices: Notices) -> None:
        self.root, self.capacity, self.notices = root, capacity, notices
        self.id = f"{time.time_ns() // 1_000_000:012x}-{os.getpid()}-{secrets.token_hex(4)}"
        self.full_size = max(_PAGE, min(segment_size, capacity // 64) // _PAGE * _PAGE)
        self.small_size = max(_PAGE, self.full_size // _SMALL_DIVISOR // _PAGE * _PAGE)
        self.path: Path | None = None
        self.degraded: str | None = None
        self.floor = 0
        self.closing = False
        self.chains: dict[int, Chain] = {}
        self.active: dict[int, Segment] = {}
        self.wants_full = False
        self._free: dict[int, deque[Segment]] = {self.small_size: deque(), self.full_size: deque()}
        self._arenas: dict[int, Arena] = {}
        self._numbers = count(1)
        self._names = count(1)
        self._ownerless: dict[int, int] = {}
        self._files_retry_at = 0.0
        self._lock: ProcessLock | None = None
        self._masks_saved: tuple[Path | None, int] = (None, 0)
        nothing = Arena(None, _PAGE, 1)
        self.no_mapping, self.no_words = nothing.mapping, nothing.words
        try:
            self._open_folder()
        except OSError as error:
            if raised_by_signal(error):
                raise
            self._degrade(error)

    def _open_folder(self) -> Path:
        private_directory(self.root.parent)
        private_directory(self.root)
        new = private_directory(self.root / (NEW_PREFIX + self.id))
        lock = ProcessLock(new / LOCK_FILE)
        try:
            _take(lock)
            new.rename(self.root / self.id)  # nobody sees the folder before its lock is held
        except OSError:
            lock.release()
            shutil.rmtree(new, ignore_errors=True)
            raise
        lock.path = self.root / self.id / LOCK_FILE
        self._lock = lock
        self.path = self.root / self.id
        self.save_masks()
        return self.path

    def save_masks(self) -> None:
        """Have the masks registered so far beside the records."""
        path, (saved_in, saved) = self.path, self._masks_saved
        if path is not None:
            self._masks_saved = (path, save_masks(path, saved if saved_in is path else 0))

    # --- the owner's side: called from any thread, at any time -------------------------------------------------

    def new_chain(self) -> Chain:
        chain = Chain(self)
        self.chains[id(chain)] = chain
        return chain

    def advance(self, chain: Chain, length: int) -> bool:
        """Give a chain a fresh segment, with room for a payload of this length; False if the spool is full."""
        needed = HEADER + record_space(length)
        if self.closing or needed > self.full_size:
            return False
        old = chain.segment
        outgrown = old is not None and chain.limit != 0
        size = self.full_size if outgrown or needed > self.small_size else self.small_size
        segment = self._take(size, needed)
        if segment is None:
            return False
        if old is not None:
            old.sealed = True
        chain.segment = segment
        chain.mapping, chain.words = segment.arena.mapping, segment.arena.words
        chain.seed = segment.number & SEED_MASK
        chain.offset = segment.base + HEADER
        chain.limit = segment.base + segment.size
        return True

    def own_segment(self, payload: bytes) -> Segment | None:
        """Return a segment for one record larger than a segment; None if there is no room. The caller seals it."""
        size = -(-(HEADER + record_space(len(payload))) // _PAGE) * _PAGE
        arena = self._new_arena(size, 1)
        if arena is None:
            return None
        segment = arena.segment(0, next(self._numbers))
        self.active[segment.number] = segment
        self.update_floor()
        return segment

    def _take(self, size: int, least: int) -> Segment | None:
        segment = None
        for wanted in (size, self.full_size, self.small_size):
            if wanted < least:
                continue
            with suppress(IndexError):
                segment = self._free[wanted].popleft()
                break
            if wanted == size and self._grow(wanted, fault_in=False):
                with suppress(IndexError):  # another thread may be faster
                    segment = self._free[wanted].popleft()
                    break
        if segment is None:
            return None
        self.active[segment.number] = segment
        self.wants_full = self.wants_full or size == self.full_size
        self.update_floor()
        return segment

    def _grow(self, size: int, *, fault_in: bool) -> bool:
        number = _SMALL_DIVISOR if size == self.small_size else _PER_ARENA
        arena = self._new_arena(size, min(number, self._room() // size))
        if arena is None:
            return False
        try:
            segments = [arena.segment(index, next(self._numbers)) for index in range(arena.count)]
            if fault_in:
                for segment in segments:
                    segment.fault_in()
            self._free[size].extend(segments)
        except BaseException:  # a signal's handler may raise here
            self._drop(arena)
            raise
        return True

    def _new_arena(self, size: int, number: int) -> Arena | None:
        if number < 1 or size * number > self._room():
            return None
        arena = None
        name = next(self._names)
        if self.degraded is None or time.monotonic() >= self._files_retry_at:
            try:
                arena = Arena((self.path or self._open_folder()) / f"{name:08}{SUFFIX}", size, number)
                self.degraded = None
            except (OSError, ValueError) as error:
                if raised_by_signal(error):  # a TimeoutError is an OSError, and says nothing of the disk
                    raise
                self._degrade(error)
        if arena is None:
            if size * number > self._room():  # less of it in memory
                number = self._room() // size
            if number < 1:
                return None
            try:
                arena = Arena(None, size, number)
            except (OSError, ValueError) as error:
                if raised_by_signal(error):
                    raise
                return None
        self._arenas[name] = arena
        return arena

    def _degrade(self, error: Exception) -> None:
        self.degraded = f"{self.path or self.root}: {getattr(error, 'strerror', None) or error}"
        self._files_retry_at = time.monotonic() + _RETRY_FILES

    # --- how full it is ----------------------------------------------------------------------------------------

    def _room(self) -> int:
        """Bytes that new arenas may still take."""
        arenas = list(self._arenas.values())
        room = self.capacity - sum(arena.size for arena in arenas)
        if self.degraded is not None or self.path is None:
            room = min(room, MEMORY_LIMIT - sum(arena.size for arena in arenas if arena.path is None))
        return max(0, room)

    def usage(self) -> float:
        """How much of the spool is taken, 0 to 1."""
        full = self.full_size
        capacity = self.capacity if self.degraded is None else min(self.capacity, MEMORY_LIMIT)
        available = len(self._free[full]) * full + self._room() // full * full
        return min(1.0, max(0.0, 1 - available / capacity))

    def update_floor(self) -> None:
        """Set the lowest rank that is admitted, by how full the spool is."""
        usage = self.usage()
        floor = next((rank for at, rank in _FULL_USAGE if usage >= at), 0)
        if floor != self.floor:
            self.floor = floor
            for chain in list(self.chains.values()):
                chain.floor = floor

    # --- the writer's side: one thread -------------------------------------------------------------------------

    def recycle(self, segment: Segment) -> None:
        """A segment is sealed and stored: zero it, and make it free under a new number."""
        segment.done = True
        self.active.pop(segment.number, None)
        arena = segment.arena
        if segment.size not in self._free:
            self._drop(arena)
            return
        if arena.path is not None and arena.path.parent != self.path:  # its folder was deleted
            self._drop(arena)
            return
        segment.wipe()  # before the number changes: without its position the records would be found again
        self._free[segment.size].append(arena.segment(segment.index, next(self._numbers)))

    def keep_ready(self) -> None:
        """Keep spare segments, so that no user's thread has to make one."""
        self.update_floor()
        if not self.closing:
            for size in (self.small_size, self.full_size) if self.wants_full else (self.small_size,):
                if len(self._free[size]) < 2 and (size == self.full_size or self.usage() < 0.5):
                    self._grow(size, fault_in=True)

    def trim(self) -> None:
        """Delete files that a past burst needed: those wholly free, as long as one of their kind is left."""
        for free in self._free.values():
            by_arena: dict[int, list[Segment]] = {}
            for segment in list(free):
                by_arena.setdefault(id(segment.arena), []).append(segment)
            unused = [segments for segments in by_arena.values() if len(segments) == segments[0].arena.count]
            for segments in unused if len(unused) < len(by_arena) else unused[1:]:
                taken = [segment for segment in segments if _remove(free, segment)]
                if len(taken) == len(segments):
                    self._drop(segments[0].arena)
                else:
                    free.extend(taken)
        self._drop_ownerless()
        self.update_floor()

    def _drop_ownerless(self) -> None:
        """Delete files whose making was broken off: no segment of theirs has been known for some time."""
        segments = [*list(self.active.values()), *(segment for free in self._free.values() for segment in list(free))]
        known = {id(segment.arena) for segment in segments}
        ownerless = {name: arena for name, arena in list(self._arenas.items()) if id(arena) not in known}
        self._ownerless = {name: self._ownerless.get(name, 0) + 1 for name in ownerless}
        for name, arena in ownerless.items():
            if self._ownerless[name] >= OWNERLESS_LOOKS:
                self._drop(arena)

    def _drop(self, arena: Arena) -> None:
        for name, known in list(self._arenas.items()):
            if known is arena:
                del self._arenas[name]
        arena.unlink()

    def forget(self, chain: Chain) -> None:
        self.chains.pop(id(chain), None)

    def heartbeat(self) -> None:
        """Leave a sign of life: the latest time that recovery can say this process was seen."""
        if self._lock is not None:
            try:
                os.utime(self._lock.path)
            except FileNotFoundError:
                self._move_on()
            except OSError:
                pass

    def _move_on(self) -> None:
        """Someone has deleted the folder: what is in it is still drained, and what comes goes into a new one."""
        self.release()
        self.path, self.degraded, self._files_retry_at = None, "the folder was deleted", 0.0
        for free in self._free.values():
            free.clear()
        in_use = {id(segment.arena) for segment in list(self.active.values())}
        for arena in list(self._arenas.values()):
            if id(arena) not in in_use:
                self._drop(arena)
        for chain in list(self.chains.values()):
            chain.limit = 0

    # --- the end -----------------------------------------------------------------------------------------------

    def stop_appends(self, deadline: float) -> bool:
        """Turn every owner away from its segment, to the recorder's next spool; False if one is stuck half-way."""
        self.closing = True
        for chain in list(self.chains.values()):
            while True:
                chain.limit = 0
                if not chain.busy and chain.limit == 0:
                    break
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.0005)
            if chain.segment is not None:
                chain.segment.sealed = True
        return True

    def delete_segments(self) -> None:
        """Everything is stored: delete the files. The store may forget the positions only after this."""
        for arena in list(self._arenas.values()):
            arena.unlink()

    def delete_folder(self) -> None:
        """Delete the folder and give up its lock."""
        if self.path is not None:
            shutil.rmtree(self.path, ignore_errors=True)
        self.release()

    def leave_to_parent(self) -> None:
        """This is a forked child's copy: let go of it, and touch nothing in it."""
        self.release()
        for arena in self._arenas.values():
            arena.unmap()

    def release(self) -> None:
        """Give up the lock: whoever looks next finds this spool without an owner."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _take(lock: ProcessLock) -> None:
    """Take the lock of a new folder. Raises OSError: without it another process would take this one for dead, and its
    records for its own to store."""
    if not lock.acquire():
        raise OSError(errno.ENOLCK, "its lock file cannot be locked", str(lock.path))


def _remove(free: deque[Segment], segment: Segment) -> bool:
    try:
        free.remove(segment)
    except ValueError:  # a thread has just taken it
        return False
    return True
