"""What queries find: words, fields, attributes, and runs by their events."""

from __future__ import annotations

import itertools
from typing import Any

import apsw
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlog.stores.base import ERROR, INFO, WARN, Event, Run
from runlog.stores.evaluate import matches, run_matches
from runlog.stores.query import WORD_TOKENIZER, attribute_text, equal_texts, format_time, parse, parse_time, words
from tests.stores.query_strategies import WORDS, messages

SECOND = 1_000_000_000


def log(message: str = "", /, level: int = INFO, **attributes: Any) -> Event:
    return Event(
        1, "log", "run_1", None, None, b"\x01" * 8, 5 * SECOND, None, level, None, "logger", message, attributes
    )


def span(name: str = "fetch", duration: int = 2 * SECOND, **attributes: Any) -> Event:
    return Event(2, "span", "run_1", None, b"\xab" * 8, None, 5 * SECOND, duration, INFO, "ok", name, "", attributes)


RUN = Run(
    run_id="run_1",
    version=1,
    task="send-email",
    status="FAILED",
    queue="mail",
    created=SECOND,
    changed=9 * SECOND,
    started=2 * SECOND,
    ended=9 * SECOND,
    tags=("vip", "eu"),
    error={"type": "ValueError", "message": "no"},
)


def found(query: str, event: Event | None, run: Run | None = RUN) -> bool:
    return matches(parse(query).node, event, run)


@pytest.mark.parametrize(
    ("query", "message", "expected"),
    [
        ("timeout", "Connection TIMEOUT after 3s", True),
        ("cafe", "at the Café", True),
        ("café", "at the cafe", True),
        ("time", "timeout", False),
        ("time*", "timeout", True),
        ('"connection timeout"', "connection: timeout!", True),
        ('"timeout connection"', "connection timeout", False),
        ("api/users", "GET https://api/users/1", True),
        ("api/use*", "GET https://api/users/1", True),
        ("use/api", "GET https://api/use", False),
        ("-timeout", "all fine", True),
        ("a OR timeout", "timeout", True),
    ],
)
def test_words(query: str, message: str, expected: bool) -> None:
    assert found(query, log(message)) is expected


def test_the_words_of_a_span_are_its_name_and_of_a_log_its_message() -> None:
    assert found("fetch", span("fetch-user"))
    assert not found("logger", log("hello"))


@given(
    messages | st.text(max_size=30).map(lambda text: text.encode("utf-8", "replace").decode()), st.sampled_from(WORDS)
)
def test_words_are_those_of_the_index(text: str, wanted: str) -> None:
    index = apsw.Connection(":memory:")
    index.execute(f"CREATE VIRTUAL TABLE word USING fts5(m, tokenize='{' '.join(WORD_TOKENIZER)}')")
    index.execute("CREATE VIRTUAL TABLE vocabulary USING fts5vocab(word, 'instance')")
    index.execute("INSERT INTO word VALUES (?)", (text,))
    stored = [row[0] for row in index.execute("SELECT term FROM vocabulary ORDER BY offset")]
    assert words(text) == stored
    hit = bool(index.execute("SELECT 1 FROM word WHERE word MATCH ?", (f'"{wanted}"',)).fetchall())
    assert found(wanted, log(text)) is hit


