"""What a trigger gives back: handles and results."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from runlog.errors import ChildRunError
from runlog.stores.base import Run
from runlog.tasks.checks import check_start
from runlog.tasks.options import MISSING
from runlog.tasks.payload import Codec, NotStored
from runlog.tasks.submitter import Submitter
from runlog.tasks.subscription import RunUpdate, updates

R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class RunResult(Generic[R_co]):
    """How a run ended. `output` is its value if `ok`; `error` is `{"type", "message", ...}` if it failed."""

    run_id: str
    task: str
    status: str
    output: R_co | None = None
    error: dict[str, Any] | None = None

    @property
    def ok(self) -> bool:
        return self.status == "COMPLETED"

    def unwrap(self) -> R_co:
        """Return the value. Raises ChildRunError if the run did not complete, or its value could not be stored."""
        if isinstance(self.output, NotStored):
            error: dict[str, object] = {"type": "NotStored", "message": self.output.reason}
            raise ChildRunError(self.run_id, self.task, self.status, error)
        if not self.ok:
            raise ChildRunError(self.run_id, self.task, self.status, self.error)
        return self.output  # type: ignore[return-value] # None only where R_co is None

    @classmethod
    def of(cls, run: Run, codec: Codec) -> RunResult[R_co]:
        """The result of a terminal run as the engine tells it."""
        output = codec.decode_result(run.output) if run.status == "COMPLETED" else None
        return cls(run.run_id, run.task, run.status, output, run.error)


class RunHandle(Generic[R_co]):
    """A run that was triggered."""

    def __init__(self, run_id: str, task: str, codec: Codec, submitter: Submitter) -> None:
        self.id, self.task = run_id, task
        self._codec, self._submitter = codec, submitter

    async def wait(self) -> RunResult[R_co]:
        """Wait until the run has ended, however it ends."""
        return RunResult.of((await self._submitter.wait([self.id]))[0], self._codec)

    async def status(self) -> str:
        """The run's state now."""
        return (await self._submitter.get(self.id)).status

    async def cancel(self, reason: str | None = None) -> bool:
        """Ask for the run's end, and for that of the children it waits for; False if it had ended already.

        A queued run is CANCELED when this returns, a running one as soon as its worker has stopped it.
        """
        return await self._submitter.cancel(self.id, reason)

    async def reschedule(self, *, delay: float | timedelta | None = None, run_at: datetime | None = None) -> bool:
        """Have the run start at another time; see `runs.reschedule`."""
        seconds, moment = check_start(delay, run_at)
        return await self._submitter.reschedule(self.id, delay=seconds, run_at=moment)

    async def replay(self, payload: Any = MISSING, /) -> RunHandle[R_co]:
        """Trigger a run like this one, with this payload or another; see `runs.replay`."""
        from runlog.tasks.runs import encode_for

        data = None if payload is MISSING else encode_for(self.task, payload)
        return RunHandle(await self._submitter.replay(self.id, data), self.task, self._codec, self._submitter)

    def subscribe(self) -> AsyncGenerator[RunUpdate, None]:
        """What happens in the run, from its beginning until it has ended and all its records were told."""
        return updates(self._submitter, [self.id])

    def __repr__(self) -> str:
        return f"<RunHandle {self.id} of {self.task!r}>"


class BatchHandle(Generic[R_co]):
    """Runs that were triggered together."""

    def __init__(self, handles: Sequence[RunHandle[R_co]], codec: Codec, submitter: Submitter) -> None:
        self.handles = tuple(handles)
        self._codec, self._submitter = codec, submitter

    @property
    def ids(self) -> list[str]:
        return [handle.id for handle in self.handles]

    async def wait(self) -> list[RunResult[R_co]]:
        """Wait until all have ended; the results are in the order of the payloads, failed ones too."""
        return [RunResult.of(run, self._codec) for run in await self._submitter.wait(self.ids)]

    async def cancel(self, reason: str | None = None) -> int:
        """Ask for the end of each; return how many had not ended yet."""
        return sum([await handle.cancel(reason) for handle in self.handles])

    def __iter__(self) -> Iterator[RunHandle[R_co]]:
        return iter(self.handles)

    def __len__(self) -> int:
        return len(self.handles)

    def __repr__(self) -> str:
        return f"<BatchHandle of {len(self.handles)} runs>"
