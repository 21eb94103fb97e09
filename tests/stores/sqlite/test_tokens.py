"""Attributes as tokens: each pair has its own, and the index takes it for one word."""

from __future__ import annotations

import apsw
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlog.stores.sqlite.schema import create_tables
from runlog.stores.sqlite.tokens import KEY_LENGTH, VALUE_LENGTH, decode, encode_key, encode_value, token_text

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    ["a=b", "%", "^a", "A", "%41", "é"]
)
plain = st.recursive(
    texts | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=5,
)


@given(texts)
def test_a_token_says_what_it_was_made_of(text: str) -> None:
    encoded = encode_value(text)
    if len(encoded) < VALUE_LENGTH:
        assert decode(encoded) == text
    assert encode_key(text).count("=") == 1
    if len(encode_key(text)) < KEY_LENGTH:
        assert decode(encode_key(text)[:-1]) == text


@given(texts, texts)
def test_a_beginning_of_a_text_is_a_beginning_of_its_token(one: str, two: str) -> None:
    assert encode_value(one + two).startswith(encode_value(one)[:-4])
    if len(encode_value(one)) < VALUE_LENGTH:
        assert encode_value(two).startswith(encode_value(one)) == two.startswith(one)


@given(st.dictionaries(texts, plain, max_size=4))
def test_tokens_are_the_same_after_reading_and_each_is_one_word_of_the_index(attributes: dict[str, object]) -> None:
    tokens = token_text(attributes)
    assert token_text(msgspec.json.decode(msgspec.json.encode(attributes))) == tokens
    connection = apsw.Connection(":memory:")
    create_tables(connection)
    connection.execute("INSERT INTO attr (rowid, pairs) VALUES (1, ?)", (tokens,))
    found = [row[0] for row in connection.execute("SELECT term FROM attr_terms")]
    assert found == sorted(set(tokens.split()))
    for token in found:
        assert connection.execute("SELECT rowid FROM attr WHERE attr MATCH ?", (f'"{token}"',)).get == 1
    connection.execute("INSERT INTO attr (attr, rowid, pairs) VALUES ('delete', 1, ?)", (tokens,))
    assert connection.execute("SELECT term FROM attr_terms").get is None
    connection.close()


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), [float("-inf")], "\ud800", object(), 10**5000],
    ids=["NaN", "infinity", "in a list", "surrogate", "object", "huge"],
)
def test_what_json_would_change_or_refuse_is_refused(value: object) -> None:
    with pytest.raises(Exception, match=r"."):
        msgspec.json.encode({"a": value})
        token_text({"a": value})