@pytest.mark.parametrize(
    ("query", "value", "expected"),
    [
        ("k:u_5", "u_5", True),
        ("k:u_5", "U_5", False),
        ("k:u_5", "u_55", False),
        ("k:u_5*", "u_55", True),
        ("k:5", 5, True),
        ("k:5.0", 5, True),
        ("k:5", 5.0, True),
        ("k:5", "5", True),
        ("k:5.0", "5", False),
        ("k:5", True, False),
        ("k:1", True, False),
        ("k:true", True, True),
        ("k:null", None, True),
        ("k:*", None, True),
        ("k:*", [], True),
        ("k:a", ["b", "a"], True),
        ("k:a", [], False),
        ("k:9007199254740993", 9007199254740992.0, False),
        ("k:>99.5", 100, True),
        ("k:>99.5", 99.5, False),
        ("k:>=99.5", 99.5, True),
        ("k:>99.5", "100", True),
        ("k:>99.5", "lots", False),
        ("k:>99.5", [1, 100], True),
        ("k:>0", True, False),
        ("k:>2s", 2.5, True),
        ("k:>2s", "2500ms", True),
        ("k:<2s", "2500ms", False),
        ("k:>2026-01-01T00:00Z", "2026-01-01T00:00:01+00:00", True),
        ("k:>2026-01-01T00:00Z", "2026-01-01T00:30:00+01:00", False),
        ("k:>2026-01-01", 5, False),
        ("-k:5", 6, True),
        ("other:*", 6, False),
        ("-other:5", 6, True),
        ("attr.k:6", 6, True),
    ],
)
def test_attributes(query: str, value: object, expected: bool) -> None:
    assert found(query, log(k=value)) is expected


def test_an_attribute_named_like_a_field_is_reached_by_its_prefix() -> None:
    event = log()
    event.attributes = {"level": "high"}
    assert found("attr.level:high", event)
    assert found("level:info", event)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("dur:>=2s", True),
        ("dur:>2s", False),
        ("run.dur:7s", True),
        ("task:send-email", True),
        ("task:send", False),
        ("task:send*", True),
        ("tag:eu", True),
        ("tag:e*", True),
        ("tag:us", False),
        ("tag:*", True),
        ("status:failed", True),
        ("run.error:ValueError", True),
        ("run:run_1", True),
        ("run.worker:*", False),
        ("-run.worker:w", True),
        ("queue:(mail OR default)", True),
        ("level:<=info", True),
        ("kind:span", True),
        ("name:fetch", True),
        ("span:ABABABABABABABAB", True),
        ("span:ab*", True),
        ("span.status:ok", True),
        ("time:1970-01-01T00:00:05Z", True),
        ("time:1970-01-01T00:00:06Z", False),
        ("run.created:<1970-01-01T00:00:02Z", True),
    ],
)
def test_fields(query: str, expected: bool) -> None:
    assert found(query, span()) is expected


def test_the_span_of_a_log_is_the_one_it_is_in() -> None:
    assert found("span:0101010101010101", log())


def test_terms_about_what_is_not_there_are_false() -> None:
    assert not found("task:send-email", log("a"), None)
    assert found("-task:send-email", log("a"), None)
    assert not found("dur:<1s", log("a"))


def test_a_list_of_runs_asks_for_one_event_that_fits_whole() -> None:
    events = [log("timeout", WARN), log("other", ERROR)]
    assert run_matches(parse("timeout level:warn"), RUN, events)
    assert not run_matches(parse("timeout level:error"), RUN, events)
    assert run_matches(parse("status:failed"), RUN, [])
    assert not run_matches(parse("status:failed level:info"), RUN, [])
    assert not run_matches(parse("-level:error"), RUN, [])


def test_a_span_that_is_still_open_is_no_event_of_a_list() -> None:
    opened = msgspec.structs.replace(span("fetch"), kind="open", duration=None)
    assert not run_matches(parse("fetch"), RUN, [opened])


def test_every_equal_value_is_under_one_of_the_index_texts() -> None:
    values: list[object] = ["5", "5.0", 5, 5.0, 5.5, "5.5", True, None, 1e300, -0.0, "true", "", 2**53 + 1]
    for value, text in itertools.product(values, ["5", "5.0", "5.50", "true", "null", "1e300", "0", "-0", ""]):
        if found(f'k:"{text}"', log(k=value)):
            assert attribute_text(value) in equal_texts(text)


@given(st.integers(-(2**62), 2**62))
def test_times_are_spelled_exactly(time: int) -> None:
    assert parse_time(format_time(time)) == time
