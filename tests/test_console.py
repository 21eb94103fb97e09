"""Records in a terminal: what they look like, and that nothing in them can do anything to it."""

from __future__ import annotations

import io
import logging
import os
import pty
import re
import threading
from pathlib import Path
from typing import Any, TextIO

import pyte
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runlog.config import Settings
from runlog.console import (
    ConsoleSink,
    Formatter,
    Painter,
    format_duration,
    format_event,
    format_run,
    is_attached,
    render_message,
    wants_color,
)
from runlog.stores.base import DEBUG, ERROR, INFO, WARN, Batch, Event, Run
from runlog.system.text import visible
from tests.helpers import wait_until

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
RUN_ID = "run_01jd0000000000000000abcdef"


def log(message: str = "hello", **values: Any) -> Event:
    fields: dict[str, Any] = {
        "sequence": 1,
        "kind": "log",
        "run_id": None,
        "trace_id": None,
        "span_id": None,
        "parent_id": None,
        "time": NOW,
        "duration": None,
        "level": INFO,
        "status": None,
        "name": "logger",
        "message": message,
        "attributes": {},
    }
    return Event(**(fields | values))


def span(name: str, span_id: bytes, parent_id: bytes | None = None, **values: Any) -> Event:
    fields = {"kind": "span", "span_id": span_id, "parent_id": parent_id, "name": name, "duration": 1_200_000_000}
    return log("", **(fields | {"status": "unset", "run_id": RUN_ID} | values))


def run(status: str, **values: Any) -> Run:
    fields: dict[str, Any] = {"version": 1, "task": "sync-user", "queue": "default", "created": NOW, "changed": NOW}
    return Run(RUN_ID, status=status, **(fields | values))


def shown(*records: Event | Run, stream: TextIO | None = None, **console: Any) -> str:
    """Put records through a sink and return what it wrote."""
    stream = stream or io.StringIO()
    sink = ConsoleSink(Settings.model_validate({"console": console}), stream)
    sink.write(Batch([r for r in records if isinstance(r, Event)], [r for r in records if isinstance(r, Run)]))
    sink.close(10)
    return stream.getvalue() if isinstance(stream, io.StringIO) else ""


