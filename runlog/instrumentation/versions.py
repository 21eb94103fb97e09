"""Whether a version is within a range. Pre-releases count as the release that they precede."""

from __future__ import annotations

import re

_CLAUSE = re.compile(r"\s*(~=|==|!=|<=|>=|<|>)\s*v?(?:\d+!)?(\d+(?:\.\d+)*)(\.\*)?[^,]*\Z")
_RELEASE = re.compile(r"v?(?:\d+!)?(\d+(?:\.\d+)*)")


def satisfies(version: str, specifier: str) -> bool:
    """Say whether `version` fits every clause of `specifier`, such as `>=2.0,<3` (empty: any version).

    Raises ValueError for a specifier or version that is not well formed.
    """
    release = _release(version)
    return all(_fits(release, clause) for clause in specifier.split(",") if clause.strip())


def _release(version: str) -> tuple[int, ...]:
    match = _RELEASE.match(version)
    if match is None:
        raise ValueError(f"{version!r} is not a version")
    return _numbers(match[1])


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _fits(release: tuple[int, ...], clause: str) -> bool:
    match = _CLAUSE.match(clause)
    if match is None:
        raise ValueError(f"{clause.strip()!r} is not a range of versions")
    operator, bound, any_below = match[1], _numbers(match[2]), bool(match[3])
    if operator == "~=":
        return _compare(release, bound) >= 0 and release[: len(bound) - 1] == bound[:-1]
    if any_below and operator in ("==", "!="):
        return (_padded(release, len(bound))[: len(bound)] == bound) is (operator == "==")
    order = _compare(release, bound)
    return {"==": order == 0, "!=": order != 0, "<=": order <= 0, ">=": order >= 0, "<": order < 0, ">": order > 0}[
        operator
    ]


def _compare(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    length = max(len(left), len(right))
    left, right = _padded(left, length), _padded(right, length)
    return (left > right) - (left < right)


def _padded(numbers: tuple[int, ...], length: int) -> tuple[int, ...]:
    return numbers + (0,) * (length - len(numbers))
