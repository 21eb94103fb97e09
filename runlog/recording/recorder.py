"""The recorder: where every record of the process goes down the road.

`Recorder.emit` is the whole of what the user's thread does: encode, copy into the spool, return.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet
from zlib import crc32

import msgspec

from runlog.recording import masks
from runlog.recording.chain import GIL_FREE, Chain, ChainOwner, ThreadChain, append, append_alone, checksum, refuse
from runlog.recording.clean import Limits
from runlog.recording.notice import Notices
from runlog.recording.recovery import close_locks_in_child
from runlog.recording.refusals import FULL, INVALID, RATE, SPOOL
from runlog.recording.segment import HEADER, record_space
from runlog.recording.sink import Sink
from runlog.recording.sinks import Sinks
from runlog.recording.spool import MIB, Spool
from runlog.recording.statistics import RecorderStatistics, count_up
from runlog.recording.writer import Writer
from runlog.stores.base import LEVELS, Event, Run
from runlog.system.forking import importing
from runlog.system.signals import raised_by_signal

if TYPE_CHECKING:
    from runlog.config import Settings

RANK_DEBUG, RANK_INFO, RANK_SPAN, RANK_ALWAYS = 0, 1, 2, 3
"""What is refused first as the spool fills: below 70 %, 85 %, 95 % each is admitted; the last up to 100 %."""

_RANK_NAMES = ("debug", "info", "span")
_EXIT_TIMEOUT = 2.0
_TAKE_BACK_TIMEOUT, _OPENING_POLL = 0.5, 0.005
_WINDOW, _PER_WINDOW = 30, 2**30 / 1e9  # rates are counted in windows of 2**30 ns
_MOST_RATES = 4096

_encode = msgspec.msgpack.Encoder().encode


class Recorder:
    """Takes records of a project. The spool and the writer thread come with the first record.

    Every method may be called from any thread, and `emit` from signal handlers and `__del__` too.
    """

    def __init__(self, settings: Settings) -> None:
        self.notices = Notices()
        self._sinks = Sinks()
        self.next_sequence: Callable[[], int] = count(1).__next__
        """Return the next number of the order in which this process's records were made."""
        self._rates: dict[str, list[int]] = {}
        self._spools: dict[int, Spool] = {}
        self._spool: Spool | None = None
        self._writer: Writer | None = None
        self._generation = 0
        self._local = ThreadChain()
        self._closed = False
        self._left_to_parent: list[object] = []
        self.configure(settings)
        _recorders.add(self)
        _watch_process()

    def configure(self, settings: Settings) -> None:
        """Use other settings of the same project. Raises ConfigError for rules that mean nothing."""
        limits = Limits.from_settings(settings)
        finisher = _new_finisher(settings, limits)
        self.settings, self.limits, self.level = settings, limits, LEVELS[settings.log.level]
        self._finisher = finisher
        self._rate = int(settings.log.rate * _PER_WINDOW)
        if self._writer is not None:
            self._writer.configure(settings, finisher)

    # --- the hot path ------------------------------------------------------------------------------------------

    def emit(self, record: Event | Run | tuple[Any, ...], rank: int, run_id: str | None = None) -> bool:
        """Put a record (plain data, see `recording.clean`; or a tuple laid out like one, its tag first) on the road.

        True: it will be stored, even if the process is killed now. False: it was refused, which is counted and shown
        in its run. Raises nothing (but what a signal's handler raises meanwhile), takes no lock and does no input or
        output, but for the first record of a thread.
        """
        chain = self._local.chain
        if chain is None or chain.busy:
            chain = self._find_chain(chain)
            if chain is None:
                return False
        if rank < RANK_ALWAYS:
            if rank < chain.floor:
                return refuse(chain, run_id, f"{SPOOL}:{_RANK_NAMES[rank]}")
            if run_id is not None and self._rate and not self._within_rate(record, run_id):
                return refuse(chain, run_id, RATE)
        payload = None
        chain.busy = True
        try:
            payload = _encode(record)
            length = len(payload)
            start = chain.offset
            body = start + 8
            end = body + ((length + 7) & -8)
            if end > chain.limit:
                return self._emit_elsewhere(chain, payload, run_id)
            chain.mapping[body : body + length] = payload
            chain.words[start >> 3] = (
                crc32(payload, chain.seed) if length < GIL_FREE else checksum(payload, chain.seed)
            ) << 32 | length
            chain.offset = end
            chain.count += 1
            chain.busy = False
        except BaseException as error:
            if payload is not None:  # perhaps half of it was copied: nothing may follow it in this segment
                chain.break_off()
            chain.busy = False
            if not isinstance(error, Exception) or raised_by_signal(error):
                raise
            return refuse(chain, run_id, INVALID)
        return True

    def _emit_elsewhere(self, chain: Chain, payload: bytes, run_id: str | None) -> bool:
        """The chain's segment has no room, or was taken back: find another place."""
        while chain.spool.closing:
            chain.busy = False
            other = self._find_chain(self._local.chain)
            if other is None or other.spool is chain.spool:
                return refuse(chain, run_id, FULL)
            chain = other
            chain.busy = True
        length = len(payload)
        if HEADER + record_space(length) > chain.spool.full_size:
            done = append_alone(chain, payload)
        elif chain.offset + record_space(length) <= chain.limit or chain.spool.advance(chain, length):
            append(chain, payload)
            done = True
        else:
            done = False
        if done:
            chain.count += 1
        else:
            chain.lost += 1
        chain.busy = False
        return done or refuse(chain, run_id, FULL)

    def _find_chain(self, chain: Chain | None) -> Chain | None:
        """Return a chain for this call: the thread's first, or one beside that which an interrupted call is using."""
        try:
            if chain is None or chain.spool.closing:
                local = self._local  # before the spool: `close` changes both, and what is kept must be the newer
                chain = (self._spool or self._open_spool()).new_chain()
                local.owner = ChainOwner(chain)
                local.chain = chain
            while chain.busy:
                if not chain.is_written_by(*_WRITING):
                    chain.break_off()
                else:
                    chain.nested = chain.nested or chain.spool.new_chain()
                    chain = chain.nested
        except Exception as error:  # whatever it is, the user's thread goes on
            if raised_by_signal(error):
                raise
            self.notices.say("chain", f"records are lost: {type(error).__name__}: {error}")
            return None
        return chain

    def _within_rate(self, record: Event | Run | tuple[Any, ...], run_id: str) -> bool:
        if type(record) is tuple:
            if record[2] != "log":
                return True
            window = record[7] >> _WINDOW
        elif type(record) is Event and record.kind == "log":
            window = record.time >> _WINDOW
        else:
            return True
        rate = self._rates.get(run_id)
        if rate is None or rate[0] != window:
            if len(self._rates) > _MOST_RATES:
                self._rates = {}
            self._rates[run_id] = [window, 1]
            return True
        rate[1] += 1
        return rate[1] <= self._rate

    # --- opening and closing -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the spool and start the writer now: it also recovers what dead processes left."""
        if self._spool is None:
            self._open_spool()

    def _open_spool(self) -> Spool:
        """Open the spool unless another thread, or a call that this one interrupted, has done so."""
        settings, generation = self.settings, self._generation
        mine = Spool(
            settings.spool_path, settings.spool.size * MIB, int(settings.spool.segment_size * MIB), self.notices
        )
        spool = self._spools.setdefault(generation, mine)
        if spool is not mine:
            mine.delete_folder()
            return spool
        writer = None
        try:
            if not self._closed:
                writer = Writer(settings, spool, self._sinks, self._finisher, self.next_sequence, self.notices)
                writer.start()
                self._writer = writer
            self._spool = spool
        except BaseException:  # a signal's handler may raise anywhere
            if writer is not None and writer.has_begun():
                self._writer, self._spool = writer, spool
            else:
                self._take_back(generation, spool)
            raise
        spool.save_masks()  # those registered since its folder was made
        return spool

    def _take_back(self, generation: int, spool: Spool) -> None:
        """A published spool will never have a writer: the next record opens another, whose writer recovers this one."""
        self._spools.pop(generation, None)
        if self._spool is spool:
            self._spool = None
        if spool.stop_appends(time.monotonic() + _TAKE_BACK_TIMEOUT):
            spool.release()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until everything emitted before is stored and with the sinks; False if that takes longer (seconds).

        Not for signal handlers, nor for sinks.
        """
        deadline = time.monotonic() + timeout
        while (writer := self._writer) is None and self._generation in self._spools and not self._closed:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_OPENING_POLL)  # another thread is opening the spool
        if writer is None:
            return self._generation not in self._spools
        return writer.ask(max(0.0, deadline - time.monotonic()))

    def close(self, timeout: float = 2.0) -> None:
        """Store what there is, within `timeout` seconds; what remains stays in the spool for the next process.

        Records that still come go to another spool, which is recovered once this process has ended.
        """
        self._closed = True
        writer = self._writer
        self._generation += 1
        self._spool = self._writer = None
        local, self._local = self._local, ThreadChain()
        if writer is not None:
            writer.ask(timeout, stop=True)
        del local  # not before: no chain may look like that of an ended thread while its thread still has it
        _forget(self)

    def add_sink(self, sink: Sink) -> None:
        """Give a sink every batch from now on."""
        self._sinks.add(sink)

    def remove_sink(self, sink: Sink) -> None:
        """Give it no more. It is not closed."""
        self._sinks.remove(sink)

    @property
    def spool_usage(self) -> float:
        """How much of the spool is taken by records that are not stored yet, 0 to 1."""
        spool = self._spool
        return 0.0 if spool is None else spool.usage()

    @property
    def spool_folder(self) -> Path | None:
        """Where this process's records wait until they are stored; None where that is in memory."""
        return None if self._spool is None else self._spool.path

    def statistics(self) -> RecorderStatistics:
        """Return what became of this process's records so far."""
        return count_up(self._spool, self._writer, dict(self._sinks.errors))

    def _begin_in_child(self) -> None:
        """This is a forked child: leave the parent's spool, thread and store alone, and begin anew."""
        spool, writer = self._spool, self._writer
        if spool is not None:
            spool.leave_to_parent()
        if writer is not None:
            self._left_to_parent.append(writer.keeper)  # the parent's connection, which must never be closed here
        self._generation += 1
        self._spool = self._writer = None
        self._local = ThreadChain()


