"""The programs that the fault tests run and kill: `python -m tests.executor.programs worker|trigger ...`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import anyio

from runlog.config import Settings
from runlog.engines.local import LocalEngine
from runlog.executor import EngineSubmitter, Executor, RunRecords
from runlog.recording import open_recorder
from runlog.stores.base import Run
from runlog.tasks import Context, Registry, Retry, TaskDecorator
from runlog.tasks.submitter import set_process_submitter
from runlog.tracing.provider import TracerProvider

registry = Registry()
task = TaskDecorator(registry)
LEASE = float(os.environ.get("TEST_LEASE", "12"))


def note(line: str) -> None:
    """Append a line to `notes`: one write, so that lines of several processes do not mix."""
    descriptor = os.open("notes", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


@task
async def step(number: int, ctx: Context) -> int:
    note(f"ran {ctx.run.id} {ctx.attempt.number}")
    await anyio.sleep(number / 1000)
    return number


@task(retry=1)
async def tree(number: int) -> int:
    return sum(result.output or 0 for result in await step.batch_trigger_and_wait([number, number]))


@task(retry=1)
async def die(ctx: Context) -> None:
    note(f"attempt {ctx.attempt.number} crashes {ctx.attempt.crashes}")
    os.kill(os.getpid(), signal.SIGKILL)


@task(retry=1)
async def fork_and_die(ctx: Context) -> int:
    if ctx.attempt.number == 1:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)
    return ctx.attempt.number


@task(retry=1)
async def sleep(seconds: float, ctx: Context) -> int:
    note(f"sleeping {ctx.run.id} {ctx.attempt.number}")
    await anyio.sleep(seconds)
    return ctx.attempt.number


@task(retry=1)
async def fork_and_trigger() -> int:
    """A forked child uses the engine: it starts one of its own."""
    child = os.fork()
    if child == 0:
        done: list[int] = []
        thread = threading.Thread(target=lambda: done.append(0 if anyio.run(step.trigger, 0).id else 1))
        thread.start()
        thread.join()
        os._exit(done[0] if done else 2)
    return await anyio.to_thread.run_sync(lambda: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


@task(retry=Retry(5, min_delay=0.01))
async def flaky(ctx: Context) -> None:
    if ctx.attempt.number - ctx.attempt.crashes < 3:
        raise ValueError("not yet")


def changed(run: Run) -> None:
    note(f"state {run.run_id} {run.version} {run.status} {run.attempt}")


async def work() -> None:
    settings = Settings.load(arguments={"worker": {"grace": 0.3}, "console": {"enabled": False}})
    recorder = open_recorder(settings)
    records = RunRecords(recorder)

    def on_change(run: Run) -> None:
        changed(run)
        records(run)

    engine = LocalEngine(settings.queue_path, on_change, lease=LEASE)
    provider = TracerProvider(recorder)
    set_process_submitter(EngineSubmitter(engine, provider, settings))
    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:

        async def listen() -> None:
            with anyio.open_signal_receiver(signal.SIGTERM) as signals:
                note("ready")
                async for _ in signals:
                    stop.set()

        tasks.start_soon(listen)
        await Executor(engine, registry, provider, settings).run(stop)
        tasks.cancel_scope.cancel()
    await engine.close()
    recorder.close()


async def trigger_until_killed() -> None:
    """Trigger runs and print the id of each that was acknowledged."""
    settings = Settings.load()
    engine = LocalEngine(settings.queue_path, changed)
    provider = TracerProvider(open_recorder(settings))
    set_process_submitter(EngineSubmitter(engine, provider, settings))
    while True:
        handle = await step.trigger(0)
        os.write(1, f"{handle.id}\n".encode())


class Process:
    """A program running in the current folder."""

    def __init__(self, name: str, backend: str = "asyncio", **environment: str) -> None:
        root = Path(__file__).parents[2]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.executor.programs", name, backend],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(root), **environment},
        )

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """End and reap it; return its exit code."""
        try:
            return self.process.wait(timeout=30)
        finally:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()


def notes(kind: str) -> list[list[str]]:
    path = Path("notes")
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.split()[1:] for line in lines if line.startswith(f"{kind}")]


if __name__ == "__main__":
    anyio.run({"worker": work, "trigger": trigger_until_killed}[sys.argv[1]], backend=sys.argv[2])
