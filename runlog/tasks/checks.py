"""What the options of tasks and triggers may be: each check returns the value, or raises a TaskError that says why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from runlog.errors import TaskError

MAX_TAGS = 10
MAX_TAG_LENGTH = 128
MAX_KEY_LENGTH = 2048
LONGEST = 100 * 365 * 86_400
"""Seconds that anything may be put off: what ends later has no nanoseconds that fit 64 bits."""
_MOST = 1_000_000_000
_NAME = re.compile(r"[^\s\x00-\x1f\x7f\ud800-\udfff]{1,128}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_name(name: object, what: str, fix: str) -> str:
    """A name: 1 to 128 characters, none of them blank, a control or half of one."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise TaskError(f"{name!r:.200} cannot be {what}", "it has 1 to 128 characters, without blanks", fix)
    return name


def check_key(key: object, what: str) -> str:
    """A key of the user's: 1 to 2,048 characters."""
    if not isinstance(key, str):
        raise TaskError(f"the {what} is {key!r:.200}", "a key is a text", f'{what.replace(" ", "_")}="order-7"')
    if not key:
        raise TaskError(f"the {what} is empty", "everything would share it", f'{what.replace(" ", "_")}="order-7"')
    if len(key) > MAX_KEY_LENGTH:
        raise TaskError(
            f"the {what} {key[:40]!r}… has {len(key):,} characters",
            f"the limit is {MAX_KEY_LENGTH:,}",
            "hashlib.sha256(key.encode()).hexdigest()   # a key as short as it needs to be",
        )
    _check_characters(key, f"the {what}")
    return key


def check_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """The tags, of which there are 10 at most, of 1 to 128 characters each."""
    if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags):
        raise TaskError(f"tags are {tags!r:.200}", "tags are a list of texts", 'tags=["billing"]')
    if len(tags) > MAX_TAGS:
        raise TaskError(f"{len(tags)} tags", f"a run has {MAX_TAGS} at most: the task's own and those of the trigger")
    for tag in tags:
        if not 1 <= len(tag) <= MAX_TAG_LENGTH:
            raise TaskError(f"the tag {tag[:40]!r} has {len(tag)} characters", f"a tag has 1 to {MAX_TAG_LENGTH}")
        _check_characters(tag, "the tag")
    return tuple(tags)


def _check_characters(text: str, what: str) -> None:
    if not is_storable(text):
        raise TaskError(f"{what} {text[:40]!r} cannot be written as UTF-8", "it holds half of a character")


def is_storable(text: str) -> bool:
    """Whether a text has a UTF-8 form: halves of characters, as undecodable bytes become in Python, have none."""
    return not _SURROGATE.search(text)


def check_duration(value: object, what: str, *, zero: bool = True) -> float:
    """Seconds, of a number or a timedelta: 0 or more (`zero` False: more), and 100 years at most."""
    number = value.total_seconds() if isinstance(value, timedelta) else value
    fix = f"{what}=60   # seconds, or a timedelta"
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise TaskError(f"{what} is {value!r:.200}", "it is seconds, or a timedelta", fix)
    if not (number >= 0 if zero else number > 0):
        raise TaskError(f"{what} is {value!r:.200}", f"it is {'0 or more' if zero else 'more than 0'}", fix)
    if number > LONGEST:
        raise TaskError(f"{what} is {value!r:.200}", "that is over 100 years", fix)
    return float(number)


def check_priority(value: object) -> float:
    """Seconds, up to 100 years either way."""
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(number, bool) or not isinstance(number, (int, float)) or number != number:
        raise TaskError(f"priority is {value!r:.200}", "it is a number of seconds, or a timedelta", "priority=60")
    if abs(number) > LONGEST:
        raise TaskError(
            f"priority is {value!r:.200}", "that is over 100 years", "priority=60   # as if triggered 60 s ago"
        )
    return float(number)


def check_count(value: object, what: str) -> int:
    """A whole number, from 1 to a billion."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise TaskError(f"{what} is {value!r:.200}", "it is a whole number, 1 or more", f"{what}=5")
    if value > _MOST:
        raise TaskError(f"{what} is {value!r:.200}", f"it is {_MOST:,} at most", f"{what}=5")
    return value


def check_time(value: object, what: str) -> int:
    """A moment, in nanoseconds since 1970 UTC."""
    if not isinstance(value, datetime):
        raise TaskError(
            f"{what} is {value!r:.200}", "it is a datetime", f"{what}=datetime.now(UTC) + timedelta(hours=1)"
        )
    if value.tzinfo is None or value.utcoffset() is None:
        raise TaskError(
            f"{what} is {value.isoformat()}, which has no time zone",
            "what moment that is depends on where it is read",
            f'{what}={what}.replace(tzinfo=ZoneInfo("Europe/Berlin"))',
        )
    if value > datetime.now(UTC) + timedelta(seconds=LONGEST):
        raise TaskError(f"{what} is {value.isoformat()}", "that is over 100 years ahead")
    return max(0, (value - _EPOCH) // timedelta(microseconds=1) * 1000)


def check_start(delay: float | timedelta | None, run_at: datetime | None) -> tuple[float | None, int | None]:
    """When a run is to start: in seconds from now, or at a moment (ns). One of them has to be given."""
    if (delay is None) == (run_at is None):
        raise TaskError("a run is rescheduled by `delay` or by `run_at`", "give one of them", "delay=60")
    return (
        None if delay is None else check_duration(delay, "delay"),
        None if run_at is None else check_time(run_at, "run_at"),
    )
