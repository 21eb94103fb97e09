"""Any value becomes plain data, and no secret that its key names is left in it."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runlog.recording.clean import Limits, clean_attributes, clean_text, clean_value
from runlog.recording.finish import Finisher
from runlog.recording.scrub import Scrubber
from runlog.stores.base import Event
from tests.helpers import times

LIMITS = Limits(attributes=16, value_length=256, depth=8, nodes=200)
FINISHER = Finisher(Scrubber(), LIMITS)
relaxed = settings(max_examples=times(100, 200), deadline=None, suppress_health_check=[HealthCheck.too_slow])

text = st.text(st.characters(), max_size=600)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**80), 2**80),
    st.floats(),
    text,
    st.binary(max_size=600),
    st.datetimes(),
    st.dates(),
    st.timedeltas(),
    st.decimals(),
    st.uuids(),
    st.complex_numbers(),
    st.builds(object),
    st.builds(ValueError, text),
    st.just(dt.UTC),
    st.just(decimal.Decimal("sNaN")),
)
keys = st.one_of(text, st.integers(), st.none(), st.tuples(st.integers()), st.binary(max_size=10))
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=20),
        st.tuples(inner, inner),
        st.dictionaries(keys, inner, max_size=20),
        st.sets(st.integers() | text, max_size=5),
    ),
    max_leaves=60,
)


def carried(attributes: dict[str, Any], message: Any) -> Event:
    """A log after the whole road: cleaned, encoded, decoded, finished."""
    cleaned, _ = clean_attributes(attributes, LIMITS)
    event = Event(1, "log", None, None, None, None, 1, None, 9, None, "logger", clean_text(message, LIMITS), cleaned)
    decoded = msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=Event)
    FINISHER.event(decoded)
    return decoded


@relaxed
@given(values)
def test_any_value_can_be_carried_and_stored(value: Any) -> None:
    msgspec.msgpack.encode(clean_value(value, LIMITS))
    event = carried({"value": value, "other": 1}, value)
    stored = json.dumps([event.message, event.attributes, event.extra], allow_nan=False, ensure_ascii=False)
    assert "\0" not in stored
    stored.encode()
    assert event.extra is None or "unscrubbed" not in event.extra.get("dropped", {})


@relaxed
@given(values)
def test_what_is_clean_stays_as_it_is(value: Any) -> None:
    limits = Limits()
    once = clean_value(value, limits)
    assert clean_value(once, limits) == once


@relaxed
@given(values, st.sampled_from(["password", "apiKey", "x-auth-token", "DB_PASSWORD", "client.secret"]))
def test_no_secret_named_by_its_key_survives(value: Any, key: str) -> None:
    canary = "canary-of-the-day"
    planted = {"around": value, "deep": [{key: canary, "list": [{key: [canary, value]}]}], key: {"value": canary}}
    event = carried({**planted, "all": planted}, planted)
    assert canary not in str([event.message, event.attributes, event.extra])


@relaxed
@given(text)
def test_scrubbing_never_fails_and_is_stable(line: str) -> None:
    scrubber = Scrubber()
    once = scrubber.scrub_text(line)
    assert scrubber.scrub_text(once) == once
