"""Printed lines, taken into the run they belong to."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import random
import subprocess
import sys
import threading
import traceback
from typing import Any, cast

import anyio
import pytest

from runlog import capture
from runlog.stores.base import ERROR, INFO, WARN
from runlog.system.patch import Patch
from runlog.tracing.provider import get_provider
from runlog.tracing.trace import trace
from tests.capture.capturing import capturing
from tests.recorded import in_run, recording


def test_lines_are_recorded_in_a_run_and_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with capturing() as (recorded, _):
        get_provider()
        print("before")
        with in_run("run_a"), trace("work") as span:
            print("one", 1)
            print("two\nthree", end="\n\n")
            sys.stdout.writelines(["four\n", "fi", "ve\n"])
            print("problem", file=sys.stderr)
            ids = span.get_span_context()
        print("after")
        assert capsys.readouterr() == ("before\none 1\ntwo\nthree\n\nfour\nfive\nafter\n", "problem\n")
        logs = recorded.logs("run_a")
        assert [event.message for event in logs] == ["one 1", "two", "three", "four", "five", "problem"]
        assert [event.name for event in logs] == ["stdout"] * 5 + ["stderr"]
        assert {event.level for event in logs} == {INFO}
        assert {event.parent_id for event in logs} == {ids.span_id.to_bytes(8)}
        assert recorded.messages() == []


def test_a_line_waits_for_its_end_and_at_last_for_the_attempt_s() -> None:
    with capturing() as (recorded, _):
        with in_run("run_a"):
            for piece in ("a", "b", "c\nd", "e"):
                print(piece, end="")
            assert recorded.messages("run_a") == ["abc"]
        assert recorded.messages("run_a") == ["abc", "de"]


def test_what_was_begun_is_recorded_when_capture_ends() -> None:
    with capturing() as (recorded, patch):
        with in_run("run_a"):
            print("half", end="")
            patch.undo()
            print(" more")
        assert recorded.messages("run_a") == ["half"]


def test_the_stream_is_what_it_was(tmp_path: Any) -> None:
    with capturing() as (recorded, patch):
        patch.undo()
        with (tmp_path / "out").open("w", encoding="latin-1") as file, contextlib.redirect_stdout(file):
            capture.install(recorded.settings, patch)
            stream = sys.stdout
            assert stream is not file
            assert isinstance(stream, io.TextIOWrapper)
            assert stream.encoding == "latin-1"
            assert stream.fileno() == file.fileno()
            assert stream.isatty() is False
            assert stream.buffer is file.buffer
            assert stream.closed is False
            stream.reconfigure(line_buffering=True)
            assert file.line_buffering
            assert stream.write("abc\n") == 4
            subprocess.run([sys.executable, "-c", "print('child')"], stdout=stream, check=True)
            with pytest.raises(UnicodeEncodeError):
                stream.write("日本")
            with pytest.raises(TypeError):
                stream.write(b"bytes")  # type: ignore[arg-type]
            patch.undo()
            assert sys.stdout is file
        assert (tmp_path / "out").read_text() == "abc\nchild\n"


def test_a_failing_terminal_fails_as_it_would_have() -> None:
    with capturing() as (recorded, patch):
        patch.undo()
        stream = io.StringIO()
        with contextlib.redirect_stdout(stream):
            capture.install(recorded.settings, patch)
            stream.close()
            with in_run("run_a"), pytest.raises(ValueError, match="closed"):
                print("lost")
            patch.undo()
        assert recorded.messages("run_a") == []


def test_redirecting_goes_past_capture_and_back() -> None:
    with capturing() as (recorded, _):
        with in_run("run_a"):
            print("one")
            with contextlib.redirect_stdout(io.StringIO()) as redirected:
                print("two")
            print("three")
        assert redirected.getvalue() == "two\n"
        assert recorded.messages("run_a") == ["one", "three"]


def test_capture_that_ends_under_a_redirection_stays_out_of_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    with capturing() as (recorded, patch):
        ours = cast("Any", sys.stdout)
        below = ours._stream
        with in_run("run_a"):
            with contextlib.redirect_stdout(io.StringIO()):
                patch.undo()
            assert sys.stdout is ours  # put back by the redirection, which took it for the original
            print("only shown")
            sys.stdout = below
        assert capsys.readouterr().out == "only shown\n"
        assert recorded.messages("run_a") == []


def test_a_handler_that_keeps_the_stream_works_on_after_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with capturing() as (_recorded, patch):
        handler = logging.StreamHandler(sys.stderr)
        patch.undo()
        handler.emit(logging.makeLogRecord({"msg": "late"}))
        assert capsys.readouterr().err == "late\n"


@pytest.mark.parametrize(
    ("line", "message", "level", "attributes"),
    [
        ('{"message": "m", "n": 1}', "m", INFO, {"n": 1}),
        ('{"msg": "m", "level": "warning", "a": {"b": [1]}}', "m", WARN, {"level": "warning", "a.b": [1]}),
        ('{"body": "b", "error": "e", "severity": "FATAL"}', "b", ERROR, {"error": "e", "severity": "FATAL"}),
        ('{"error": "e"}', "e", INFO, {}),
        ('{"n": 1}', "INFO", INFO, {"n": 1}),
        ('  {"message": "indented"}  ', "indented", INFO, {}),
        ("{}", "INFO", INFO, {}),
        ("{broken}", "{broken}", INFO, {}),
        ('["a list"]', '["a list"]', INFO, {}),
        ("{" * 50 + "}" * 50, "{" * 50 + "}" * 50, INFO, {}),
    ],
)
def test_a_json_object_is_a_structured_log(line: str, message: str, level: int, attributes: dict[str, Any]) -> None:
    with capturing() as (recorded, _):
        with in_run("run_a"):
            print(line)
        (event,) = recorded.logs("run_a")
        assert (event.message, event.level, event.attributes) == (message, level, attributes)


def test_deep_json_is_a_line_of_text() -> None:
    with capturing() as (recorded, _):
        line = '{"a":' * 5000 + "1" + "}" * 5000
        with in_run("run_a"):
            print(line)
        assert len(recorded.logs("run_a")) == 1


def test_a_progress_bar_is_one_line_as_a_terminal_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    with capturing() as (recorded, _):
        with in_run("run_a"):
            for percent in range(101):
                print(f"\r{percent:3} %", end="", file=sys.stderr)
            print(file=sys.stderr)
            print("windows\r\n", end="")
            print("first\rsecond")
        assert capsys.readouterr().err.count("\r") == 101
        bar, windows, overwritten = recorded.logs("run_a")
        assert bar.message == "100 %"
        assert bar.extra == {"dropped": {"overwritten lines": 100}}
        assert (windows.message, windows.extra) == ("windows", None)
        assert (overwritten.message, overwritten.extra) == ("second", {"dropped": {"overwritten lines": 1}})


def test_colours_are_for_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with capturing() as (recorded, _):
        with in_run("run_a"):
            print("\x1b[1;31mred\x1b[0m and \x1b]0;title\x07")
        assert capsys.readouterr().out == "\x1b[1;31mred\x1b[0m and \x1b]0;title\x07\n"
        assert recorded.messages("run_a") == ["red and \x1b]0;title\x07"]


def test_a_line_without_end_does_not_grow_without_end() -> None:
    patch = Patch()
    with recording(limits={"value_length": 1000}) as recorded:
        capture.install(recorded.settings, patch)
        with in_run("run_a"):
            for _ in range(450):
                print("0123456789", end="")
        patch.undo()
        messages = recorded.messages("run_a")
        assert sum(map(len, messages)) == 4500
        assert max(map(len, messages)) <= 1020


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("at_once", [True, False], ids=["one write", "a write a line"])
def test_a_printed_private_key_is_redacted_over_its_lines(end: str, at_once: bool) -> None:
    body = [f"MIIEcanary{number:054}" for number in range(12)]
    key = ["before", "-----BEGIN PRIVATE KEY-----", *body, "-----END PRIVATE KEY-----", "after"]
    with capturing() as (recorded, _):
        with in_run("run_a"):
            for text in [end.join(key) + end] if at_once else [line + end for line in key]:
                sys.stdout.write(text)
            sys.stdout.write("-----BEGIN PRIVATE KEY-----\n" + "\n".join(body))  # and never ends
        assert recorded.messages("run_a") == ["before", "[redacted:private-key]", "after", "[redacted:private-key]"]


def test_tracebacks_are_recorded_by_line() -> None:
    with capturing() as (recorded, _):
        with in_run("run_a"):
            try:
                raise ValueError("bad")
            except ValueError:
                traceback.print_exc()
        assert recorded.messages("run_a")[-1] == "ValueError: bad"


@pytest.mark.parametrize(("off", "left"), [("stdout", ["err"]), ("stderr", ["out"])])
def test_each_stream_can_be_switched_off(off: str, left: list[str]) -> None:
    patch = Patch()
    with recording(capture={off: False}) as recorded:
        before = getattr(sys, off)
        capture.install(recorded.settings, patch)
        assert getattr(sys, off) is before
        with in_run("run_a"):
            print("out")
            print("err", file=sys.stderr)
        patch.undo()
        assert recorded.messages("run_a") == left


def test_a_missing_stream_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    with capturing() as (recorded, patch):
        patch.undo()
        monkeypatch.setattr(sys, "stdout", None)
        capture.install(recorded.settings, patch)
        with in_run("run_a"):
            print("nowhere")
        patch.undo()
        assert sys.stdout is None


def test_threads_of_a_run_do_not_mix() -> None:
    with capturing() as (recorded, _):
        from contextvars import copy_context

        barrier = threading.Barrier(4)

        def work(number: int) -> None:
            barrier.wait(10)
            for _ in range(100):
                for piece in ("a", "b", "c"):
                    print(f"{piece}{number}", end="")
                print()

        with in_run("run_a"):
            threads = [threading.Thread(target=copy_context().run, args=(work, number)) for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        messages = recorded.messages("run_a")
        assert len(messages) == 400
        assert set(messages) == {f"a{number}b{number}c{number}" for number in range(4)}


@pytest.mark.anyio
async def test_a_thousand_runs_do_not_mix() -> None:
    with capturing() as (recorded, _):
        order = random.Random(7)

        async def one(number: int) -> None:
            with in_run(f"run_{number}"):
                for _ in range(2):
                    for piece in ("x", "y", "z"):
                        print(f"{piece}{number}", end=" ")
                        for _ in range(order.randrange(3)):
                            await anyio.sleep(0)
                    print()

        async with anyio.create_task_group() as group:
            for number in range(1000):
                group.start_soon(one, number)
        for number in range(0, 1000, 37):
            assert recorded.messages(f"run_{number}") == [f"x{number} y{number} z{number} "] * 2
        assert recorded.messages() == []


@pytest.mark.anyio
async def test_tasks_of_one_run_do_not_mix() -> None:
    with capturing() as (recorded, _):

        async def one(number: int) -> None:
            for piece in ("x", "y", "z"):
                print(f"{piece}{number}", end="")
                await anyio.sleep(0)
            print()

        with in_run("run_a"):
            async with anyio.create_task_group() as group:
                for number in range(20):
                    group.start_soon(one, number)
        assert sorted(recorded.messages("run_a")) == sorted(f"x{number}y{number}z{number}" for number in range(20))


def test_descriptors_are_passed_by(capfd: pytest.CaptureFixture[str]) -> None:
    with capturing() as (recorded, _):
        with in_run("run_a"):
            os.write(1, b"raw\n")
        assert capfd.readouterr().out == "raw\n"
        assert recorded.messages("run_a") == []
