"""From any value to plain data, on the caller's thread.

What comes out is None, bool, int (64 bit), float (finite), str (no NUL, no surrogates), dict (keys str), list, and
`Ext` for a text that was cut. What has no plain form becomes a text in angle brackets that says what it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from runlog.recording import foreign, kinds
from runlog.recording.keys import KeyRules, key_rules
from runlog.system.signals import raised_by_signal

if TYPE_CHECKING:
    from runlog.config import Settings

CUT_CODE: Final = 1
"""The msgpack extension of a text that was cut: `[head, tail, original size]`."""

_MIN_INT, _MAX_INT = -(1 << 63), (1 << 63) - 1
_MAX_FLOAT = 1.7976931348623157e308
_SHORT = 1024
_LONGEST_KEY = 4096
_SPARE_TEXT = 64  # what a text may still have once a record's whole budget is spent


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a value is kept. Sizes are characters."""

    attributes: int = 1024
    """Attributes of one record."""
    value_length: int = 131_072
    """One text; what is longer keeps its head and its tail."""
    depth: int = 128
    """Containers within each other."""
    nodes: int = 10_000
    """Values of one record, nested ones included."""
    events: int = 128
    links: int = 128
    keys: KeyRules = field(default_factory=key_rules, compare=False)
    """Which keys name a secret."""
    short: int = field(init=False, compare=False)
    """A text up to this length is surely not cut."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "short", min(_SHORT, self.value_length))

    @property
    def total_length(self) -> int:
        """All texts of one record together."""
        return 8 * self.value_length

    @classmethod
    def from_settings(cls, settings: Settings) -> Limits:
        """Raises ConfigError for a key in `[scrub]` that names nothing."""
        limits = settings.limits
        return cls(
            limits.attributes,
            limits.value_length,
            events=limits.events,
            links=limits.links,
            keys=key_rules(settings.scrub.keys),
        )


def copy_plain(values: Mapping[str, object], limits: Limits) -> dict[str, Any] | None:
    """Return a copy of attributes that are clean as they are; None where one is not, or may not be. So are most."""
    if type(values) is not dict or len(values) > limits.attributes:
        return None
    copy: dict[Any, Any] = values.copy()
    known, short = limits.keys.plain, limits.short
    for key, value in copy.items():
        if type(key) is not str or key not in known:
            return None
        kind = type(value)
        if kind is str:
            if len(value) > short or not value.isprintable():
                return None
        elif kind is int:
            if not _MIN_INT <= value <= _MAX_INT:
                return None
        elif kind is float:
            if value - value != 0.0:  # not of a finite number
                return None
        elif kind is not bool and value is not None:
            return None
    return copy


def clean_attributes(values: Mapping[str, object], limits: Limits) -> tuple[dict[str, Any], int]:
    """Return the attributes as plain data, and how many were dropped for the limit.

    The value of a key that names a secret becomes `[redacted:<rule>]`, at every depth. Never raises an Exception.
    """
    try:
        plain = copy_plain(values, limits)
        if plain is not None:
            return plain, 0
        return _Walk(limits).attributes(values)
    except Exception as error:  # noqa: BLE001 - nothing is raised into user code
        return {"runlog.unreadable": f"<attributes: {_reason(error)}>"}, 0


def clean_value(value: object, limits: Limits) -> Any:
    """Return one value as plain data. Never raises an Exception; KeyboardInterrupt and SystemExit pass."""
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is str and len(value) <= limits.short and value.isprintable():  # type: ignore[arg-type,attr-defined]
        return value
    if kind is int and _MIN_INT <= value <= _MAX_INT:  # type: ignore[operator]
        return value
    try:
        return _Walk(limits).run(value)
    except Exception as error:  # noqa: BLE001 - nothing is raised into user code
        return f"<unreadable: {_reason(error)}>"


def clean_text(value: object, limits: Limits) -> Any:
    """Return a message: a str, or an `Ext` where it was cut. Never raises an Exception."""
    cleaned = clean_value(value, limits)
    if type(cleaned) is str or type(cleaned) is msgspec.msgpack.Ext:
        return cleaned
    try:
        return cut_text(msgspec.json.encode(cleaned, enc_hook=_cut_mark).decode(), limits.value_length)
    except Exception as error:  # noqa: BLE001 - nothing is raised into user code
        return f"<unreadable: {_reason(error)}>"


def _reason(error: Exception) -> str:
    """The name of an error, for the mark in a value's place. What a signal's handler has raised goes on its way."""
    if raised_by_signal(error):
        raise error
    return type(error).__name__


def _cut_mark(cut: msgspec.msgpack.Ext) -> str:
    return cut_mark(read_cut(cut)[2])


def cut_mark(characters: int) -> str:
    """Return what stands where a text was cut."""
    return f"…[{characters:,} characters cut]…"


def read_cut(cut: msgspec.msgpack.Ext) -> tuple[str, str, int]:
    """Return a cut text's head, tail and original size. Raises msgspec.DecodeError for anything else."""
    return msgspec.msgpack.decode(cut.data, type=tuple[str, str, int])


