"""Attempts that do not end although their time is up: ended over their head."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio

from runlog.engines.base import Engine, Outcome
from runlog.executor.attempt import Attempt
from runlog.executor.outcomes import Outcomes, put_back
from runlog.executor.records import SOURCE
from runlog.executor.trouble.records import place_of
from runlog.logger import write_log
from runlog.recording import get_recorder
from runlog.recording.clean import clean_text
from runlog.stores.base import ERROR

EXIT_CODE = 70
"""Of a worker process whose event loop did not react: EX_SOFTWARE of sysexits.h."""

EndProcess = Callable[[], None]
"""Gives what else runs here back, stores what was recorded, and ends the process with `EXIT_CODE`."""


@dataclass(frozen=True, slots=True)
class Jam:
    """An event loop that does not react, and the attempts on it."""

    blocker: Attempt | None
    """What blocks it, if that is known."""
    others: Sequence[Attempt]


class Overdue:
    """Ends attempts under their fencing token, from threads of its own: the engine may take its time."""

    def __init__(self, engine: Engine, outcomes: Outcomes, end_process: EndProcess | None) -> None:
        """`end_process` is None where the process is not runlog's to end."""
        self._engine, self._outcomes, self._end_process = engine, outcomes, end_process
        self._ending = threading.Lock()

    def end(self, attempts: Sequence[Attempt], grace: float, jam: Jam | None) -> None:
        """End attempts that have not ended for `grace` seconds after their time. Where the loop is jammed, and the
        process is runlog's, that ends too. Returns at once."""
        threading.Thread(target=self._end, args=(attempts, grace, jam), name="runlog-overdue", daemon=True).start()

    def _end(self, attempts: Sequence[Attempt], grace: float, jam: Jam | None) -> None:
        try:
            exits = jam is not None and self._end_process is not None
            for attempt in attempts:
                _say(attempt, _words(attempt, grace, jam, exits=exits))
                self._finish(attempt, attempt.overdue())
            if jam is not None and exits:
                self._end_worker(jam)
        except Exception:  # noqa: BLE001 - there is nobody to raise it to
            traceback.print_exc()

    def _finish(self, attempt: Attempt, outcome: Outcome) -> None:
        attempt.leave_behind(outcome)
        anyio.run(self._engine.finish, attempt.delivery, outcome)

    def _end_worker(self, jam: Jam) -> None:
        assert self._end_process is not None
        with self._ending:  # of several that are overdue the first ends the process
            for other in jam.others:
                if other.ended:
                    continue
                if other is jam.blocker:
                    crashes = other.delivery.crashes + 1
                    reason = "it blocked the event loop of its worker, which was ended"
                    self._finish(other, self._outcomes.crashed(reason, {"code": "worker_lost"}, crashes, final=False))
                else:
                    self._finish(other, put_back("the event loop of its worker was blocked, and the worker was ended"))
            self._end_process()


def _words(attempt: Attempt, grace: float, jam: Jam | None, *, exits: bool) -> str:
    words = f"the attempt did not end within {grace:g} s after its max_duration, "
    if jam is None:
        return words + "as it goes on after its cancellation: it is ended here, and its code is left behind"
    if jam.blocker is attempt:
        words += "as it blocks the event loop: it is ended here, and "
    else:
        words += "as the event loop is blocked: it is ended here, and "
    return words + ("the worker with it" if exits else "its code is left behind")


def _say(attempt: Attempt, words: str) -> None:
    recorder = get_recorder()
    place = place_of(None, attempt.delivery.run)
    write_log(recorder, ERROR, SOURCE, clean_text(words, recorder.limits), {}, None, place)
