"""The language: what parses, what does not and where, and that the printed tree is the tree."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runlog.errors import QueryError
from runlog.stores.base import ERROR, WARN
from runlog.stores.query import Amount, And, Node, Not, Or, Phrase, Term, Word, parse
from tests.stores.query_strategies import nodes

SECOND = 1_000_000_000
NOW = 1_790_000_000 * SECOND


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("", None),
        ("  \n ", None),
        ("timeout", Word("timeout")),
        ("conn*", Word("conn", prefix=True)),
        ('"connection reset"', Phrase("connection reset")),
        ("a b", And((Word("a"), Word("b")))),
        ("a AND b", And((Word("a"), Word("b")))),
        ("a OR b c", Or((Word("a"), And((Word("b"), Word("c")))))),
        ("(a OR b) c", And((Or((Word("a"), Word("b"))), Word("c")))),
        ("-a", Not(Word("a"))),
        ("NOT a", Not(Word("a"))),
        ("-(a b)", Not(And((Word("a"), Word("b"))))),
        ("orange ORacle", And((Word("orange"), Word("ORacle")))),
        ("foo-bar", Word("foo-bar")),
        ("task:send-email", Term("task", "=", "send-email")),
        ("level:>=warn", Term("level", ">=", "warn")),
        ("user.id:u_5*", Term("user.id", "prefix", "u_5")),
        ("amount:>99.5", Term("amount", ">", "99.5")),
        ("amount:-5", Term("amount", "=", "-5")),
        ("key:*", Term("key", "exists")),
        ('key:"a b"', Term("key", "=", "a b")),
        ('key:"a b"*', Term("key", "prefix", "a b")),
        ('key:"*"', Term("key", "=", "*")),
        ('key:""', Term("key", "=", "")),
        (r'key:"say \"hi\" \\ \n"', Term("key", "=", r'say "hi" \ \n')),
        ('"odd key":1', Term("odd key", "=", "1")),
        ("url:http://a/b?c=1", Term("url", "=", "http://a/b?c=1")),
        ("key:(a OR b)", Or((Term("key", "=", "a"), Term("key", "=", "b")))),
        ('tag:(a -b "c d")', And((Term("tag", "=", "a"), Not(Term("tag", "=", "b")), Term("tag", "=", "c d")))),
        ("dur:(>=1s <2s)", And((Term("dur", ">=", "1s"), Term("dur", "<", "2s")))),
    ],
)
def test_what_a_text_means(text: str, node: Node | None) -> None:
    assert parse(text).node == node


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("level:>=", 8, "error"),
        ("task:", 5, "missing"),
        ("a task: b", 7, "missing"),
        ("level:loud", 6, "debug, info, warn, error"),
        ("status:>failed", 8, "order"),
        ("a status:done", 9, "COMPLETED"),
        ("level:(warn OR loud)", 15, "debug"),
        ("run.staus:x", 0, "run.status"),
        ("amount:>lots", 8, "number"),
        ("dur:>2 parsecs x:y", None, ""),
        ("dur:>2parsecs", 5, "duration"),
        ("time:>25:99", 6, "time"),
        ("run.errors:many", 11, "number"),
        ("span:xyz", 5, "hexadecimal"),
        ("dur:2*", 4, "beginning"),
        ("a:>b*", 4, "'*'"),
        ("fo*o", 2, "'*'"),
        ("k:fo*o", 4, "'*'"),
        ('"foo"*', 5, "'*'"),
        ("...", 0, "letter"),
        ("*", 0, "letter"),
        (":x", 0, "key"),
        ("(a", 0, "closed"),
        ("a b)", 3, "closes nothing"),
        ("()", 1, "missing"),
        ('a "b', 2, "closed"),
        ("a OR", 4, "missing"),
        ("OR a", 0, "missing"),
        ("a AND OR b", 6, "missing"),
        ("- a", 1, "missing"),
        ("k:(a", 2, "closed"),
        ("(" * 100 + "a" + ")" * 100, 64, "deeper"),
        ("-" * 5000 + "a", 64, "deeper"),
        ("a " * 300, 512, "256"),
    ],
)
def test_an_error_points_at_the_place(text: str, position: int | None, says: str) -> None:
    if position is None:
        assert parse(text).node is not None
        return
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert caught.value.position == position
    assert says in caught.value.what


def test_values_are_read_by_their_field() -> None:
    assert Term("level", ">=", "WARNING").operand == WARN
    assert Term("level", "=", "Critical").operand == ERROR
    assert Term("status", "=", "timed_out").operand == "TIMED_OUT"
    assert Term("dur", ">", "1h30m").operand == 5400 * SECOND
    assert Term("dur", ">", "2.5").operand == 2_500_000_000
    assert Term("span", "=", "AB12").operand == "ab12"
    assert Term("amount", ">", "2s").operand == Amount("duration", 2 * SECOND)
    assert Term("amount", ">", "2").operand == Amount("number", 2)


def test_relative_times_count_from_now() -> None:
    node = parse("time:>-1h", now=NOW).node
    assert isinstance(node, Term)
    assert node.operand == NOW - 3600 * SECOND


def test_a_time_without_an_operator_is_the_period_it_names() -> None:
    node = parse("time:2026-01-31T14:02Z").node
    assert isinstance(node, And)
    start, end = node.nodes
    assert isinstance(start, Term)
    assert isinstance(end, Term)
    assert (start.op, end.op) == (">=", "<")
    assert isinstance(start.operand, int)
    assert end.operand == start.operand + 60 * SECOND


@given(nodes())
def test_a_printed_tree_parses_to_itself(node: Node) -> None:
    assert parse(str(node)).node == node


SYMBOLS = [
    '"',
    "(",
    ")",
    ":",
    "*",
    "-",
    ">",
    "=",
    "<",
    " ",
    "\\",
    "OR",
    "AND",
    "NOT",
    "level",
    "time",
    "run.",
    "a",
    "é",
    "1",
    "s",
]


@given(st.lists(st.sampled_from(SYMBOLS), max_size=12).map("".join) | st.text(max_size=40))
@example("\ud800:\ud800")
@example('time:"9999-12-31"')
@example("time:0001-01-01T00:00:00+23:59")
@example("time:>-99999999999999999999w")
@example("dur:>99999999999999999999999999w")
@example("n:>" + "9" * 5000)
@example("n:" + "9" * 5000)
@example("run.errors:1e999")
@example("a:>\x00")
def test_any_text_parses_or_is_a_query_error(text: str) -> None:
    position = 0
    try:
        query = parse(text)
    except QueryError as error:
        position = error.position
    else:
        assert parse(str(query.node) if query.node else "").node == query.node
    assert 0 <= position <= len(text)
