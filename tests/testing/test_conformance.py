"""The conformance suite passes a good instrumentation and fails each kind of a bad one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

GOOD = """
import asyncio
import json
import contextlib
from runlog.instrumentation import Instrumentation, Options, Target
from runlog.testing import InstrumentationSuite

class Library:
    def do(self, function):
        return function()

    async def do_async(self, function):
        return await function()

LIBRARY = Library()

class My(Instrumentation[Options]):
    name = "my"
    targets = (Target("test_it"),)

    def install(self, patch, options):
        def do(wrapped, instance, args, kwargs):
            with patch.tracer.start_as_current_span("do"):
                return wrapped(*args, **kwargs)

        async def do_async(wrapped, instance, args, kwargs):
            with patch.tracer.start_as_current_span("do"):
                return await wrapped(*args, **kwargs)

        patch.wrap(Library, "do", do)
        patch.wrap(Library, "do_async", do_async)

class TestIt(InstrumentationSuite):
    instrumentation = My

    def call(self):
        return LIBRARY.do(lambda: 7)

    async def call_async(self):
        return await LIBRARY.do_async(seven)

    def call_raising(self, error):
        def fail():
            raise error
        LIBRARY.do(fail)

    async def call_async_raising(self, error):
        async def fail():
            raise error
        await LIBRARY.do_async(fail)

    async def call_forever(self, started):
        import anyio
        async def wait():
            started()
            await anyio.sleep_forever()
        await LIBRARY.do_async(wait)

async def seven():
    import anyio
    await anyio.sleep(0.01)
    return 7
"""

DO = 'with patch.tracer.start_as_current_span("do"):\n                return wrapped(*args, **kwargs)'
ROOT = '"do", __import__("opentelemetry.context").context.Context()'
BREAKS = {
    "test_results_are_unchanged": (DO, DO.replace("return wrapped(*args, **kwargs)", "return 8")),
    "test_uninstalling_restores_what_was_there": (
        'patch.wrap(Library, "do", do)',
        'patch.wrap(Library, "do", do); Library.more = lambda self: 1',
    ),
    "test_exceptions_are_unchanged": (DO, DO.replace("return", "with contextlib.suppress(Exception): return")),
    "test_the_current_span_is_the_parent_and_stays_current": (DO, DO.replace('"do"', ROOT)),
    "test_nothing_is_traced_where_tracing_is_suppressed": (DO, DO.replace('"do"', ROOT)),
    "test_a_broken_tracer_breaks_no_call": (
        'patch.wrap(Library, "do", do)',
        "plain = Library.do; patch.replace(Library, 'do', lambda *a, **k: do(plain, None, a, k))",
    ),
}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "--tb=line", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def test_a_good_instrumentation_passes(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(GOOD)
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


def test_a_bad_one_fails_the_test_that_is_for_it(tmp_path: Path) -> None:
    tests = []
    for test, (old, new) in BREAKS.items():
        assert old in GOOD
        module = f"test_that_{test}"
        (tmp_path / f"{module}.py").write_text(GOOD.replace(old, new, 1).replace("test_it", module))
        tests.append(f"{module}.py::TestIt::{test}")
    done = run(tmp_path, *tests)
    assert f"{len(tests)} failed" in done.stdout, done.stdout
    assert "passed" not in done.stdout
