"""The tasks of the two-process suite. Each writes down what it does, one line at a time, beside the run log."""

from __future__ import annotations

import os
import signal
import threading
import time

import anyio

from runlog import Context, IdempotencyKey, Queue, Retry, current_run, logger, task, wait

LONG = 60.0
narrow = Queue("narrow", concurrency=2)


def note(what: str, number: object = "") -> None:
    """Append a line to `effects`: one write, so that lines of several processes do not mix."""
    run = current_run()
    descriptor = os.open("effects", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{what} {run.run.id} {run.attempt.number} {os.getpid()} {number}\n".encode())
    os.close(descriptor)


@task
async def plain(number: int) -> int:
    note("plain", number)
    with logger.trace("step", number=number):
        await anyio.sleep(number / 1000)
    return number


@task(retry=1)
def in_thread(number: int) -> int:
    note("thread", number)
    time.sleep(number / 1000)
    return number


@task(retry=Retry(3, min_delay=0.01))
async def flaky(ctx: Context) -> int:
    note("flaky")
    if ctx.attempt.number - ctx.attempt.crashes < 3:
        raise ValueError("not yet")
    return ctx.attempt.number


@task(retry=1)
async def family(number: int) -> int:
    """Two children by key, so that a later attempt finds the same ones."""
    note("family", number)
    first = await plain.trigger_and_wait(number, idempotency_key="first")
    return first + await in_thread.trigger_and_wait(number, idempotency_key=IdempotencyKey("second"))


@task(retry=1, queue=narrow)
async def limited(number: int) -> None:
    note("begin")
    await anyio.sleep(number / 1000)
    note("end")


@task(retry=1)
async def sleeper(seconds: float, ctx: Context) -> int:
    note("sleeper")
    await anyio.sleep(seconds)
    note("slept")
    return ctx.attempt.number


@task(retry=1)
async def gated(ctx: Context) -> int:
    """It ends when there is a file `gate`."""
    note("gated")
    while not os.path.exists("gate"):  # noqa: PTH110
        await anyio.sleep(0.01)
    return ctx.attempt.number


@task(retry=1)
async def shielded(seconds: float) -> None:
    note("shielded")
    with anyio.CancelScope(shield=True):
        await anyio.sleep(seconds)
    note("unshielded")
    await anyio.sleep(LONG)


@task(retry=1)
def stubborn(seconds: float) -> None:
    note("stubborn")
    time.sleep(seconds)


@task(retry=1)
async def parent(seconds: float) -> int:
    note("parent")
    return await sleeper.trigger_and_wait(seconds)


@task(retry=1)
async def pause(seconds: float) -> None:
    note("pause")
    await wait.for_(seconds)


@task(retry=1)
async def blocking(seconds: float, ctx: Context) -> int:
    note("blocking")
    time.sleep(seconds)  # the mistake that this task is for: it holds the event loop up
    return ctx.attempt.number


@task(retry=Retry(2, min_delay=0.01), max_duration=0.3)
async def overdue(seconds: float, ctx: Context) -> int:
    """Its first attempt holds the event loop up, long after its time."""
    note("overdue")
    if ctx.attempt.number == 1:
        time.sleep(seconds)
    return ctx.attempt.number


@task(retry=1, max_duration=0.3)
async def deaf(seconds: float) -> None:
    """It goes on after it was cancelled."""
    note("deaf")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            await anyio.sleep(0.05)
        except BaseException:
            note("cancelled")
    note("heard")


@task(retry=1)
async def deadly() -> None:
    note("deadly")
    os.kill(os.getpid(), signal.SIGKILL)


def follow_clock() -> None:
    """Shift this process's wall clock by the seconds in the file `clock`, whenever they change."""
    real = time.time_ns
    offset = [0]
    time.time_ns = lambda: real() + offset[0]
    time.time = lambda: time.time_ns() / 1e9

    def look() -> None:
        while True:
            try:
                offset[0] = int(float(open("clock").read()) * 1e9)  # noqa: PTH123
            except (OSError, ValueError):
                pass
            time.sleep(0.02)

    threading.Thread(target=look, daemon=True).start()


if os.environ.get("FOLLOW_CLOCK"):
    follow_clock()
