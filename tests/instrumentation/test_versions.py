"""Ranges of versions."""

from __future__ import annotations

import pytest

from runlog.instrumentation.versions import satisfies


@pytest.mark.parametrize(
    ("version", "specifier", "expected"),
    [
        ("1.2.3", "", True),
        ("2.0", ">=2.0,<3", True),
        ("2", ">=2.0.0", True),
        ("3.0", ">=2.0,<3", False),
        ("2.10", ">=2.9", True),
        ("2.1.0b1", "<2.1", False),
        ("2.1.0b1", ">=2.1", True),
        ("1.4.9", "~=1.4.2", True),
        ("1.5.0", "~=1.4.2", False),
        ("1.4.1", "~=1.4.2", False),
        ("1.9", "~=1.4", True),
        ("2.3.4", "==2.*", True),
        ("2.3.4", "==2.4.*", False),
        ("2.3.4", "!=2.3.*", False),
        ("2.3.4", "!=2.3.4", False),
        ("2.3.4", "> 2.3 , <= 2.3.4", True),
        ("1!2.0+local", "==2.0", True),
    ],
)
def test_ranges(version: str, specifier: str, expected: bool) -> None:
    assert satisfies(version, specifier) is expected


@pytest.mark.parametrize(("version", "specifier"), [("abc", ">=1"), ("1.0", "around 2"), ("1.0", ">=")])
def test_what_is_not_well_formed_is_an_error(version: str, specifier: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        satisfies(version, specifier)