def cut_text(text: str, longest: int) -> Any:
    """Return `text` itself, safe to encode, or its head and tail in an `Ext` where it is longer than `longest`."""
    size = str.__len__(text)
    if size <= longest:
        return escape_text(text)
    half = longest // 2
    head = escape_text(str.__getitem__(text, slice(0, half)))
    tail = escape_text(str.__getitem__(text, slice(size - half, size)))
    return msgspec.msgpack.Ext(CUT_CODE, msgspec.msgpack.encode((head, tail, size)))


def escape_text(text: str) -> str:
    r"""Return `text` with NUL as `\x00` and lone surrogates as `\udXXX`: a database can store and find the rest."""
    text = foreign.exact_text(text)
    if text.isprintable():
        return text
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-8", "backslashreplace").decode()
    return text


class _Frame:
    """A container that is being read."""

    __slots__ = ("children", "size", "source", "taken", "target")

    def __init__(self, items: kinds.Items, source: object) -> None:
        self.children: Iterator[tuple[object, object]] = items.children
        self.size = items.size
        self.target: dict[str, Any] | list[Any] = {} if items.is_mapping else []
        self.source = source
        self.taken = 0

    def put(self, key: str, value: object) -> None:
        if type(self.target) is dict:
            self.target[key] = value
        else:
            self.target.append(value)  # type: ignore[union-attr]

    def end(self, mark: str) -> None:
        self.put("…", mark)