_WRITING = (Recorder.emit.__code__, Recorder._emit_elsewhere.__code__)


def _new_finisher(settings: Settings, limits: Limits) -> Any:
    from runlog.recording.finish import Finisher
    from runlog.recording.scrub import Scrubber

    return Finisher(Scrubber(settings.scrub.keys, settings.scrub.patterns), limits)


# --- the process's recorder ------------------------------------------------------------------------------------

_recorders: WeakSet[Recorder] = WeakSet()
_current: dict[str, Recorder] = {}  # changed by single operations only: no lock that a signal handler could meet
_CURRENT = "current"
_watched: list[bool] = []
_exiting: list[bool] = []


def get_recorder() -> Recorder:
    """Return the process's recorder; open it with the settings found from the current folder if there is none.

    Settings that are wrong are named on stderr, and the defaults are used.
    """
    return _current.get(_CURRENT) or _open_default()


def _open_default() -> Recorder:
    with importing:
        known = _current.get(_CURRENT)
        if known is not None:
            return known
        from runlog.config import Settings

        try:
            recorder = Recorder(Settings.load())
        except Exception as error:  # noqa: BLE001  # a record must never fail for a config file
            recorder = Recorder(Settings.salvage())
            reason = " ".join(str(error).split())
            recorder.notices.say("settings", f"some settings cannot be used, their defaults are: {reason}")
        _current[_CURRENT] = recorder
        with suppress(Exception):
            import runlog.stores.sqlite  # noqa: F401 - the writer's: loaded before anyone can fork
            from runlog.console import attach

            attach(recorder.settings, recorder)
        return recorder


