"""Those who wait for the queue: for work, or for a place to go on. Used by the engine's thread only."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from runlog.engines.base import Work
from runlog.engines.local import claiming, workforce
from runlog.engines.local.claiming import Group
from runlog.engines.local.operations import Claim
from runlog.engines.local.queue import Held, Queue
from runlog.engines.local.resuming import Resume, may_resume, try_resume


@dataclass(slots=True)
class Served:
    """Who got what in a transaction."""

    claims: list[tuple[Claim, list[Held]]] = field(default_factory=list)
    resumes: list[Resume] = field(default_factory=list)


class Serving:
    def __init__(self) -> None:
        self.claims: list[Claim] = []
        self.resumes: list[Resume] = []
        self._registered: Work | None = None
        self._due: int | None = None
        self._look = True
        self._known: list[Group] | None = None
        """The groups that the newest look found, for the transaction that follows it."""

    def __bool__(self) -> bool:
        return bool(self.claims or self.resumes)

    @property
    def is_registered(self) -> bool:
        """This worker has said what it takes."""
        return self._registered is not None

    def add(self, item: Claim | Resume) -> None:
        if isinstance(item, Claim):
            self.claims.append(item)
        else:
            self.resumes.append(item)
        self._look = True

    def drop_abandoned(self) -> None:
        self.claims = [claim for claim in self.claims if not claim.reply.is_settled]
        self.resumes = [resume for resume in self.resumes if not resume.reply.is_settled]

    def look(self) -> None:
        """Something may have changed in the queue."""
        self._look = True

    def begin_anew(self) -> None:
        """The file is another one, which does not know this worker."""
        self._registered, self._look = None, True

    def not_committed(self) -> None:
        """What was done is undone. It comes again with the next look."""
        self._registered, self._look = None, False

    @property
    def patience(self) -> float | None:
        """Seconds until there is something to do; None if that is not known."""
        if self._look and self:
            return 0
        return None if self._due is None or not self.claims else max(0.0, (self._due - time.time_ns()) / 1e9)

    def is_worth_it(self, queue: Queue) -> bool:
        """Whether a transaction would serve anybody."""
        self._known = None
        if not self:
            return False
        now = time.time_ns()
        work = self.claims[-1].work if self.claims else self._registered
        if work != self._registered or (self.claims and self._due is not None and self._due <= now):
            return True
        if not self._look:
            return False
        queue.begin()
        self._due = claiming.next_due(queue) if self.claims else None
        groups = [claiming.ready_groups(queue, claim.work) for claim in self.claims]
        self._look = any(groups) or self._is_due(now) or any(may_resume(queue, one, now) for one in self.resumes)
        self._known = groups[0] if self._look and len(groups) == 1 and not self._is_due(now) else None
        return self._look

    def serve(self, queue: Queue, now: int, *, operations: bool) -> Served:
        """Serve them in the transaction that may have brought something (there were `operations` before): who goes on
        comes before who takes new runs."""
        served = Served()
        known, self._known = self._known, None
        if not self:
            return served
        is_new = bool(self.claims) and self._registered != self.claims[-1].work
        if is_new and not self._register(queue, now):
            self._look = True
            return served
        if not (is_new or queue.effects.ready or self._look or self._is_due(now)):
            return served
        self._look = False
        served.resumes = [resume for resume in self.resumes if try_resume(queue, resume, now)]
        if self.claims:
            self._serve_claims(queue, now, served, None if operations else known)
        self._look |= queue.effects.again
        return served

    def _is_due(self, now: int) -> bool:
        return self._due is not None and self._due <= now

    def _register(self, queue: Queue, now: int) -> bool:
        """Register what the newest claim says; False if there is more to do for that."""
        work = self.claims[-1].work
        if not workforce.register(queue, work, now):
            return False
        self._registered = work
        return True

    def _serve_claims(self, queue: Queue, now: int, served: Served, known: list[Group] | None) -> None:
        self._due = claiming.next_due(queue)
        due: list[int] = []
        if self._is_due(now):
            claiming.expire(queue, now)
            due = claiming.set_due(queue, now)
            self._due = claiming.next_due(queue)
        for claim in self.claims:
            if held := claiming.claim(queue, claim.work, claim.limit, now, known):
                served.claims.append((claim, held))
        _tell_unclaimed(queue, due, served)

    def done(self, served: Served) -> None:
        """It is committed: they wait no more."""
        for claim, _ in served.claims:
            self.claims.remove(claim)
        for resume in served.resumes:
            self.resumes.remove(resume)


def _tell_unclaimed(queue: Queue, due: Iterable[int], served: Served) -> None:
    """Runs whose delay was over, and that nobody took at once."""
    claimed = {item.row for _, held in served.claims for item in held}
    for row_id in due:
        if row_id not in claimed:
            queue.tell(row_id)
