"""Tasks that run in child processes: a module that parent and child both import."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio

from runlog import Context, Retry, current_run, lifespan, logger, stream, task
from runlog.tasks import Registry


class Odd(Exception):
    """It cannot be made again from its arguments."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"{number}: {why}")


def note(line: str) -> None:
    with Path("notes").open("a") as file:
        file.write(f"{line}\n")


@lifespan
async def child_resource() -> AsyncIterator[int]:
    yield os.getpid()


@task(id="child-tell", process=True)
async def tell(number: int, ctx: Context) -> dict[str, int]:
    logger.info("in the child", process=os.getpid(), run=current_run().run.id)
    print("on stdout")
    stream("numbers").write("one")
    with logger.trace("inner"):
        await anyio.sleep(0)
    ctx.metadata.increment("told", number)
    ctx.tags.add("told")
    await ctx.metadata.flush()
    left = ctx.time_left()
    assert left is not None
    assert 0 < left <= 30
    return {"number": number, "process": os.getpid(), "resource": child_resource.get()}


tell.max_duration = 30


@task(id="child-write", process=True)
def write(how: str) -> None:
    if how == "killed":
        os.write(1, b"before it was killed\nunfinished")
        os.kill(os.getpid(), 9)
    print("of Python")
    os.write(1, b"of the descriptor\n")
    os.write(2, "of stderr: ä\n".encode())
    subprocess.run(["echo", "of a program"], check=True)
    os.write(1, (b"x" * 99 + b"\n") * 3_000)
    ctypes.CDLL(None).puts(b"of C")
    subprocess.Popen(["sleep", "60"], start_new_session=True)


@task(id="child-double", process=True)
def double(number: int) -> int:
    logger.info("in a thread of the child")
    return number * 2


@task(id="child-look", process=True)
def look(name: str) -> str | None:
    return os.environ.get(name)


@task(id="child-fail", process=True, retry=Retry(3, min_delay=0, on=(LookupError,)))
def fail(kind: str) -> None:
    raise Odd(1, "odd") if kind == "odd" else KeyError(kind)


@task(id="child-strange", process=True)
def strange() -> object:
    return threading.Lock()


@task(id="child-die", process=True, retry=1)
def die(number: int) -> None:
    note("died")
    os.kill(os.getpid(), number)


@task(id="child-eat", process=True, memory=150)
def eat() -> None:
    kept = []
    for _ in range(400):
        kept.append(os.urandom(1 << 20))
        note(str(time.time_ns()))
        time.sleep(0.001)


@task(id="child-sleep", process=True, retry=1)
async def sleep(seconds: float) -> None:
    note(f"sleeping {os.getpid()}")
    try:
        await anyio.sleep(seconds)
    finally:
        logger.info("cleaned up")


@task(id="child-block", process=True, retry=1)
def block() -> None:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    note(f"blocking {os.getpid()}")
    time.sleep(60)


@task(id="child-parent", process=True, retry=1)
async def parent(number: int) -> int:
    return await double.trigger_and_wait(number)


TASKS = (tell, write, double, look, fail, strange, die, eat, sleep, block, parent)


def register(registry: Registry) -> None:
    for one in TASKS:
        registry.add(one)
