"""What is being written at a place of a query, whatever else stands in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlog.stores.query.completion import Place, place_at


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("|", ("", "", None, "")),
        ("st|", ("st", "st", None, "")),
        ("a | b", ("", "", None, "")),
        ("a b|c d", ("bc", "b", None, "")),
        ("stat|us:failed", ("status:", "stat", None, "")),
        ("status:|", ("", "", "status", "")),
        ("-status:fa|iled x", ("failed", "fa", "status", "")),
        ("level:>=w|", ("w", "w", "level", ">=")),
        ("dur:>|=1s", (">=1s", ">", "dur", "")),
        ("task:(a OR b|)", ("b", "b", "task", "")),
        ("task:(a |", ("", "", "task", "")),
        ("task:(a) q|", ("q", "q", None, "")),
        ('user.id:"a \\"b|c" d', ('"a \\"bc"', 'a "b', "user.id", "")),
        ('"odd key":v|', ("v", "v", "odd key", "")),
        ('"a phr|', ('"a phr', "a phr", None, "")),
        ("at:14:0|", ("14:0", "14:0", "at", "")),
        ("a)b:c|", ("c", "c", "b", "")),
    ],
)
def test_place(query: str, expected: tuple[str, str, str | None, str]) -> None:
    position = query.index("|")
    text = query.replace("|", "")
    place = place_at(text, position)
    assert (text[place.start : place.end], place.typed, place.key, place.operator) == expected


@given(st.text(alphabet='ab:"()\\ ->=*\n', max_size=20), st.integers(-1, 21))
def test_every_place_of_every_text_is_something(text: str, position: int) -> None:
    place = place_at(text, position)
    assert isinstance(place, Place)
    assert 0 <= place.start <= max(0, min(position, len(text))) <= place.end <= len(text)
