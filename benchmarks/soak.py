"""`python -m benchmarks.soak [RUNS]`: many runs in one process; memory, files and latency have to stay flat.

Each run logs, has a span, and one in twenty fails once and is tried again. Every block of runs is followed by a probe:
the time of a run that is triggered and waited for when nothing else is to be done. Exit code 1 says what was not flat.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import anyio
import psutil

import runlog
from runlog import Context, Retry, logger, task
from runlog.recording import get_recorder

BLOCK = 5_000
MIB = 1024 * 1024
MAX_LOG = 48
"""MiB that retention leaves to the log."""
MAX_SPOOL = 64
"""MiB: a worker waits for the log when a tenth of its 512 MiB is taken. What is mapped of it counts in RSS."""
DAYS = 15 / 86_400
"""Ended runs are forgotten after 15 seconds, so that a soak of a minute has as much to forget as to keep."""


@dataclass(slots=True)
class Row:
    runs: int
    per_second: float
    resident: float
    log: float
    queue: float
    spool: float
    probe: float
    """Milliseconds, median."""

    def __str__(self) -> str:
        return (
            f"{self.runs:>8,} runs  {self.per_second:>6,.0f}/s  RSS {self.resident:6.1f} MiB  log {self.log:6.1f}"
            f"  queue {self.queue:6.1f}  spool {self.spool:5.1f}  probe {self.probe:5.2f} ms"
        )


@task(retry=Retry(max_attempts=3, min_delay=0))
async def work(number: int, ctx: Context) -> int:
    with logger.trace("compute", number=number):
        logger.info("working on {number}", number=number)
        if number % 20 == 0 and ctx.attempt.number == 1:
            raise ValueError("one in twenty fails once")
    return number


async def soak(folder: Path, runs: int) -> list[Row]:
    rows: list[Row] = []
    async with runlog.open(
        folder,
        arguments={
            "console": {"enabled": False},
            "retention": {"days": DAYS, "max_size": MAX_LOG},
            "worker": {"concurrency": 50},
        },
    ):
        for done in range(0, runs, BLOCK):
            begun = time.perf_counter()
            for start in range(done, done + BLOCK, 1000):
                results = await (await work.batch_trigger(range(start, start + 1000))).wait()
                assert [result.output for result in results] == list(range(start, start + 1000))
            took = time.perf_counter() - begun
            probes = [await _probe() for _ in range(50)]
            rows.append(_row(folder, done + BLOCK, BLOCK / took, statistics.median(probes)))
            print(rows[-1], flush=True)
    return rows


async def _probe() -> float:
    begun = time.perf_counter()
    await work.trigger_and_wait(1)
    return (time.perf_counter() - begun) * 1e3


def _row(folder: Path, runs: int, per_second: float, probe: float) -> Row:
    data = folder / ".runlog"
    log, queue = (sum(path.stat().st_size for path in data.glob(f"{name}*")) / MIB for name in ("log.db", "queue.db"))
    spool = sum(path.stat().st_size for path in data.glob("spool/**/*") if path.is_file()) / MIB
    return Row(runs, per_second, psutil.Process().memory_info().rss / MIB, log, queue, spool, probe)


def verdict(rows: list[Row]) -> list[str]:
    """What was not flat, comparing the last third with the second block on."""
    warm, last = rows[1 : max(2, len(rows) // 3)], rows[-max(1, len(rows) // 3) :]
    found = []
    for name, worst, bound in (
        ("memory", max(row.resident - row.spool for row in last), 1.25 * max(row.resident - row.spool for row in warm)),
        ("the spool", max(row.spool for row in last), MAX_SPOOL),
        (
            "the queue's file",
            max(row.queue for row in last),
            1.5 * max(row.queue for row in rows[: len(rows) // 2]) + 8,
        ),
        ("the log's file", max(row.log for row in last), 2 * MAX_LOG + 64),
        (
            "latency",
            statistics.median(row.probe for row in last),
            1.5 * statistics.median(row.probe for row in warm) + 1,
        ),
    ):
        if worst > bound:
            found.append(f"{name} grew: {worst:.1f}, over {bound:.1f}")
    return found


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="runlog-soak-") as folder:
        os.chdir(folder)
        rows = anyio.run(soak, Path(folder), runs)
        get_recorder().close()  # it is the process's, and would go on writing there
    problems = verdict(rows) if len(rows) > 2 else []
    print("\n".join(problems) or "flat: memory, files and latency")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
