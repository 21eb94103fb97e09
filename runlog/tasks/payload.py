"""Payloads and results as JSON, and back as the types that the task's function names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from runlog.errors import PayloadError
from runlog.tasks.signature import ANYTHING

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

_MARK = "$runlog"
_SHOWN = 1000
"""Characters of a value that could not be stored."""


@dataclass(frozen=True, slots=True)
class NotStored:
    """Stands for a result that could not be stored: the run is COMPLETED, the value itself is gone."""

    type: str
    text: str
    """The value's `repr`, cut."""
    reason: str


class Codec:
    """Turns values of one type into JSON and back. pydantic is loaded when the first one is."""

    def __init__(self, annotation: Any, owner: str) -> None:
        self.annotation, self.owner = annotation, owner

    @property
    def _untyped(self) -> bool:
        return self.annotation is ANYTHING

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        from pydantic import ConfigDict, PydanticUserError, TypeAdapter

        try:
            try:  # so that bytes and NaN come back as they went
                config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="strings")
                return TypeAdapter(self.annotation, config=config)
            except PydanticUserError as error:
                if error.code != "type-adapter-config-unused":
                    raise
                return TypeAdapter(self.annotation)  # models, dataclasses and TypedDicts have their own
        except (PydanticUserError, NameError) as error:
            raise PayloadError(
                f"task {self.owner!r}: {self.annotation!r} is no type for a payload or a result",
                str(error).partition("\n\nFor further information")[0],
                "from typing_extensions import TypedDict"
                if isinstance(error, PydanticUserError) and error.code == "typed-dict-version"
                else "use a dataclass, a pydantic model, a TypedDict or builtin types",
            ) from error

    def encode_payload(self, value: object) -> bytes:
        """Validate a payload and return its JSON, which is sure to validate again. Raises PayloadError."""
        from pydantic import ValidationError
        from pydantic_core import PydanticSerializationError

        try:
            _refuse_lazy(value)
            valid = self.adapter.validate_python(value)
            data = _dump_plain(valid) if self._untyped else self._dump(valid)
            self.adapter.validate_json(data)
        except ValidationError as error:
            raise PayloadError(f"the payload does not fit task {self.owner!r}", _told(error)) from error
        except (PydanticSerializationError, ValueError, TypeError, RecursionError) as error:
            what = f"the payload of task {self.owner!r}" if self.owner else f"a value of type {type(value).__name__}"
            raise PayloadError(f"{what} cannot be stored as JSON", str(error)) from error
        return data

    def decode_payload(self, data: bytes) -> Any:
        """The payload that a run is given. Raises PayloadError."""
        from pydantic import ValidationError

        try:
            return self.adapter.validate_json(data)
        except ValidationError as error:
            raise PayloadError(f"the payload does not fit task {self.owner!r}", _told(error)) from error

    def encode_result(self, value: object, limit: int) -> tuple[bytes, str | None]:
        """A result's JSON; where it has none, or one over `limit` bytes, a description instead, and why."""
        if isinstance(value, NotStored):  # of a run, or a process, that this one passes on
            return _description(value), value.reason
        reason = None
        for dump in (self._dump, _dump_plain):
            try:
                data = dump(value)
            except Exception as error:  # noqa: BLE001 - serialisers are the user's, and raise what they like
                reason = f"the result cannot be stored as JSON: {error}"
            else:
                if len(data) <= limit:
                    return data, None
                reason = f"the result is {len(data):,} bytes of JSON; the limit is {limit:,} (limits.output)"
                break
        assert reason is not None
        kind = type(value)
        return _description(NotStored(f"{kind.__module__}.{kind.__qualname__}", _shown(value), reason)), reason

    def _dump(self, value: object) -> bytes:
        _refuse_lazy(value)
        # What is not as annotated is dumped by its own type. With warnings="error" each call would give up the GIL.
        return self.adapter.dump_json(value, warnings=False)

    def decode_result(self, data: bytes | None) -> Any:
        """The result of a run, typed where it fits the annotation; else as plain data, or what stands for it."""
        import msgspec

        if data is None:
            return None
        if data.startswith(b'{"$runlog":"not stored"'):
            plain = msgspec.json.decode(data)
            return NotStored(plain["type"], plain["text"], plain["reason"])
        try:
            return self.adapter.validate_json(data)
        except Exception:  # noqa: BLE001 - validators are the user's, and raise what they like
            return msgspec.json.decode(data)


def _dump_plain(value: object) -> bytes:
    """By the value's own type, where it is not what the annotation says."""
    from pydantic_core import to_json

    _refuse_lazy(value)
    return to_json(value, inf_nan_mode="strings")


def _refuse_lazy(value: object) -> None:
    """pydantic would run an iterator to its end, which may not exist."""
    if isinstance(value, Iterator):
        raise TypeError(f"a {type(value).__name__} is no data: it may have no end")


def _told(error: ValidationError) -> str:
    return "\n".join(line for line in str(error).splitlines() if not line.startswith("    For further information"))


def _description(value: NotStored) -> bytes:
    from pydantic_core import to_json

    return to_json({_MARK: "not stored", "type": value.type, "text": value.text, "reason": value.reason})


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a foreign __repr__
        return f"<repr() raised {type(error).__name__}>"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…[{len(text) - _SHOWN} characters cut]"


ANY = Codec(ANYTHING, "")
"""For tasks that are known by their id only."""
