"""Secrets planted in every place of a record are gone at the end of the road, whole and in part."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from runlog.recording.clean import Limits, clean_attributes, clean_text, clean_value
from runlog.recording.exceptions import describe_exception
from runlog.recording.finish import Finisher
from runlog.recording.scrub import Scrubber
from runlog.stores.base import Event, Record, Run
from tests.recording.secrets import SECRETS, Planted, fragments

LIMITS = Limits(value_length=4096)
FILLER = "lorem ipsum dolor sit amet " * 400


def stored(record: Event | Run) -> str:
    """A record as it is stored and exported: all that can be read of it."""
    decoded: Record = msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=Event | Run)
    finisher = Finisher(Scrubber(), LIMITS)
    if isinstance(decoded, Event):
        finisher.event(decoded)
        assert "unscrubbed" not in (decoded.extra or {}).get("dropped", {})
    else:
        finisher.run(decoded)
    plain = msgspec.to_builtins(decoded)
    # Escapes undone, so that a secret with a quote in it cannot hide behind a backslash.
    return repr(plain) + "".join(texts(plain))


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    return [text for item in value for text in texts(item)] if isinstance(value, list | tuple) else []


def left_over(record: Event | Run, planted: Planted) -> list[str]:
    text = stored(record)
    return [part for part in fragments(planted.canary) if part in text]


def a_log(message: object = "", attributes: dict[str, object] | None = None, **extra: Any) -> Event:
    cleaned, _ = clean_attributes(attributes or {}, LIMITS)
    text = clean_text(message, LIMITS)
    return Event(1, "log", None, None, None, None, 1, None, 9, None, "logger", text, cleaned, extra or None)


def failed(text: str) -> BaseException:
    try:
        try:
            raise KeyError(text)
        except KeyError as cause:
            error = ValueError(text, {"text": text})
            error.add_note(text)
            raise ExceptionGroup(text, [error, RuntimeError(text)]) from cause
    except ExceptionGroup as caught:
        return caught


def test_there_are_at_least_forty() -> None:
    assert len({planted.canary for planted in SECRETS}) >= 40


@pytest.mark.parametrize("planted", SECRETS, ids=[planted.name for planted in SECRETS])
def test_no_secret_reaches_the_end_of_the_road(planted: Planted) -> None:
    text = planted.text
    attributes: dict[str, object] = {
        "text": text,
        "nested": {"list": [text, {"deeper": (text,)}], "bytes": text.encode()},
        "json": json.dumps({"body": json.dumps({"text": text})}),
        "repr": repr({"text": text}),
        text: 1,
    }
    assert not left_over(a_log(text, attributes), planted)
    assert not left_over(a_log({"text": text}), planted)
    assert not left_over(a_log(exception=describe_exception(failed(text), LIMITS)), planted)
    events = [{"name": "event", "time": 1, "attributes": clean_attributes({"text": text}, LIMITS)[0]}]
    assert not left_over(a_log(events=events, status_message=text, result=clean_value([text], LIMITS)), planted)
    run = Run("run_1", 1, "sync", "FAILED", "sync", 1, 1)
    run.payload, run.output = json.dumps({"text": text, "list": [text]}).encode(), {"text": [text]}
    run.error = {"type": "E", "message": text, "exception": describe_exception(failed(text), LIMITS)}
    run.reason = text
    assert not left_over(run, planted)


@pytest.mark.parametrize("planted", SECRETS, ids=[planted.name for planted in SECRETS])
def test_no_part_of_a_secret_is_left_beside_a_cut(planted: Planted) -> None:
    text, half = planted.text, LIMITS.value_length // 2
    for offset in range(-20, len(text) + 20, 1 + len(text) // 150):
        before = FILLER[: half - offset] + text + " " + FILLER
        behind = FILLER + " " + text + FILLER[: half - len(text) + offset]
        assert not left_over(a_log(before, {"text": behind}), planted)