class _Walk:
    """One record's values, read without recursion under one budget."""

    __slots__ = ("_limits", "_nodes", "_open", "_stack", "_text")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._nodes = limits.nodes
        self._text = limits.total_length
        self._stack: list[_Frame] = []
        self._open: set[int] = set()

    def attributes(self, values: Mapping[str, object]) -> tuple[dict[str, Any], int]:
        try:
            shape = kinds.converter(type(values))(values)
        except foreign.RefusedError as refused:
            return {"runlog.unreadable": f"<{foreign.type_name(type(values))}: {refused}>"}, 0
        if type(shape) is not kinds.Items or not shape.is_mapping:
            return {"value": self.run(values)}, 0
        cleaned: dict[str, Any] = {}
        dropped = 0
        self._open.add(id(values))
        for name, value in shape.children:
            key = self._key(name)
            if len(cleaned) >= self._limits.attributes and key not in cleaned:
                dropped = max(shape.size - len(cleaned), 1)
                break
            cleaned[key] = self._under_key(key, value)
            self._finish()
        return cleaned, dropped

    def run(self, value: object) -> Any:
        result = self._convert(value)
        self._finish()
        return result

    def _finish(self) -> None:
        stack = self._stack
        while stack:
            frame = stack[-1]
            try:
                name, value = next(frame.children)
            except StopIteration:
                if frame.size > frame.taken:
                    frame.end(f"<{frame.size - frame.taken:,} more>")
                self._close()
                continue
            except Exception as error:  # noqa: BLE001 - foreign code
                frame.end(f"<unreadable from here: {_reason(error)}>")
                self._close()
                continue
            if self._nodes <= 0:
                rest = frame.size - frame.taken
                frame.end(f"<{rest:,} more>" if rest > 0 else "<more>")
                self._close()
                continue
            frame.taken += 1
            if type(frame.target) is dict:
                key = self._key(name)
                frame.target[key] = self._under_key(key, value)
            else:
                frame.target.append(self._convert(value))  # type: ignore[union-attr]

    def _close(self) -> None:
        self._open.discard(id(self._stack.pop().source))

    def _key(self, name: object) -> str:
        if type(name) is not str:
            name = self._key_text(name)
        longest = min(_LONGEST_KEY, max(self._text, _SPARE_TEXT))
        if len(name) > longest:
            name = name[:longest]
        self._text -= len(name)
        return name if name.isprintable() else escape_text(name)

    def _key_text(self, name: object) -> str:
        try:
            shape = kinds.converter(type(name))(name)
        except Exception as error:  # noqa: BLE001 - foreign code
            return f"<{foreign.type_name(type(name))}: {error}>"
        if type(shape) is kinds.Buffer:
            return bytes(shape.data[:_LONGEST_KEY]).decode("utf-8", "backslashreplace")
        if type(shape) is kinds.Items:
            return f"<{foreign.type_name(type(name))}>"
        if type(shape) is int:
            return kinds.integer_text(shape)
        return str.__getitem__(shape, slice(_LONGEST_KEY)) if isinstance(shape, str) else str(shape)

    def _under_key(self, key: str, value: object) -> Any:
        rule = self._limits.keys.rule(key)
        if rule is not None and value is not None and type(value) is not bool:
            return f"[redacted:{rule}]"
        return self._convert(value)

    def _convert(self, value: object) -> Any:
        """Return a leaf, or the still empty target of a container, whose frame is then the top of the stack."""
        self._nodes -= 1
        kind = type(value)
        if kind is str:
            return self._leaf_text(value)  # type: ignore[arg-type]
        if value is None or kind is bool:
            return value
        if id(value) in self._open:
            return "<cycle>"
        try:
            shape = kinds.converter(kind)(value)
        except foreign.RefusedError as refused:
            return f"<{foreign.type_name(kind)}: {refused}>"
        except Exception as error:  # noqa: BLE001 - foreign code
            return f"<{foreign.type_name(kind)}: {_reason(error)}>"
        return self._shaped(shape, value)

    def _shaped(self, shape: kinds.Shape, value: object) -> Any:
        kind = type(shape)
        if kind is kinds.Items:
            if len(self._stack) >= self._limits.depth:
                return "<depth>"
            frame = _Frame(shape, value)  # type: ignore[arg-type]
            self._stack.append(frame)
            self._open.add(id(value))
            return frame.target
        if kind is int:
            return shape if _MIN_INT <= shape <= _MAX_INT else self._leaf_text(kinds.integer_text(shape))  # type: ignore[operator,arg-type]
        if kind is float:
            return shape if -_MAX_FLOAT <= shape <= _MAX_FLOAT else _not_finite(shape)  # type: ignore[operator,arg-type]
        if kind is kinds.Buffer:
            return self._leaf_bytes(shape.data)  # type: ignore[union-attr]
        return shape if shape is None or kind is bool else self._leaf_text(shape)  # type: ignore[arg-type]

    def _leaf_text(self, text: str) -> Any:
        allowed = min(self._limits.value_length, max(self._text, _SPARE_TEXT))
        self._text -= min(str.__len__(text), allowed)
        return cut_text(text, allowed)

    def _leaf_bytes(self, data: memoryview) -> Any:
        allowed = min(self._limits.value_length, max(self._text, _SPARE_TEXT))
        size = len(data)
        self._text -= min(size, allowed)
        if size <= allowed:
            return escape_text(bytes(data).decode("utf-8", "backslashreplace"))
        half = allowed // 2
        head, tail = (
            escape_text(bytes(part).decode("utf-8", "backslashreplace")) for part in (data[:half], data[size - half :])
        )
        return msgspec.msgpack.Ext(CUT_CODE, msgspec.msgpack.encode((head, tail, size)))


def _not_finite(number: float) -> str:
    if number != number:  # NaN differs from itself
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"