class Screen:
    """A terminal emulator of 100 by 40 that remembers what programs should never do to it."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(100, 40)
        self.stream = pyte.Stream(self.screen)

    def feed(self, text: str) -> list[str]:
        self.stream.feed(text.replace("\n", "\r\n"))
        return [line.rstrip() for line in self.screen.display]


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def terminal_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")


# --- messages ---


def test_a_message_is_filled_from_its_attributes() -> None:
    attributes = {"name": "Ada", "user.id": 7, "ok": True, "none": None, "list": [1, "x"], "user": {"plan": {"id": 3}}}
    assert render_message("user {name} {user.id} {ok} {none}", attributes) == "user Ada 7 true null"
    assert render_message("{list} {user.plan.id}", attributes) == '[1,"x"] 3'


@pytest.mark.parametrize(
    "message",
    [
        "{unknown}",
        "{name.__class__}",
        "{0}",
        "{}",
        "{name!r}",
        "{name:>900000000}",
        "{name[0]}",
        "{{name}}",
        "{{7*7}}",
        "%s %(name)s ${name!r} ${jndi:ldap://x}",
        "[link=http://x]y[/link] [bold]z[/bold]",
        "{name",
        "name}",
        "{ name }",
    ],
)
def test_what_is_no_plain_known_name_stays_as_it_is(message: str) -> None:
    assert render_message(message, {"name": "Ada"}) == message


def test_filled_in_text_is_not_filled_again() -> None:
    assert render_message("{a}", {"a": "{b}", "b": "secret"}) == "{b}"


def test_values_are_quoted_where_they_would_not_be_told_apart() -> None:
    text = format_event(
        log(attributes={"a": "x y", "b": "", "c": 'say "hi"', "d": "plain", "e": "k=v", "f": 1.5, "g": None})
    )
    assert text.endswith(r'a="x y" b="" c="say \"hi\"" d=plain e="k=v" f=1.5 g=null' + "\n")


def test_long_values_are_shortened_and_say_by_how_much() -> None:
    text = format_event(log("m" * 5000, attributes={"a": "x" * 1_200}))
    assert "…(+1,000 characters)" in text
    assert "m" * 4000 + "…(+1,000 characters)" in text


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 µs"),
        (85_400, "85 µs"),
        (999_400, "999 µs"),
        (999_600, "1.0 ms"),
        (1_230_000, "1.2 ms"),
        (120 * 10**6, "120 ms"),
        (999_600_000, "1.0 s"),
        (1_200_000_000, "1.2 s"),
        (59_960_000_000, "1 min 0 s"),
        (123 * SECOND, "2 min 3 s"),
        (5 * 3600 * SECOND + 12 * 60 * SECOND, "5 h 12 min"),
    ],
)
def test_durations_have_the_unit_that_suits_them(nanoseconds: int, text: str) -> None:
    assert format_duration(nanoseconds) == text


# --- lines ---


def test_a_line_has_time_level_task_run_message_and_attributes() -> None:
    text = shown(run("EXECUTING"), log("user {id}", run_id=RUN_ID, level=WARN, attributes={"id": 7}))
    first, second = text.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.000 RUN   sync-user    abcdef  ▶ EXECUTING  " + RUN_ID, first)
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.000 WARN  sync-user    abcdef  user 7  id=7", second)


def test_outside_a_run_there_is_no_column_for_one() -> None:
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.000 INFO  hello\n", shown(log()))


def test_messages_stay_aligned_with_and_without_a_run() -> None:
    lines = shown(run("EXECUTING"), log("inside", run_id=RUN_ID), log("outside")).splitlines()
    assert lines[1].index("inside") == lines[2].index("outside")


def test_depth_is_that_of_the_spans_a_user_made() -> None:
    text = shown(
        run("EXECUTING", span_id=b"r" * 8),
        span("Attempt 1", b"1" * 8, b"r" * 8),
        span("run()", b"2" * 8, b"1" * 8),
        span("outer", b"3" * 8, b"2" * 8),
        span("inner", b"4" * 8, b"3" * 8),
        log("in run", run_id=RUN_ID, parent_id=b"2" * 8),
        log("in outer", run_id=RUN_ID, parent_id=b"3" * 8),
        log("in inner", run_id=RUN_ID, parent_id=b"4" * 8),
    )
    columns = {}
    for line in text.splitlines():
        head, _, words = line.partition("in ")
        columns[words] = len(head)
    assert columns["outer"] == columns["run"] + 2
    assert columns["inner"] == columns["run"] + 4


def test_spans_are_shown_on_request() -> None:
    ended = span("fetch-user", b"3" * 8, attributes={"user.id": 7})
    assert shown(ended) == ""
    assert "└ fetch-user 1.2 s  user.id=7" in shown(ended, spans=True)


def test_a_span_that_failed_shows_its_exception_even_so() -> None:
    error = {"type": "ValueError", "message": "bad", "frames": []}
    text = shown(span("fetch-user", b"3" * 8, level=ERROR, status="error", extra={"exception": error}))
    assert "ERROR" in text
    assert "└ fetch-user 1.2 s  error" in text
    assert "ValueError: bad" in text


@pytest.mark.parametrize(("level", "count"), [("debug", 4), ("info", 3), ("warn", 2), ("error", 1)])
def test_levels_below_the_console_s_are_left_out(level: str, count: int) -> None:
    records = [log(f"at {number}", level=number) for number in (DEBUG, INFO, WARN, ERROR)]
    assert len(shown(*records, level=level).splitlines()) == count


def test_captured_output_is_not_shown_again() -> None:
    assert shown(*(log("x", name=name) for name in ("stdout", "stderr", "warnings"))) == ""


def test_logging_is_shown_only_where_no_handler_shows_it() -> None:
    record = log("from a library", name="logging:some.library")
    handlers, logging.root.handlers = logging.root.handlers, []  # those of pytest
    try:
        assert "[some.library] from a library" in shown(record)
        logging.getLogger("some").addHandler(logging.NullHandler())
        assert "[some.library] from a library" in shown(record)
        logging.root.addHandler(logging.StreamHandler(io.StringIO()))
        assert shown(record) == ""
    finally:
        logging.root.handlers = handlers
        logging.getLogger("some").handlers.clear()


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (run("EXECUTING", attempt=2), f"▶ EXECUTING  {RUN_ID}  attempt 2"),
        (run("COMPLETED", started=NOW - 1_200_000_000, ended=NOW), "✓ COMPLETED in 1.2 s"),
        (
            run("FAILED", started=NOW - SECOND, ended=NOW, error={"type": "E", "message": "m"}),
            "✗ FAILED in 1.0 s  E: m",
        ),
        (run("CANCELED", reason="asked to"), "⊘ CANCELED  asked to"),
        (
            run("DELAYED", attempt=1, available=NOW + 2 * SECOND, error={"type": "E", "message": "m"}),
            "↻ DELAYED for 2.0 s  attempt 1 failed  E: m",
        ),
        (run("TIMED_OUT", started=NOW - 61 * SECOND, ended=NOW), "✗ TIMED_OUT in 1 min 1 s"),
    ],
)
def test_run_states_are_told(state: Run, text: str) -> None:
    assert shown(state).rstrip().endswith(f"sync-user    abcdef  {text}")
    assert format_run(state).rstrip().endswith(text)


def test_states_that_pass_by_at_once_are_for_debugging() -> None:
    assert shown(run("QUEUED")) == ""
    assert "QUEUED" in shown(run("QUEUED"), level="debug")


def test_an_exception_is_told_once() -> None:
    error = {
        "type": "ValueError",
        "message": "bad",
        "frames": [{"file": "t.py", "line": 1, "function": "f", "source": "raise it"}],
    }
    failed = span("fetch", b"3" * 8, level=ERROR, status="error", extra={"exception": error})
    ended = run("FAILED", changed=NOW + 5 * SECOND, error={"type": "ValueError", "message": "bad", "exception": error})
    assert shown(failed, ended).count("raise it") == 1
    assert shown(ended).count("raise it") == 1


def test_exceptions_are_told_with_chain_group_notes_and_source() -> None:
    frame = {
        "file": str(Path.cwd() / "tasks.py"),
        "line": 40,
        "function": "fetch",
        "source": '    raise ValueError("bad")',
    }
    error = {
        "type": "ValueError",
        "message": "bad\nuser",
        "notes": ["while syncing"],
        "frames": [frame],
        "cause": {"type": "KeyError", "message": "'plan'", "frames": [{**frame, "line": 31}]},
    }
    leaves = [{"type": "TimeoutError", "message": ""}, error]
    group = {"type": "ExceptionGroup", "message": "two", "group": leaves, "dropped": {"exceptions": 5}}
    text = format_event(log("failed", level=ERROR, extra={"exception": group}))
    margin = " " * 19
    assert text.splitlines()[1:] == [
        margin + line
        for line in (
            "ExceptionGroup: two",
            "  ─ 1 ─",
            "  TimeoutError",
            "  ─ 2 ─",
            "  ValueError: bad",
            "    user",
            "    while syncing",
            '    tasks.py:40 in fetch  raise ValueError("bad")',
            "  caused by KeyError: 'plan'",
            '    tasks.py:31 in fetch  raise ValueError("bad")',
            "  … 5 more exceptions not recorded",
        )
    ]


def test_long_tracebacks_are_shortened_in_the_middle() -> None:
    frames = [{"file": "t.py", "line": number, "function": "f", "source": "f()"} for number in range(100)]
    text = format_event(log(extra={"exception": {"type": "RecursionError", "message": "", "frames": frames}}))
    assert "… 84 more frames …" in text
    assert "t.py:0 " in text
    assert "t.py:99 " in text
    assert len(text.splitlines()) == 1 + 1 + 16 + 1


@pytest.mark.parametrize("damage", [{}, {"frames": 5, "notes": "x", "group": {}, "cause": []}, {"frames": [None, {}]}])
def test_a_damaged_exception_is_no_failure(damage: dict[str, Any]) -> None:
    assert "hello" in format_event(log(extra={"exception": damage}))


def test_an_endless_chain_ends() -> None:
    error: dict[str, Any] = {"type": "E", "message": "m"}
    error["cause"] = error
    assert len(format_event(log(extra={"exception": error})).splitlines()) < 100


# --- terminals ---

HOSTILE = [
    "\x1b]52;c;aGFja2Vk\x07",  # the clipboard
    "\x1b]52;c;aGFja2Vk\x1b\\",
    "\x1b]0;title\x07",
    "\x1b]2;title\x1b\\",
    "\x1b]8;;http://evil\x1b\\text\x1b]8;;\x1b\\",  # a link
    "\x1b[2J\x1b[H",
    "\x1b[10A\x1b[1;1Hoverwritten",
    "\x1b[?1049h",
    "\x1b[8m hidden",
    "\x9b2J\x9b1;1H",  # C1
    "\x9d52;c;aGFja2Vk\x9c",
    "\x90q#0\x9c",
    "\x1bP1$r\x1b\\",  # DCS
    "\x1bc",
    "\x1b7\x1b8\x1bM\x1bD",
    "abc\b\b\bXYZ",
    "real\rfake",
    "\x00\x07\x0b\x0c\x0e\x0f\x7f\x84\x85\x8d",
    "\u202edrawkcab\u202c\u2066\u2069\u200b\ufeff\u2028\u2029",
    "ignore \U000e0074\U000e0061\U000e0067\u3164\u115f",
    "\udcff\ud800",
    "[red]markup[/red] [link=http://evil]x[/link] [/] :smile: [blink]",
]


def emulated(text: str) -> pyte.Screen:
    screen = Screen()
    screen.feed(text)
    return screen.screen


def every_field(text: str) -> list[Event | Run]:
    exception = {
        "type": text,
        "message": text,
        "notes": [text],
        "frames": [{"file": text, "line": text, "function": text, "source": text}],
        "group": [{"type": text}],
        "dropped": {text: text},
    }
    run_id = "run_" + text
    extra = {"status_message": text, "exception": exception}
    return [
        run("EXECUTING", task=text),
        Run(run_id, 1, text, text, "q", NOW, NOW, reason=text, error={"type": text, "message": text}),
        Run(run_id, 2, text, "FAILED", "q", NOW, NOW, error={"type": text, "message": text, "exception": exception}),
        log(text, name=text, run_id=run_id, attributes={text: text, "list": [text, {text: text}]}),
        log(text, level=ERROR, extra={"exception": exception, "dropped": {text: 3}, "icon": text}),
        span(
            text,
            b"3" * 8,
            run_id=run_id,
            status=text,
            level=ERROR,
            extra=extra,
        ),
    ]


OWN_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
ALLOWED = re.compile(r"[^\n\x20-\x7e\u00a0-\U0010ffff]")


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("is_terminal", [True, False])
def test_nothing_in_a_record_does_anything_to_the_terminal(hostile: str, is_terminal: bool) -> None:
    stream = Terminal() if is_terminal else io.StringIO()
    text = shown(*every_field(f"<{hostile}>"), stream=stream, spans=True, level="debug")
    assert ("\x1b" in text) is is_terminal
    assert not ALLOWED.search(OWN_ESCAPE.sub("", text)), "a control character reached the terminal"
    screen = emulated(OWN_ESCAPE.sub("", text))
    assert screen.title == ""
    assert screen.icon_name == ""
    assert screen.cursor.x == 0
    assert not any("http" in (cell.fg + cell.bg) for row in screen.buffer.values() for cell in row.values())


@given(st.text(st.characters() | st.sampled_from("\x1b\x9b\x9d\x90\x07\x08\r\n[];0m\x7f{}"), max_size=200))
@example("\x1b]52;c;aGk=\x07")
@example("x" * 95 + "\n14:02:11.482 ERROR forged")
@settings(max_examples=200, deadline=None)
def test_any_text_leaves_cursor_title_and_screen_alone(text: str) -> None:
    written = "".join(Painter(None, color=True).paint(Formatter(width=100).event(log(text, attributes={"k": text}))))
    bare = OWN_ESCAPE.sub("", written)
    assert not ALLOWED.search(bare)
    assert "\x1b" not in bare
    screen = emulated(bare[:2000])
    assert screen.title == ""
    starts = [line for line in bare.splitlines() if not line.startswith(" ")]
    assert len(starts) == 1, "only a record's first row starts at the edge"


def test_a_message_cannot_imitate_a_record() -> None:
    forged = "12:00:00.000 ERROR forged"
    for message in (f"a\n{forged}", f"a\r{forged}", f"a\x85{forged}", f"a\u2028{forged}", "a" + " " * 80 + forged):
        stream = Terminal()
        lines = Painter(stream, color=False).paint(Formatter(width=100).event(log(message))).splitlines()
        assert all(line.startswith(" ") for line in lines[1:])
        assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("width", [10, 25, 40, 79, 200])
def test_rows_fit_the_terminal_whatever_its_width(width: int) -> None:
    formatter = Formatter(width=width)
    message = "some words and " + "a" * 300 + " wide: 日本語日本語日本語日本語日本語日本語日本語"
    lines = formatter.event(log(message, run_id=RUN_ID, attributes={"key": "v" * 150, "other": 1}), "sync-user", 3)
    screen = pyte.Screen(width, 200)
    pyte.Stream(screen).feed(Painter(None).paint(lines).replace("\n", "\r\n"))
    assert screen.cursor.y == len(lines), "a row took two of the terminal's"
    text = "".join("".join(piece for piece, _ in line).strip() for line in lines)
    assert "日本語" in text
    assert "other=1" in text.replace(" ", "")


def test_colours_only_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in shown(log())
    assert "\x1b[" in shown(log(), stream=Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in shown(log(), stream=Terminal())
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not wants_color(Terminal())
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[" in shown(log())
    monkeypatch.delenv("FORCE_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_color(Terminal())


def test_a_real_terminal_gives_width_and_colour() -> None:
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 60, 0, 0))
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        shown(log("words " * 20), stream=stream)
        text = os.read(ours, 10_000).decode()
    os.close(ours)
    rows = OWN_ESCAPE.sub("", text).replace("\r\n", "\n").splitlines()
    assert len(rows) > 2
    assert max(map(len, rows)) <= 60
    assert "\x1b[" in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "nonsense"])
def test_what_the_stream_cannot_encode_is_replaced(encoding: str) -> None:
    raw = io.BytesIO()
    real = "ascii" if encoding == "nonsense" else encoding
    stream = io.TextIOWrapper(raw, encoding=real, errors="strict", write_through=True)
    text = Painter(stream, color=False).paint(Formatter().event(log("日本 é …")))
    stream.write(text)
    assert b"INFO" in raw.getvalue()


# --- the sink ---


class Blocked(io.StringIO):
    """A terminal that stands still until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()
        self.reached = threading.Event()

    def write(self, text: str) -> int:
        self.reached.set()
        self.released.wait(30)
        return super().write(text)


