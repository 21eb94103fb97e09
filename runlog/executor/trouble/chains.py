"""Where a thread, or a suspended coroutine, is: its frames, read from any thread while everything goes on."""

from __future__ import annotations

import asyncio
import gc
from contextvars import Context
from dataclasses import dataclass
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, GeneratorType
from typing import Any

Place = tuple[CodeType, int]
"""A line of code."""

_OUTERMOST, _INNERMOST = 10, 40
"""How many frames of a stack are kept at each end."""
_DEEPEST = 10_000
_FRAMES = ("cr_frame", "gi_frame", "ag_frame")
_BELOW = ("cr_await", "gi_yieldfrom", "ag_await")
_STEPS = (CoroutineType, GeneratorType, AsyncGeneratorType)


@dataclass(slots=True)
class Chain:
    """Frames in the order of the calls, the innermost last."""

    frames: tuple[Place, ...]
    cut: int = 0
    """Frames in the middle that were left out."""
    awaits: str = ""
    """What a suspended one waits for in the end, where that is no code."""


def thread_chain(frame: FrameType | None) -> Chain:
    """The stack of a thread, from its innermost frame."""
    places: list[Place] = []
    while frame is not None and len(places) < _DEEPEST:
        places.append((frame.f_code, frame.f_lineno or 0))
        frame = frame.f_back
    places.reverse()
    return _bounded(places, "")


def coroutine_chain(awaitable: Any) -> Chain:
    """What a coroutine awaits, down to the innermost frame. Of one that runs only what is above its thread's stack."""
    places: list[Place] = []
    awaits = ""
    for _ in range(_DEEPEST):
        frame = _first(awaitable, _FRAMES)
        if frame is not None:
            places.append((frame.f_code, frame.f_lineno or 0))
        below = _first(awaitable, _BELOW)
        if below is None and frame is None:
            below = _hidden(awaitable)
        if below is None or below is awaitable:
            break
        if isinstance(below, asyncio.Future):
            awaits = _future(below)
            break
        awaitable = below
    return _bounded(places, awaits)


def inside(chain: Chain, awaitable: Any) -> Chain:
    """The part of a thread's stack that is of the coroutine which runs in it: without the event loop that calls it."""
    outermost = _first(awaitable, _FRAMES)
    codes = [code for code, _ in chain.frames]
    if outermost is None or outermost.f_code not in codes:
        return chain
    return Chain(chain.frames[codes.index(outermost.f_code) :], chain.cut, chain.awaits)


def is_running(awaitable: Any) -> bool:
    """A coroutine that runs now, in some thread."""
    return bool(getattr(awaitable, "cr_running", False) or getattr(awaitable, "gi_running", False))


def hidden_context(task: Any) -> Context | None:
    """The context of an asyncio task, which Python 3.11 does not tell: the first that the task refers to is its own."""
    return next((found for found in gc.get_referents(task) if isinstance(found, Context)), None)


def _hidden(awaitable: Any) -> Any:
    """What an iterator of the interpreter's own (`anext`, `__await__` of a coroutine or a future) stands for."""
    for found in gc.get_referents(awaitable):
        if isinstance(found, (*_STEPS, asyncio.Future)):
            return found
    return None


def _future(future: asyncio.Future[Any]) -> str:
    if isinstance(future, asyncio.Task):
        return f"task {future.get_name()}"
    return type(future).__name__ if type(future).__module__ not in ("_asyncio", "asyncio.futures") else "a future"


def _first(target: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        found = getattr(target, name, None)
        if found is not None:
            return found
    return None


def _bounded(places: list[Place], awaits: str) -> Chain:
    cut = len(places) - _OUTERMOST - _INNERMOST
    if cut <= 0:
        return Chain(tuple(places), awaits=awaits)
    return Chain((*places[:_OUTERMOST], *places[-_INNERMOST:]), cut, awaits)
