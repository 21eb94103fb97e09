from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from runlog.recording.clean import Limits, clean_attributes, clean_text, clean_value, cut_text
from runlog.recording.exceptions import describe_exception
from runlog.recording.finish import Finisher
from runlog.recording.scrub import Scrubber
from runlog.stores.base import Event, Run

LIMITS = Limits(value_length=2048)


@pytest.fixture
def finisher() -> Finisher:
    return Finisher(Scrubber(), LIMITS)


def an_event(message: Any = "", attributes: dict[str, Any] | None = None, **rest: Any) -> Event:
    """A log as the writer decodes it."""
    event = Event(1, "log", None, None, None, None, 1, None, 9, None, "logger", message, attributes or {}, **rest)
    return msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=Event)


def a_run(**fields: Any) -> Run:
    run = Run("run_1", 1, "sync", "FAILED", "sync", 1, 1, **fields)
    return msgspec.msgpack.decode(msgspec.msgpack.encode(run), type=Run)


def test_nested_attributes_become_dotted_keys_in_order(finisher: Finisher) -> None:
    event = an_event("m", {"a": {"b": 1, "c": {"d": 2}, "empty": {}}, "list": [{"x": 1}, [2]], "z": None})
    finisher.event(event)
    assert list(event.attributes.items()) == [
        ("a.b", 1),
        ("a.c.d", 2),
        ("a.empty", {}),
        ("list", [{"x": 1}, [2]]),
        ("z", None),
    ]
    assert event.extra is None


def test_the_last_write_of_a_key_wins(finisher: Finisher) -> None:
    event = an_event("m", {"a.b": 1, "a": {"b": 2, "c": 3}, "a.c": 4})
    finisher.event(event)
    assert event.attributes == {"a.b": 2, "a.c": 4}


def test_flattened_attributes_over_the_limit_are_counted() -> None:
    event = an_event("m", {"a": {str(number): number for number in range(30)}}, extra={"dropped": {"attributes": 2}})
    Finisher(Scrubber(), Limits(attributes=10)).event(event)
    assert len(event.attributes) == 10
    assert event.extra == {"dropped": {"attributes": 22}}


def test_every_text_of_an_event_is_scrubbed(finisher: Finisher) -> None:
    secret = "password=hunter2"
    event = an_event(
        f"m {secret}",
        {"a": secret, "n": {"list": [secret, {"b": secret}]}, secret: 1, "token": 5},
        extra={
            "exception": {"message": secret, "notes": [secret], "cause": {"message": secret}},
            "events": [{"name": secret, "time": 5, "attributes": {"a": {"b": secret}, "password": "x"}}],
            "links": [{"trace_id": b"t" * 16, "span_id": b"s" * 8, "attributes": {"a": secret}}],
            "status_message": secret,
            "result": {"body": secret},
            "icon": "x",
        },
    )
    event.name = f"span {secret}"
    finisher.event(event)
    everything = repr(event)
    assert "hunter2" not in everything
    assert everything.count("password=[redacted:password]") == 14
    assert event.extra is not None
    assert event.extra["events"][0]["attributes"] == {
        "a.b": "password=[redacted:password]",
        "password": "[redacted:password]",
    }
    assert event.extra["links"][0]["trace_id"] == b"t" * 16
    assert event.attributes["token"] == "[redacted:token]"


def test_source_lines_of_an_exception_keep_their_code(finisher: Finisher) -> None:
    frame = {"file": "a.py", "line": 1, "function": "f", "source": "connect(password=password, api_key='abc')"}
    event = an_event("m", extra={"exception": {"message": "m", "frames": [frame]}})
    finisher.event(event)
    assert event.extra is not None
    assert event.extra["exception"]["frames"][0]["source"] == "connect(password=password, api_key='[redacted:api-key]')"


def test_cuts_become_visible_marks_and_keep_the_original_size(finisher: Finisher) -> None:
    words = "some words " * 1000
    attributes, _ = clean_attributes({"text": words, "deep": {"list": [words]}}, LIMITS)
    event = an_event(
        clean_text("head " + words + " tail", LIMITS), attributes, extra={"result": clean_value(words, LIMITS)}
    )
    finisher.event(event)
    assert event.extra is not None
    assert event.extra["truncated"] == {"message": 11_010, "text": 11_000, "deep.list.0": 11_000, "result": 11_000}
    assert event.message.startswith("head some words")
    assert event.message.endswith("words  tail")
    kept = len(event.message.split("…[")[0]) + len(event.message.split("]…")[1])
    assert f"…[{11_010 - kept:,} characters cut]…" in event.message
    assert 1000 < kept <= 2048 - 2 * 256
    json.dumps([event.message, event.attributes, event.extra])


