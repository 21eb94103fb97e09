"""The writer: the process's one thread that takes records from the spool to the store and the sinks."""

from __future__ import annotations

import _thread
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from runlog.errors import StoreError
from runlog.recording.batches import Finishes, Item, drain, make_batch, reached, store_items
from runlog.recording.chain import Chain
from runlog.recording.keeper import StoreKeeper
from runlog.recording.notice import Notices
from runlog.recording.recovery import dead_spools, recover
from runlog.recording.refusals import Refusals
from runlog.recording.request import Request
from runlog.recording.segment import HEADER, Segment
from runlog.recording.sinks import Sinks
from runlog.recording.spool import OWNERLESS_LOOKS, Spool
from runlog.recording.untraced import suppress_instrumentation
from runlog.stores.base import Batch

if TYPE_CHECKING:
    from runlog.config import Settings

POLL, IDLE_POLL = 0.02, 0.05  # seconds between two looks at the spool
_IDLE_AFTER = 50  # looks that found nothing
_TEND_EVERY = 1.0
_BEGIN_TIMEOUT = 0.5
_IDLE_CHAIN = 5.0  # seconds without a record after which a thread's segment is taken back


class _EndedError(Exception):
    """The writer was asked to end in the middle of a recovery."""


class Writer:
    """Drains one spool. `start`, `ask` and the counters are for any thread, the rest is its own."""

    def __init__(
        self,
        settings: Settings,
        spool: Spool,
        sinks: Sinks,
        finisher: Finishes,
        next_sequence: Callable[[], int],
        notices: Notices,
    ) -> None:
        self.settings, self.spool, self.sinks, self.finisher, self.notices = settings, spool, sinks, finisher, notices
        self.keeper = StoreKeeper(settings, notices)
        self.refusals = Refusals(next_sequence, settings.log.rate)
        self.stored = self.drained = self.damaged = self.recovered = 0
        self.retired_count = self.lost = self._lost_said = 0
        self.alive = False
        self.ident: int | None = None
        self._requests: SimpleQueue[Request] = SimpleQueue()
        self._stop: Request | None = None
        self._waiting: list[tuple[Request, list[tuple[Segment, int]], int]] = []
        self._quiet = False
        self._next_sequence = next_sequence
        self._held = 0
        self._hand: list[Item] = []
        self._hand_delivered = self._ahead = False
        self._closed_segments: list[int] = []
        self._tended = 0.0
        self._idle: dict[int, tuple[int, float]] = {}
        self._ownerless: dict[int, int] = {}

    def configure(self, settings: Settings, finisher: Finishes) -> None:
        """Go on with other settings of the same project."""
        self.settings, self.finisher = settings, finisher
        self.keeper.settings, self.refusals.rate = settings, settings.log.rate

    def start(self) -> None:
        """Start the thread. It is a bare one: `threading.Thread.start` takes locks that a signal handler could meet.

        What it needs has been imported before: a child forked while it imports would wait for that for ever.
        """
        self.alive = True
        try:
            self.ident = _thread.start_new_thread(self._run, ())
        except RuntimeError:  # no thread any more at the interpreter's end: recovery will do it
            self.alive = False

    def has_begun(self) -> bool:
        """Tell whether the thread runs, after an exception came out of `start`."""
        deadline = time.monotonic() + _BEGIN_TIMEOUT
        while self.alive and self.ident is None and time.monotonic() < deadline:
            time.sleep(0.001)
        self.alive = self.alive and self.ident is not None
        return self.alive

    def ask(self, timeout: float, *, stop: bool = False) -> bool:
        """Wait until all recorded before is stored (and, for `stop`, the thread has ended); False if not in time."""
        if not self.alive or self.ident == threading.get_ident():
            return False
        request = Request(timeout, stop=stop)
        self._requests.put(request)
        request.done.wait(timeout + (0.1 if stop else 0.0))
        return request.granted

    # --- the thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self.ident = threading.get_ident()
        quiet, delay = 0, 0.0
        try:
            suppress_instrumentation()
            while self._stop is None and not self._take_requests(delay):
                try:
                    more = self._cycle()
                except Exception as error:  # noqa: BLE001  # the road must stay open
                    self.notices.say("writer", f"the writer stumbled: {type(error).__name__}: {error}")
                    more = False
                quiet = quiet + 1 if self._quiet else 0
                delay = 0.0 if more else IDLE_POLL if quiet > _IDLE_AFTER and not self._waiting else POLL
                if self._waiting and not self._hand:
                    delay = 0.0
        finally:
            self.alive = False
            if self._stop is not None:
                self._stop.done.set()

    def _cycle(self) -> bool:
        """Look once; tell whether there is more to drain at once."""
        more = self._look()
        if not self._is_to_stop():
            self.keeper.prune()
        now = time.monotonic()
        if now - self._tended >= _TEND_EVERY:
            self._tended = now
            self._tend(now)
        return more and not self._hand

    def _look(self) -> bool:
        more = False
        self._settle_chains()
        if self._hand:
            self._store_hand()
        if not self._hand:
            more = self._drain()
        elif not self.keeper.ready:
            self._deliver_ahead()
        self._recycle()
        return more

    def _drain(self) -> bool:
        until = self._next_sequence()
        if self._held > until:  # a record that says it was made in the future must not wait for it
            until = sys.maxsize
        segments = list(self.spool.active.values())
        drained = drain(((segment, segment.drained) for segment in segments), self.finisher, until, by_age=True)
        self._held = drained.held
        if drained.damaged:
            self._report_damage(drained.damaged, drained.damage)
        rows = self.refusals.rows(now=bool(self._waiting))
        drained.items += [Item(0, None, 0, row) for row in rows]
        self._quiet = not drained.items
        if self._quiet:
            self.keeper.idle()
            return False
        self._hand, self._hand_delivered = drained.items, False
        self._store_hand()
        return drained.more

    def _report_damage(self, records: int, reason: str) -> None:
        self.damaged += records
        self.notices.say("damaged", f"{records:,} damaged records could not be stored: {reason}")

    def _store_hand(self) -> None:
        if not self.keeper.ready:
            return
        closed = tuple(self._closed_segments)
        try:
            dropped = store_items(self._hand, self.spool.id, self.keeper.write, self._stored, closed)
        except StoreError as error:
            self.keeper.failed(error)
            if not self._hand_delivered:
                self._hand_delivered = self._ahead = True
                self._deliver(self._hand)
            return
        del self._closed_segments[: len(closed)]
        if dropped.records:
            self._report_damage(dropped.records, dropped.reason)

    def _stored(self, batch: Batch, items: Sequence[Item]) -> None:
        for number, end in batch.positions.items():
            self.spool.active[number].drained = end  # it is in use until what is drained of it is recycled
        self.drained += len([item for item in items if item.source is not None])
        self.stored += len(batch)
        if not self._ahead:
            self.sinks.write(batch, self.notices)
            return
        if not self._hand_delivered:
            self._deliver(items)
        self._ahead = any(segment.delivered > segment.drained for segment in list(self.spool.active.values()))

    def _deliver(self, items: Sequence[Item]) -> None:
        """Give the sinks what they have not had, and remember it: they are, or were, ahead of the store."""
        fresh = [item for item in items if item.source is None or item.end > item.source.delivered]
        for segment, end in reached(fresh).items():
            segment.delivered = end
        if fresh:
            self.sinks.write(make_batch(fresh, self.spool.id), self.notices)

    def _deliver_ahead(self) -> None:
        """The store cannot be written, and the sinks need not wait for it: the spool keeps what they get."""
        if self.sinks:
            segments = list(self.spool.active.values())
            drained = drain(((segment, max(segment.drained, segment.delivered)) for segment in segments), self.finisher)
            self._quiet = not drained.items
            self._deliver(drained.items)

    def _recycle(self) -> None:
        for segment in list(self.spool.active.values()):
            if segment.sealed and not segment.has_records(segment.drained):
                self.spool.recycle(segment)
                self._closed_segments.append(segment.number)
        self.spool.keep_ready()

    def _settle_chains(self) -> None:
        """Take back the segments of threads that have ended, and what chains have counted."""
        chains = list(self.spool.chains.values())
        self.refusals.collect(chains, self.spool.usage())
        for chain in chains:
            if chain.retired and not chain.busy and not chain.refused:
                if chain.limit:  # its thread may be about to write, if this was not its end: look again
                    chain.limit = 0
                    continue
                if chain.segment is not None:
                    chain.segment.sealed = True
                self.retired_count += chain.count
                self.lost += chain.lost
                self.spool.forget(chain)
                self._idle.pop(id(chain), None)

    def _tend(self, now: float) -> None:
        """What is done once a second."""
        for chain in list(self.spool.chains.values()):
            self._take_back_if_idle(chain, now)
        self._take_back_ownerless()
        self.spool.trim()
        self.spool.heartbeat()
        self._say_state()
        self.keeper.care()
        if self.keeper.ready and not self._hand:
            self._recover()

    def _take_back_if_idle(self, chain: Chain, now: float) -> None:
        """Free the segment of a thread that records nothing.

        The order of the looks matters: once the limit is 0 the owner writes to it no more, unless it is just doing so.
        """
        segment = chain.segment
        if segment is None or segment.sealed:
            return
        count, since = self._idle.get(id(chain), (-1, now))
        if count != chain.count:
            self._idle[id(chain)] = (chain.count, now)
        elif now - since >= _IDLE_CHAIN and segment.drained > HEADER:
            if chain.limit:
                chain.limit = 0
            elif not chain.busy and chain.segment is segment:
                segment.sealed = True

    def _take_back_ownerless(self) -> None:
        """Free segments whose taking was broken off: they have been nobody's for some time."""
        active = list(self.spool.active.values())
        owned = {id(chain.segment) for chain in list(self.spool.chains.values())}
        nobodys = [segment for segment in active if not segment.sealed and id(segment) not in owned]
        self._ownerless = {segment.number: self._ownerless.get(segment.number, 0) + 1 for segment in nobodys}
        for segment in nobodys:
            if self._ownerless[segment.number] >= OWNERLESS_LOOKS:
                segment.sealed = True

    def _recover(self) -> None:
        def deliver(batch: Batch) -> None:
            if self.sinks:
                self.sinks.write(batch, self.notices)

        if not dead_spools(self.settings.spool_path):
            return
        try:
            report = recover(
                self.settings,
                self.keeper.store(),
                self.finisher,
                deliver=deliver,
                pause=self._pause_recovery,
                notices=self.notices,
            )
        except _EndedError:
            return
        except Exception as error:  # noqa: BLE001  # its own records go first; the next look tries again
            self.notices.say("recovery", f"cannot recover what a dead process left: {type(error).__name__}: {error}")
            return
        self.recovered += report.records

    def _pause_recovery(self) -> None:
        """Between two batches of a dead process, our own, and those who wait for it."""
        self._look()
        if self._take_requests(0.0):
            raise _EndedError

    def _say_state(self) -> None:
        spool = self.spool
        if spool.degraded is not None:
            self.notices.say(
                "memory",
                f"recording to memory, because the spool cannot be written: {spool.degraded};"
                " what is not stored when the process ends is lost",
            )
        else:
            self.notices.forget("memory")
        lost = self.lost + sum(chain.lost for chain in list(spool.chains.values()))
        if lost > self._lost_said and self.notices.say(
            "lost", f"{lost - self._lost_said:,} records lost: the spool is full"
        ):
            self._lost_said = lost

    # --- requests ----------------------------------------------------------------------------------------------

    def _take_requests(self, delay: float) -> bool:
        """Wait up to `delay` seconds for a request, answer those that are fulfilled; True once the thread shall end."""
        block = delay > 0
        with suppress(Empty):
            while True:
                request = self._requests.get(block, delay)
                if request.stop:
                    request.stopped = self.spool.stop_appends(request.deadline)
                self._waiting.append((request, self._marks(), self.refusals.rounds + 2))
                block = False
        for waiting in tuple(self._waiting):
            request, marks, rounds = waiting
            looked = self.refusals.rounds >= rounds
            stored = all(segment.done or segment.drained >= end for segment, end in marks)
            granted = stored and looked and not self._hand
            in_vain = looked and self.keeper.is_forbidden and (self._quiet or not self.sinks)
            if granted or in_vain or time.monotonic() >= request.deadline:
                self._waiting.remove(waiting)
                request.granted = granted
                if request.stop:
                    self._end(request, everything=granted)
                    self._stop = request  # done when the thread is, with what it holds
                    return True
                request.done.set()
        return False

    def _is_to_stop(self) -> bool:
        return any(request.stop for request, _, _ in self._waiting)

    def _marks(self) -> list[tuple[Segment, int]]:
        """Where each segment's records end now."""
        ends: dict[int, tuple[Segment, int]] = {}
        for chain in list(self.spool.chains.values()):
            while True:
                segment, offset = chain.segment, chain.offset
                if segment is chain.segment:
                    break
            if segment is not None:
                ends[segment.number] = (segment, offset - segment.base)
        for segment in list(self.spool.active.values()):
            if segment.sealed:
                ends[segment.number] = (segment, segment.size + 1)
        return list(ends.values())

    def _end(self, request: Request, *, everything: bool) -> None:
        spool = self.spool
        try:
            if everything and request.stopped:
                spool.delete_segments()
                unfinished = self.keeper.store().close_spool(spool.id, time.time_ns()) if self.drained else []
                if unfinished and self.sinks:
                    self.sinks.write(Batch(events=unfinished), self.notices)
                spool.delete_folder()
            elif request.stopped:
                self._say_leftovers()
                spool.release()
        except Exception as error:  # noqa: BLE001  # recovery goes on from where this stopped
            self.notices.say("end", f"the spool could not be closed: {type(error).__name__}: {error}")
            spool.release()
        self.sinks.close(request.deadline, self.notices)
        self.keeper.close()

    def _say_leftovers(self) -> None:
        memory = [segment for segment in self.spool.active.values() if segment.arena.path is None]
        lost = sum(len(segment.read(segment.drained, segment.size)) for segment in memory)
        self.lost += lost
        if lost:
            self.notices.say(
                "lost at the end", f"{lost:,} records lost: {self.keeper.error or 'no time to store them'}"
            )
