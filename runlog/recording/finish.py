"""The writer's half of cleaning: cuts resolved, attributes flattened, every text scrubbed."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any

import msgspec

from runlog.recording.clean import CUT_CODE, Limits, cut_mark, read_cut
from runlog.recording.scrub import Known, Scrubber
from runlog.stores.base import Event, Run

DROPPED_AT_CUT = 256
"""Characters dropped on each side of a cut: the rest of a secret that the cut went through is in them."""

_LONGEST_TOKEN = 4096
_LONGEST_KEY = 256
_LONGEST_CLEAN_KEY = 4096
_TOKEN_END = re.compile(rf"[^\s\"'<>]{{0,{_LONGEST_TOKEN}}}+")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{1,64}-----")
_UNSCRUBBED = "[runlog could not scrub this record: its text was dropped]"
_COUNTS = ("dropped", "truncated")
_WITH_CODE = ("exception", "stacks")
_PLAIN_EXTRA = frozenset(("icon", "scope", "kind", "status_message", "flags", "scope_version", "trace_state"))
_MOST_KEYS, _LONGEST_PLAIN_KEY = 8192, 128


class Finisher:
    """Makes decoded records ready to store and to export, in place. Never raises an Exception: of a record that cannot
    be scrubbed the text is dropped, with a visible mark in its place. Safe to use from several threads."""

    def __init__(self, scrubber: Scrubber, limits: Limits) -> None:
        self._scrubber = scrubber
        self._limits = limits

    def event(self, event: Event) -> None:
        """Finish a log or a span: message, name, attributes (flat, dotted keys; lists stay lists) and `extra`."""
        try:
            known = self._scrubber.known()
            if self._is_clean(event, known):
                return
            texts, names, keys, plain = known
            truncated: dict[str, int] = {}
            message, name, attributes, dropped, extra = event.message, event.name, event.attributes, 0, event.extra
            if type(message) is not str:
                message = self._value(message, ("message",), truncated)
            elif message not in texts:
                message = self._scrubber.scrub_text(message)
            if name not in names:
                name = self._scrubber.scrub_text(name, "name")
            if attributes and not self._scrub_plain(attributes, texts, keys, plain):
                attributes, dropped = self._attributes(attributes, truncated)
            if extra is not None and not self._scrub_plain(extra, texts, _PLAIN_EXTRA, plain):
                extra = self._extra(extra, truncated)
            if dropped:
                extra = _counted(extra, "dropped", {"attributes": dropped})
            if truncated:
                extra = _counted(extra, "truncated", truncated)
            event.message, event.name, event.attributes, event.extra = message, name, attributes, extra
        except Exception:  # noqa: BLE001 - what cannot be scrubbed is not passed on
            _drop_event(event)

    def _is_clean(self, event: Event, known: Known) -> bool:
        """Tell whether there is nothing in it but what is known to be clean: so it is with most."""
        texts, names, keys, plain = known
        if event.extra is not None or event.name not in names or len(event.attributes) > self._limits.attributes:
            return False
        for key, value in event.attributes.items():
            kind = type(value)
            if key not in keys or (value not in texts if kind is str else kind not in plain):
                return False
        return type(event.message) is str and event.message in texts

    def run(self, run: Run) -> None:
        """Finish a run: payload, output and metadata (plain data, or JSON in bytes, which stays bytes), error, options,
        tags, reason and cause."""
        try:
            payload, output = self._document(run.payload), self._document(run.output)
            error = self._value(run.error, (), {}, code_key="source") if run.error else run.error
            tags = tuple(self._scrubber.scrub_text(tag, "name") for tag in run.tags)
            reason = None if run.reason is None else self._scrubber.scrub_text(run.reason)
            metadata = self._document(run.metadata)
            options = self._value(run.options, (), {}) if run.options else run.options
            # The names in a cause are runlog's own, and `token_id` is no secret.
            cause = run.cause and {key: self._value((value,), (), {})[0] for key, value in run.cause.items()}
            run.payload, run.output, run.error, run.tags, run.reason = payload, output, error, tags, reason
            run.metadata, run.options, run.cause = metadata, options, cause
        except Exception:  # noqa: BLE001 - what cannot be scrubbed is not passed on
            _drop_run(run)

    def _scrub_plain(
        self, values: dict[str, Any], texts: dict[str, None], keys: Container[str], plain: frozenset[type]
    ) -> bool:
        """Scrub, in place, values that are all plain and under known keys; False, and no change, where one is not."""
        if len(values) > self._limits.attributes:
            return False
        unknown: list[tuple[str, str]] | None = None
        for key, value in values.items():
            if key not in keys:
                return False
            kind = type(value)
            if kind is str:
                if value not in texts:
                    unknown = unknown or []
                    unknown.append((key, value))
            elif kind not in plain:
                return False
        for key, value in unknown or ():
            values[key] = self._scrubber.scrub_text(value)
        return True

    def _attributes(self, attributes: dict[str, Any], truncated: dict[str, int]) -> tuple[dict[str, Any], int]:
        scrubber = self._scrubber
        rule_of, scrub = scrubber.keys.rule, scrubber.scrub_text
        plain_keys = scrubber.known().keys
        plain_numbers = not scrubber.number_masks
        flat: dict[str, Any] = {}
        dropped = 0
        for key, value in attributes.items():
            name = self._key(key)
            kind = type(value)
            if name == key and len(key) <= _LONGEST_PLAIN_KEY and key not in plain_keys and rule_of(key) is None:
                if len(plain_keys) >= _MOST_KEYS:
                    plain_keys.clear()
                plain_keys[key] = None
            if value is None or kind is bool:
                leaves: tuple[tuple[str, Any], ...] | list[tuple[str, Any]] = ((name, value),)
            elif (rule := rule_of(key)) is not None:
                leaves = ((name, f"[redacted:{rule}]"),)
            elif kind is str:
                leaves = ((name, scrub(value)),)
            elif kind is float or (kind is int and plain_numbers):
                leaves = ((name, value),)
            else:
                leaves = self._leaves(name, self._value(value, (name,), truncated))
            for leaf_name, leaf in leaves:
                if len(flat) < self._limits.attributes or leaf_name in flat:
                    flat[leaf_name] = leaf
                else:
                    dropped += 1
        return flat, dropped

    def _leaves(self, name: str, value: Any) -> list[tuple[str, Any]]:
        """Flatten mappings to dotted keys, in their order. An empty one stays, so that it is not lost."""
        leaves: list[tuple[str, Any]] = []
        work = [(name, value)]
        while work:
            path, item = work.pop()
            if type(item) is dict and item:
                work.extend([(f"{path}.{key}", below) for key, below in item.items()][::-1])
            else:
                leaves.append((_short(path), item))
        return leaves

    def _key(self, key: str) -> str:
        scrubbed = self._scrubber.scrub_text(key, "name")
        if len(key) >= _LONGEST_CLEAN_KEY:
            scrubbed = scrubbed[:-DROPPED_AT_CUT]  # its end may be the beginning of a secret
        return _short(scrubbed)

    def _extra(self, extra: dict[str, Any], truncated: dict[str, int]) -> dict[str, Any]:
        finished = {key: value for key, value in extra.items() if key in _COUNTS}
        for key, value in extra.items():
            if key == "events":
                finished[key] = [self._span_event(item, truncated) for item in value]
            elif key not in _COUNTS:
                code_key = "source" if key in _WITH_CODE else ""
                finished[key] = self._value(value, (key,), truncated, code_key=code_key)
        return finished

    def _span_event(self, item: Any, truncated: dict[str, int]) -> Any:
        if type(item) is dict and type(item.get("attributes")) is dict:
            attributes, _ = self._attributes(item["attributes"], truncated)
            rest = self._value(
                {key: value for key, value in item.items() if key != "attributes"}, ("events",), truncated
            )
            return {**rest, "attributes": attributes}
        return self._value(item, ("events",), truncated)

    def _value(self, value: Any, path: tuple[str, ...], truncated: dict[str, int], *, code_key: str = "") -> Any:
        def read(cut: Any, where: tuple[str, ...]) -> str:
            text, size = self._join(cut)
            truncated[_short(".".join(where))] = size
            return text

        return self._scrubber.resolve(value, read, path, code_key=code_key)

    def _join(self, cut: msgspec.msgpack.Ext) -> tuple[str, int]:
        if cut.code != CUT_CODE:
            return "<unknown>", 0
        head, tail, size = read_cut(cut)
        for form in self._scrubber.long_masks():
            # The beginning of a known secret that ends at the cut, and the end of one that begins there.
            if (start := head.rfind(form[:DROPPED_AT_CUT])) >= 0 and form not in head[start:]:
                head = head[:start]
            if (end := tail.find(form[-DROPPED_AT_CUT:])) >= 0 and form not in tail[: end + DROPPED_AT_CUT]:
                tail = tail[end + DROPPED_AT_CUT :]
        kept_head = _drop_end(head, self._scrubber.scrub_text(head))
        kept_tail = _drop_start(tail, self._scrubber.scrub_text(tail))
        return f"{kept_head}{cut_mark(size - len(kept_head) - len(kept_tail))}{kept_tail}", size

    def _document(self, value: Any) -> Any:
        if type(value) is not bytes:
            return value if value is None else self._value(value, (), {})
        try:
            plain = msgspec.json.decode(value)
        except (ValueError, RecursionError):
            plain = value.decode("utf-8", "backslashreplace")
        return msgspec.json.encode(self._value(plain, (), {}))


def _drop_end(raw: str, scrubbed: str) -> str:
    """What is kept of a head: without the characters before the cut, nor the token that they end."""
    drop = DROPPED_AT_CUT + max(0, len(scrubbed) - len(raw))
    kept = scrubbed[: max(0, len(scrubbed) - drop)]
    match = _TOKEN_END.match(kept[::-1][:_LONGEST_TOKEN])
    return kept[: len(kept) - match.end()] if match else kept


def _drop_start(raw: str, scrubbed: str) -> str:
    """What is kept of a tail: without the characters behind the cut, nor the token that they begin."""
    start = DROPPED_AT_CUT + max(0, len(scrubbed) - len(raw))
    end = _PEM_END.search(scrubbed)
    kept = scrubbed[max(start, end.end() if end else 0) :]
    match = _TOKEN_END.match(kept)
    return kept[match.end() :] if match else kept


def _short(key: str) -> str:
    return key if len(key) <= _LONGEST_KEY else f"{key[: _LONGEST_KEY - 1]}…"


def _counted(extra: dict[str, Any] | None, name: str, counts: dict[str, int]) -> dict[str, Any]:
    extra = {} if extra is None else extra
    before = extra.get(name)
    merged = dict(before) if isinstance(before, dict) else {}
    for key, count in counts.items():
        merged[key] = merged.get(key, 0) + count if name == "dropped" else count
    extra[name] = merged
    return extra


def _drop_event(event: Event) -> None:
    event.message = _UNSCRUBBED
    event.name = "unknown"
    event.attributes = {}
    event.extra = {"dropped": {"unscrubbed": 1}}


def _drop_run(run: Run) -> None:
    run.payload, run.output = _unscrubbed_document(run.payload), _unscrubbed_document(run.output)
    run.metadata, run.options, run.cause = _unscrubbed_document(run.metadata), None, None
    run.error = None if run.error is None else {"type": "unknown", "message": _UNSCRUBBED}
    run.reason = None if run.reason is None else _UNSCRUBBED
    run.tags = ()


def _unscrubbed_document(value: Any) -> Any:
    if value is None:
        return None
    return msgspec.json.encode(_UNSCRUBBED) if type(value) is bytes else _UNSCRUBBED
