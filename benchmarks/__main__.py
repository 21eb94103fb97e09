"""`python -m benchmarks [--quick] [--json] [--rounds N]`: every case in a process of its own, then the ratios.

A case is measured once a round and its best round counts: whatever else the machine does meanwhile only adds to a
figure, and to that of a case with two busy threads more than to that of one with a single thread.
"""

from __future__ import annotations

import argparse
import http.server
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from benchmarks import peers

RUNLOG = "runlog"
GROUPS: dict[str, tuple[str, int, list[tuple[str, str]]]] = {
    "One span, 4 attributes": (
        "all_us",
        30_000,
        [
            (RUNLOG, "span_runlog"),
            ("OpenTelemetry SDK, no processor (nothing kept)", "span_otel_nothing"),
            ("OpenTelemetry SDK, batch + OTLP", "span_otel_otlp"),
            ("logfire, batch + OTLP", "span_logfire"),
            ("eliot (to a file)", "span_eliot"),
        ],
    ),
    "One log record, 4 attributes": (
        "all_us",
        30_000,
        [
            (RUNLOG, "log_runlog"),
            ("runlog, filtered by level", "log_runlog_filtered"),
            ("structlog, JSON (to a file)", "log_structlog"),
            ("logfire, batch + OTLP", "log_logfire"),
            ("eliot (to a file)", "log_eliot"),
        ],
    ),
    "Durable runs, one process": (
        "drain_per_s",
        3_000,
        [(RUNLOG, "runs_runlog"), ("huey on SQLite, 4 threads (no run log)", "runs_huey")],
    ),
    "Memory of an open span": (
        "bytes",
        50_000,
        [(RUNLOG, "memory_runlog"), ("OpenTelemetry SDK", "memory_otel")],
    ),
}
UNITS = {
    "caller_us": "caller's thread, µs",
    "wall_us": "wall, µs",
    "all_us": "all threads, µs",
    "bytes": "bytes",
    "enqueue_per_s": "enqueued/s",
    "drain_per_s": "executed/s",
}


class _Receiver(http.server.BaseHTTPRequestHandler):
    """Takes OTLP and answers at once. It runs in this process, so its cost is in nobody's figures."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def run_case(name: str, count: int, otlp: str) -> peers.Result | str:
    with tempfile.TemporaryDirectory() as folder:
        completed = subprocess.run(
            [sys.executable, "-m", "benchmarks", "--case", name, "--count", str(count), "--folder", folder],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "BENCH_OTLP": otlp, "PYTHONPATH": str(Path(__file__).parent.parent)},
        )
    if completed.returncode:
        return (completed.stderr.strip().splitlines() or ["failed"])[-1]
    result: peers.Result = json.loads(completed.stdout.strip().splitlines()[-1])
    return result


def best(rounds: list[peers.Result | str]) -> peers.Result | str:
    """Of each figure the best; the last error if no round was measured."""
    results = [result for result in rounds if isinstance(result, dict)]
    if not results:
        return rounds[-1]
    return {name: (max if name.endswith("_per_s") else min)(result[name] for result in results) for name in results[0]}


def measure(rounds: int, share: int, otlp: str) -> dict[str, dict[str, peers.Result | str]]:
    """Run every case once a round, with its count of operations divided by `share`."""
    found: dict[tuple[str, str], list[peers.Result | str]] = {}
    for number in range(1, rounds + 1):
        for title, (_, count, cases) in GROUPS.items():
            for label, case in cases:
                print(f"round {number} of {rounds}: {title}: {label} …", file=sys.stderr)
                found.setdefault((title, label), []).append(run_case(case, count // share, otlp))
    figures: dict[str, dict[str, peers.Result | str]] = {}
    for (title, label), results in found.items():
        figures.setdefault(title, {})[label] = best(results)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the operations")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    parser.add_argument("--rounds", type=int, default=3, help="how often each case is measured (3)")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(getattr(peers, options.case)(options.folder, options.count)))
        return
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    otlp = f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
    before = os.getloadavg()[0]
    figures = measure(max(1, options.rounds), 10 if options.quick else 1, otlp)
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        show(figures, before)


def show(figures: dict[str, dict[str, peers.Result | str]], load: float) -> None:
    """Print the tables in Markdown: they read well in a terminal, and go into the documentation as they are."""
    print(f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}, load before: {load:.1f}")
    for title, results in figures.items():
        key = GROUPS[title][0]
        own = results[RUNLOG]
        columns = list(own) if isinstance(own, dict) else [key]
        rows = [["", *(UNITS[column] for column in columns), f"{UNITS[key]}: ratio to runlog"]]
        for label, result in results.items():
            if isinstance(result, str):
                rows.append([label, f"not measured: {result}", *[""] * len(columns)])
                continue
            ratio = f"{result[key] / own[key]:.2f}" if isinstance(own, dict) else "-"
            rows.append(
                [label, *(f"{result[column]:,.{0 if result[column] > 100 else 1}f}" for column in columns), ratio]
            )
        widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
        print(f"\n## {title}\n")
        for number, row in enumerate(rows):
            cells = [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
            print("| " + " | ".join(cells) + " |")
            if number == 0:
                print(
                    "|"
                    + "|".join(
                        "-" * (width + 2) if index == 0 else "-" * (width + 1) + ":"
                        for index, width in enumerate(widths)
                    )
                    + "|"
                )


if __name__ == "__main__":
    main()