def test_a_terminal_that_stands_still_stops_nobody_and_the_loss_is_told() -> None:
    stream = Blocked()
    sink = ConsoleSink(Settings(), stream)
    sink.write(Batch([log("first")]))
    assert stream.reached.wait(10)
    for _ in range(50):
        sink.write(Batch([log("more")] * 1000))
    sink.close(0)
    sink.flush(0)
    stream.released.set()
    pattern = re.compile(r"… ([\d,]+) records not shown")

    def accounted() -> int:
        told = sum(int(number.replace(",", "")) for number in pattern.findall(stream.getvalue()))
        return told + stream.getvalue().count(" INFO ")

    wait_until(lambda: accounted() == 50_001)
    assert pattern.search(stream.getvalue())


def test_a_closed_stream_is_no_failure(capfd: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    sink = ConsoleSink(Settings(), stream)
    stream.close()
    sink.write(Batch([log()]))
    sink.write(Batch([log()]))
    assert sink.flush(10)
    sink.close(10)


def test_records_are_shown_in_the_order_of_their_times() -> None:
    text = shown(
        log("second", time=NOW + 2 * SECOND, run_id=RUN_ID),
        run("COMPLETED", changed=NOW + 3 * SECOND),
        run("EXECUTING", changed=NOW),
    )
    assert re.findall("EXECUTING|second|COMPLETED", text) == ["EXECUTING", "second", "COMPLETED"]


def test_the_same_state_is_told_once() -> None:
    assert shown(run("EXECUTING", attempt=1), run("EXECUTING", attempt=1, version=2)).count("EXECUTING") == 1


def test_it_is_known_whether_a_console_is_attached() -> None:
    before = is_attached()
    sink = ConsoleSink(Settings(), io.StringIO())
    assert is_attached()
    sink.close(1)
    assert is_attached() is before


def test_a_forked_child_shows_its_own_records(tmp_path: Any) -> None:
    import subprocess
    import sys

    script = tmp_path / "forks.py"
    script.write_text(
        "import os, sys\n"
        "from runlog.config import Settings\n"
        "from runlog.console import ConsoleSink\n"
        "from runlog.stores.base import Batch, Event\n"
        "def log(text):\n"
        "    return Event(1, 'log', None, None, None, None, 0, None, 9, None, 'logger', text, {})\n"
        "sink = ConsoleSink(Settings(), sys.stdout)\n"
        "sink.write(Batch([log('parent')]))\n"
        "sink.flush()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    sink.write(Batch([log('child')]))\n"
        "    sink.close()\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "sink.write(Batch([log('again')]))\n"
        "sink.close()\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=True)
    assert re.findall("parent|child|again", done.stdout) == ["parent", "child", "again"]


def test_invisible_characters_are_shown() -> None:
    hidden = "\U000e0041\u3164\u115f\u034f\u200b\u00ad\ufeff"
    assert visible(hidden) == r"\U000e0041\u3164\u115f\u034f\u200b\xad\ufeff"
    assert visible("é漢字👍🏽\tline\n") == "é漢字👍🏽\tline\n"
