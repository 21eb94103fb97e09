"""Tasks about time, for `test_timed.py`: a schedule of theirs would run in the other tests too."""

from __future__ import annotations

from project import note, plain  # type: ignore[import-not-found]

from runlog import ScheduledTime, schedule, task, wait


@schedule(cron="* * * * *")
@task(retry=1)
async def tick(at: ScheduledTime) -> None:
    note("tick", int(at.timestamp.timestamp()))


@task(retry=1)
async def patient() -> int:
    """Everything that it waits for has a key, so that a later attempt waits for the same."""
    token = await wait.create_token(idempotency_key="approval")
    child: int = await plain.trigger_and_wait(1, idempotency_key="child")
    note("token", token.id)
    answer: int = (await wait.for_token(token)).unwrap()
    note("answered", answer)
    await wait.for_(3600, idempotency_key="pause")
    return child + answer