def open_recorder(settings: Settings) -> Recorder:
    """Make a recorder with these settings the process's, and start it.

    One for the same project folder goes on with these settings; another is closed, and stores what it holds there.
    """
    known = _current.get(_CURRENT)
    if known is not None and _same_place(known.settings, settings):
        known.configure(settings)
        known.start()
        return known
    recorder = Recorder(settings)
    _current[_CURRENT] = recorder
    if known is not None:
        known.close()
    recorder.start()
    return recorder


def _same_place(one: Settings, other: Settings) -> bool:
    return one.spool_path.resolve() == other.spool_path.resolve() and one.log_path.resolve() == other.log_path.resolve()


def _forget(recorder: Recorder) -> None:
    """A closed recorder is the process's no more, except at the end of the process."""
    if not _exiting and _current.get(_CURRENT) is recorder:
        _current.pop(_CURRENT, None)


def _watch_process() -> None:
    if not _watched:
        _watched.append(True)
        os.register_at_fork(after_in_child=_after_fork)
        atexit.register(_at_exit)
        masks.mask_listeners.append(_on_mask)


def _after_fork() -> None:
    close_locks_in_child()
    for recorder in list(_recorders):
        recorder._begin_in_child()


def _at_exit() -> None:
    _exiting.append(True)
    for recorder in list(_recorders):
        if recorder._spool is not None and not recorder._closed:
            recorder.close(_EXIT_TIMEOUT)


def _on_mask() -> None:
    for recorder in list(_recorders):
        if (spool := recorder._spool) is not None:
            spool.save_masks()
