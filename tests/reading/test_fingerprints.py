"""Which errors are one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlog.reading.fingerprints import fingerprint, normalised

CORPUS = [
    ("order 1002 was never paid", "order <number> was never paid"),
    ("HTTP 503 for url 'http://127.0.0.1:44181/mail/run_01m81'", "HTTP <number> for url <text>"),
    ("For more information check: https://developer.mozilla.org/x", "For more information check: <url>"),
    ("user 550e8400-e29b-41d4-a716-446655440000 not found", "user <id> not found"),
    ("'user_5'", "<text>"),
    ("[Errno 2] No such file or directory: '/srv/in.csv'", "[Errno <number>] No such file or directory: <text>"),
    ("cannot read /srv/app/data/in.csv now", "cannot read <path> now"),
    ("cannot read C:\\Users\\ada\\in.csv", "cannot read <path>"),
    ("cannot read ../data/in.csv", "cannot read <path>"),
    ("mail to ada@example.com bounced at 2026-01-31T14:02:05.123Z", "mail to <email> bounced at <time>"),
    ("since 2026-01-31 at 14:02:05", "since <time> at <time>"),
    ("<Session object at 0x7f3a2c01>", "<Session object at <id>>"),
    ("commit deadbeef12 and 9fceb02d0ae598e95dc970b74767f19372d61af8", "commit <id> and <id>"),
    ("run_01m81r1nkvv5bgvq5be7cykgdq FAILED", "<id> FAILED"),
    ("connect to 10.0.0.3:5432 refused", "connect to <ip>:<number> refused"),
    ("took 1.5 s of 1,234,567, or -3e-5", "took <number> s of <number>, or <number>"),
    ("can't do it, isn't it", "can't do it, isn't it"),
    ("feedback is defaced and/or facade", "feedback is defaced and/or facade"),
    ("expected str,\n  got int", "expected str, got int"),
    ("", ""),
]


@pytest.mark.parametrize(("message", "shown"), CORPUS)
def test_the_values_of_a_message_are_left_out(message: str, shown: str) -> None:
    assert normalised(message) == shown


@given(st.text(alphabet="abcfx01-_.,:;/\\'\"`@ <>é\n", max_size=300))
def test_no_message_is_too_much(message: str) -> None:
    assert isinstance(normalised(message * 20), str)


def own(*names: str) -> list[tuple[str, str]]:
    return [("/srv/app/tasks.py", name) for name in names]


LIBRARY = ("/usr/lib/python3.11/site-packages/httpx/_client.py", "send")


def test_the_place_where_it_was_raised_counts_and_its_line_does_not() -> None:
    here = fingerprint("ValueError", "no 5", own("main", "charge"))
    assert here == fingerprint("builtins.ValueError", "no 7", own("main", "charge"))
    assert here == fingerprint("ValueError", "no 7", [*own("main"), LIBRARY, *own("charge"), LIBRARY])
    others = [
        fingerprint("KeyError", "no 5", own("main", "charge")),
        fingerprint("ValueError", "none", own("main", "charge")),
        fingerprint("ValueError", "no 5", own("main", "refund")),
        fingerprint("ValueError", "no 5", [("/srv/app/other.py", "main"), *own("charge")]),
    ]
    assert len({here, *others}) == 5
    assert len(here) == 16


def test_only_the_frames_next_to_it_count() -> None:
    near = own("e", "f", "g", "h", "i")
    assert fingerprint("E", "", [*own("a"), *near]) == fingerprint("E", "", [*own("b", "c"), *near])


def test_without_a_place_it_is_the_task_that_counts() -> None:
    assert fingerprint("TimeoutError", "", [LIBRARY], "a") == fingerprint("TimeoutError", "", [], "a")
    assert fingerprint("TimeoutError", "", [], "a") != fingerprint("TimeoutError", "", [], "b")
