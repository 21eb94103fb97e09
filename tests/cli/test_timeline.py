"""Bars on a time axis."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlog.cli.timeline import Axis


@given(
    st.integers(1, 100), st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000), st.booleans(),
    st.integers(0, 2000),
)  # fmt: skip
def test_a_bar_is_always_seen_and_never_too_long(
    width: int, length: int, begin: int, took: int, unicode: bool, waited: int
) -> None:
    axis = Axis(100, 100 + length, width, unicode)
    margin, waiting, bar = axis.bar(begin, begin + took, waited=waited)
    assert bar.strip()
    assert len(margin + waiting + bar) <= width
    assert len(axis.mark(begin)) < width


def test_a_bar_is_where_its_time_is() -> None:
    axis = Axis(0, 100, 10)
    assert axis.bar(0, 100) == ("", "", "█" * 10)
    assert axis.bar(50, 75) == ("     ", "", "██▌")
    assert axis.bar(0, 100, waited=20) == ("", "░░", "████████")
    assert axis.bar(99, 99) == (" " * 9, "", "▏")
    assert Axis(0, 100, 10, unicode=False).bar(0, 50, waited=20) == ("", "..", "===")


@pytest.mark.parametrize("width", [16, 40, 72])
def test_the_axis_ends_with_its_length(width: int) -> None:
    ticks = Axis(0, 2_000_000_000, width).ticks()
    assert ticks.startswith("0 ")
    assert ticks.endswith("2.0 s")
    assert len(ticks) == width
