"""The term of a value finds what has it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlog.reading.terms import attribute_term
from runlog.stores.base import Batch, Event
from runlog.stores.evaluate import matches
from runlog.stores.query import parse
from runlog.stores.sqlite import SQLiteStore
from tests.helpers import times

KEYS = st.one_of(
    st.sampled_from(
        ["status", "run.id", "run.nothing", "attr.x", "attr.", "level", "task", "", "a b", 'q"', "-x", "(a)", "a:b"]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20),
)
TEXTS = st.one_of(
    st.sampled_from(
        ["", "*", "a*", ">5", "5.0", "a OR b", "-x", "NOT", '"', "\\", "(", "2026-01-01", "null", "\n", " a "]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30),
)
SCALARS = st.one_of(
    TEXTS, st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none()
)


def log(attributes: dict[str, Any]) -> Event:
    return Event(0, "log", None, None, None, None, 1, None, 9, None, "logger", "said", attributes)


@settings(max_examples=times(300, 3000), deadline=None)
@given(KEYS, st.one_of(SCALARS, st.lists(SCALARS, max_size=4)))
def test_what_it_says_matches(key: str, value: Any) -> None:
    term = attribute_term(key, value)
    if term is not None:
        assert matches(parse(term).node, log({key: value}), None)
        assert not matches(parse(term).node, log({key + "x": value}), None)


@settings(max_examples=times(15, 200), deadline=None)
@given(st.dictionaries(KEYS, st.one_of(TEXTS, st.integers(-9, 9), st.booleans()), max_size=5))
def test_a_search_finds_it(attributes: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "log.db")
        store.write(Batch(events=[log({}), log(attributes), log({"other": 1})]))
        for key, value in attributes.items():
            term = attribute_term(key, value)
            if term is not None:
                assert 2 in [event.id for event in store.search(parse(term)).items], term
        store.close()


@pytest.mark.parametrize(
    ("key", "value", "term"),
    [
        ("user.id", "u_5", "user.id:u_5"),
        ("status", 200, "attr.status:200"),
        ("a b", "c d", '"a b":"c d"'),
        ("n", [1, 2], "n:1 n:2"),
        ("n", [], None),
        ("n", list(range(9)), None),
        ("", "x", None),
        ("long", "x" * 501, None),
    ],
)
def test_how_it_is_written(key: str, value: Any, term: str | None) -> None:
    assert attribute_term(key, value) == term


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_ordinary_values_have_one(text: str) -> None:
    assert attribute_term("user.name", text) is not None