def test_a_payload_of_json_bytes_stays_json_bytes(finisher: Finisher) -> None:
    payload = {"user": "bob", "password": "hunter2", "text": '{"token": "abc"}', "n": 1}
    run = a_run(
        payload=json.dumps(payload).encode(),
        output={"token": "abc", "list": [1, None]},
        error={
            "type": "E",
            "message": "password=hunter2",
            "exception": describe_exception(ValueError("token=abc1"), LIMITS),
        },
        tags=("user:1", "password=hunter2"),
        reason="api_key=abc1 refused",
    )
    finisher.run(run)
    assert json.loads(run.payload) == {
        "user": "bob",
        "password": "[redacted:password]",
        "text": '{"token":"[redacted:token]"}',
        "n": 1,
    }
    assert run.output == {"token": "[redacted:token]", "list": [1, None]}
    assert run.error is not None
    assert run.error["message"] == "password=[redacted:password]"
    assert run.error["exception"]["message"] == "token=[redacted:token]"
    assert run.tags == ("user:1", "password=[redacted:password]")
    assert run.reason == "api_key=[redacted:api-key] refused"


def test_a_payload_that_is_not_json_is_scrubbed_as_text(finisher: Finisher) -> None:
    run = a_run(payload=b"\xff password=hunter2", output="plain")
    finisher.run(run)
    assert json.loads(run.payload) == "\\xff password=[redacted:password]"
    assert run.output == "plain"


def test_a_cause_keeps_its_own_names_and_loses_the_secrets_in_its_texts(finisher: Finisher) -> None:
    run = a_run(cause={"code": "token", "token_id": "token_01k8", "queue": "password=hunter2hunter2", "run_ids": ["a"]})
    finisher.run(run)
    assert run.cause is not None
    assert (run.cause["token_id"], run.cause["run_ids"]) == ("token_01k8", ["a"])
    assert "hunter2" not in run.cause["queue"]


def test_unchanged_parts_of_a_run_stay_unchanged(finisher: Finisher) -> None:
    run = a_run()
    finisher.run(run)
    assert (run.payload, run.output, run.error, run.reason, run.tags) == (None, None, None, None, ())


@pytest.mark.parametrize(
    "damage",
    [
        {"attributes": [1]},
        {"attributes": {5: "canary"}},
        {"name": 5, "message": "canary"},
        {"extra": ["canary"]},
        {"extra": {"events": 5, "note": "canary"}},
        {"message": msgspec.msgpack.Ext(1, b"canary")},
        {"attributes": {"a": msgspec.msgpack.Ext(1, b"canary")}},
    ],
    ids=["list", "number as key", "number as name", "list as extra", "events", "bad cut", "bad cut within"],
)
def test_what_cannot_be_scrubbed_is_not_passed_on(finisher: Finisher, damage: dict[str, Any]) -> None:
    event = an_event("canary", {"a": "canary"}, extra={"status_message": "canary"})
    for name, value in damage.items():
        setattr(event, name, value)
    finisher.event(event)
    assert "canary" not in repr(event)
    assert "could not scrub" in event.message
    assert event.extra == {"dropped": {"unscrubbed": 1}}
    assert (event.sequence, event.kind, event.time) == (1, "log", 1)


def test_a_run_that_cannot_be_scrubbed_keeps_its_state(finisher: Finisher) -> None:
    run = a_run(payload=b'"canary"', output="canary", error={"type": "canary"}, reason="canary", tags=("canary",))
    run.tags = (5,)  # type: ignore[assignment]
    finisher.run(run)
    assert "canary" not in repr(run)
    assert (run.run_id, run.status, run.version) == ("run_1", "FAILED", 1)
    assert b"could not scrub" in run.payload
    assert "could not scrub" in run.output


def test_foreign_extensions_are_named_and_not_shown(finisher: Finisher) -> None:
    event = an_event("m", {"a": msgspec.msgpack.Ext(9, b"canary")})
    finisher.event(event)
    assert event.attributes == {"a": "<unknown>"}


def test_long_keys_are_shortened_after_scrubbing(finisher: Finisher) -> None:
    attributes, _ = clean_attributes({"x" * 5000: 1, "k. password=hunter2canary " + "y" * 300: 2}, LIMITS)
    event = an_event("m", attributes)
    finisher.event(event)
    assert all(len(key) <= 256 for key in event.attributes)
    assert "canary" not in str(event.attributes)


def test_a_cut_leaves_no_part_of_a_long_masked_secret() -> None:
    secret = " ".join(f"word{number}" for number in range(150))
    finisher = Finisher(Scrubber(known=[secret]), LIMITS)
    for offset in range(0, len(secret), 37):
        before = ("a b c " * 400)[: 1024 - offset] + secret + " d e f" * 500
        behind = "a b c " * 500 + secret + (" d e f" * 500)[: max(0, 1024 - offset)]
        for text in (before, behind):
            event = an_event(cut_text(text, 2048))
            finisher.event(event)
            assert "word" not in event.message
            assert "characters cut" in event.message


def test_a_cut_leaves_no_part_of_a_long_token_of_unknown_form(finisher: Finisher) -> None:
    token = "".join(f"{number:x}q" for number in range(1000, 1400))
    for offset in range(0, len(token) + 1, 97):
        for text in (
            ("a b c " * 400)[: 1024 - min(offset, 1024)] + token + " d e f" * 500,
            "a b c " * 500 + token + (" d e f" * 500)[: max(0, 1024 - offset)],
        ):
            event = an_event(cut_text(text, 2048))
            finisher.event(event)
            beside = event.message.split(" characters cut]")
            assert "q" not in beside[0].rpartition(" ")[2]
            assert "q" not in beside[1].partition(" ")[0]
