"""Numbers, durations and times, as a query spells them and as attributes hold them."""

from __future__ import annotations

import json
import math
import re
import time as clock
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Literal

INT64_MAX = 2**63 - 1

AmountKind = Literal["number", "duration", "time"]

_UNITS: dict[str, int] = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # micro sign
    "μs": 1_000,  # Greek mu
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_DURATION_PART = re.compile(r"(\d{1,20}(?:\.\d{1,20})?)(ns|us|µs|μs|ms|s|min|m|h|d|w)", re.ASCII)
_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)
_CLOCK_TIME = re.compile(r"(\d\d?):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Amount:
    """Something that `<` and `>` can compare: a plain number, or a duration or time in nanoseconds."""

    kind: AmountKind
    value: int | float


def parse_number(text: str) -> int | float:
    """Read a decimal number; whole ones become int. Raises ValueError."""
    if len(text) > 1000 or not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:100]!r} is not a number")
    try:
        return int(text)
    except ValueError:
        value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:100]!r} is too large")
    return int(value) if value.is_integer() else value


def parse_duration(text: str) -> int:
    """Read a duration such as `150ms`, `2s`, `1h30m` or `2.5` (seconds) as nanoseconds. Raises ValueError."""
    if _NUMBER.fullmatch(text):
        number = parse_number(text)
        if number < 0:
            raise ValueError(f"{text!r} is below zero")
        return min(int(Fraction(number) * _UNITS["s"]), INT64_MAX)
    position, total = 0, Fraction(0)
    while part := _DURATION_PART.match(text, position):
        total += Fraction(part[1]) * _UNITS[part[2]]
        position = part.end()
    if not position or position != len(text):
        raise ValueError(f"{text[:100]!r} is not a duration such as 150ms, 2s or 1h30m")
    return min(int(total), INT64_MAX)


def parse_time(text: str, now: int | None = None) -> int:
    """Read a time as nanoseconds since 1970 UTC. Raises ValueError.

    `2026-01-31`, `2026-01-31T14:02:05.123Z` (local time without a zone), `14:02` (the last time that it was 14:02),
    `-1h30m` (before `now`, which is the clock's unless given), `now`.
    """
    return parse_period(text, now)[0]


def parse_period(text: str, now: int | None = None) -> tuple[int, int]:
    """Like `parse_time`, with the end of what the text names: `14:02` is a minute, `2026-01-31` a day."""
    now = clock.time_ns() if now is None else now
    if text == "now":
        return now, now + 1
    if text.startswith("-"):
        start = now - parse_duration(text[1:])
        return max(start, -INT64_MAX), start + 1
    try:
        if match := _DATE_TIME.fullmatch(text):
            return _date_time(match)
        if match := _CLOCK_TIME.fullmatch(text):
            return _clock_time(match, now)
    except (ValueError, OverflowError, OSError):
        pass
    raise ValueError(f"{text[:100]!r} is not a time such as 14:02, 2026-01-31, 2026-01-31T14:02:05Z or -1h")


def _date_time(match: re.Match[str]) -> tuple[int, int]:
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))  # noqa: DTZ001
    if zone == "Z":
        moment = moment.replace(tzinfo=UTC)
    elif zone:
        sign = -1 if zone[0] == "-" else 1
        offset = sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
        moment = (moment - offset).replace(tzinfo=UTC)
    else:
        moment = moment.astimezone()
    start = _nanoseconds(moment) + _nanos(fraction)
    if hour is None:
        return _clamp(start), _clamp(_nanoseconds((moment.replace(tzinfo=None) + timedelta(days=1)).astimezone()))
    return _clamp(start), _clamp(start + _precision(second, fraction))


def _clock_time(match: re.Match[str], now: int) -> tuple[int, int]:
    hour, minute, second, fraction = match.groups()
    local = datetime.fromtimestamp(now / 1e9).astimezone()
    moment = local.replace(hour=int(hour), minute=int(minute), second=int(second or 0), microsecond=0, tzinfo=None)
    start = _nanoseconds(moment.astimezone()) + _nanos(fraction)
    if start > now:
        start = _nanoseconds((moment - timedelta(days=1)).astimezone()) + _nanos(fraction)
    return start, start + _precision(second, fraction)


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _nanos(fraction: str | None) -> int:
    return int(fraction.ljust(9, "0")) if fraction else 0


def _precision(second: str | None, fraction: str | None) -> int:
    if second is None:
        return _UNITS["min"]
    return 10 ** (9 - len(fraction)) if fraction else _UNITS["s"]


def _clamp(nanoseconds: int) -> int:
    return max(-INT64_MAX, min(nanoseconds, INT64_MAX))


def format_time(nanoseconds: int) -> str:
    """Spell a time exactly, so that `parse_time` gives it back: `2026-01-31T14:02:05.123456789Z`."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z".rjust(30, "0")


def parse_amount(text: str, now: int | None = None) -> Amount:
    """Read whatever `<` and `>` can compare an attribute with. Raises ValueError."""
    try:
        return Amount("number", parse_number(text))
    except ValueError:
        pass
    try:
        return Amount("duration", parse_duration(text))
    except ValueError:
        pass
    try:
        return Amount("time", parse_time(text, now))
    except ValueError:
        raise ValueError(
            f"{text[:100]!r} is not a number, a duration such as 2s, or a time such as 14:02 or -1h"
        ) from None


def attribute_text(value: object) -> str:
    """The one text form of an attribute's value (or of a list's element): what equality, prefixes and the index use.

    Text is itself; true, false, null as in JSON; whole floats like integers (5.0 is 5); the rest is compact JSON.
    """
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


@lru_cache(maxsize=1024)
def equal_texts(value: str) -> frozenset[str]:
    """The text forms of every attribute that equals the query value: itself, and for `5.0` also the number's `5`."""
    try:
        return frozenset({value, attribute_text(parse_number(value))})
    except ValueError:
        return frozenset({value})


def amount_of(value: object, kind: AmountKind) -> int | float | None:
    """What an attribute's value is worth beside an amount of that kind; None where it cannot be compared.

    A number beside a duration is seconds. Text counts where it spells a number, a duration with its unit, or a full
    time. Times are never taken from numbers.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        return _amount_of_text(value, kind)
    if kind == "time" or not math.isfinite(value):
        return None
    return value if kind == "number" else int(Fraction(value) * _UNITS["s"])


def _amount_of_text(value: str, kind: AmountKind) -> int | float | None:
    try:
        if kind == "number":
            return parse_number(value)
        if kind == "duration":
            return parse_duration(value)
        match = _DATE_TIME.fullmatch(value)
        return _date_time(match)[0] if match else None
    except (ValueError, OverflowError, OSError):
        return None


def compare(left: float, op: str, right: float) -> bool:
    """Apply one of `=`, `<`, `<=`, `>`, `>=`."""
    match op:
        case "=":
            return left == right
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case _:
            return left >= right
