"""The stacks of a run: where its tasks and threads are, and all the others of the process.

`take` is quick and may be called where nothing may wait; `describe` reads source files.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from runlog.console.exceptions import frame_place
from runlog.executor import threads as pool
from runlog.executor.attempt import Attempt
from runlog.executor.trouble.chains import Chain, Place, coroutine_chain, inside, thread_chain
from runlog.executor.trouble.loops import LoopTask, LoopView
from runlog.recording.exceptions import describe_frame

MAX_STACKS = 200
"""Different stacks in one record."""
_MAX_TASKS = 3_000
_SIZE = 100_000
"""Characters of all frames together; of stacks beyond it the innermost frames are kept."""
_FEW_FRAMES = 3
_NAMES = 5
_OURS = f"{Path(__file__).parents[2]}/"
_EXECUTOR = "runlog.executor."
_OWN_THREADS = ("runlog-engine", "runlog-writer", "runlog-watchdog", "runlog-console")


@dataclass(slots=True)
class Stack:
    """Where a task or a thread is; `names` are of all that are at the same place."""

    names: list[str]
    chain: Chain
    of_run: bool = False
    runs: bool = False
    count: int = 1


@dataclass(slots=True)
class Snapshot:
    """Where everything of a process was at a time (ns)."""

    at: int
    tasks: list[tuple[LoopTask, bool, Chain]] = field(default_factory=list)
    """With whether each ran."""
    threads: list[tuple[str, bool, Any, Chain]] = field(default_factory=list)
    """Its name, whether the event loop is in it, and the scope of the run that it works for."""
    dropped: dict[str, int] = field(default_factory=dict)
    _of_attempts: dict[Attempt | None, list[tuple[LoopTask, bool, Chain]]] = field(default_factory=dict)

    def of(self, attempt: Attempt) -> list[tuple[LoopTask, bool, Chain]]:
        """The tasks of one attempt, of many that are asked for."""
        if not self._of_attempts:
            for one in self.tasks:
                self._of_attempts.setdefault(one[0].attempt, []).append(one)
        return self._of_attempts.get(attempt, [])

    def main_task(self, attempt: Attempt) -> LoopTask | None:
        """The task of the attempt that ran, else its first."""
        own = [(runs, task) for task, runs, _ in self.tasks if task.attempt is attempt]
        return next((task for runs, task in own if runs), own[0][1] if own else None)


def take(view: LoopView) -> Snapshot:
    """Where everything is now. Callable from any thread; never raises."""
    snapshot = Snapshot(time.time_ns())
    tasks = view.tasks()
    if len(tasks) > _MAX_TASKS:
        snapshot.dropped["tasks"] = len(tasks) - _MAX_TASKS
        del tasks[_MAX_TASKS:]
    snapshot.tasks = [(task, task.runs, coroutine_chain(task.coroutine)) for task in tasks]
    running = next((task for task, runs, _ in snapshot.tasks if runs), None)
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        name, chain = names.get(ident, f"thread {ident}"), thread_chain(frame)
        is_loop = ident == view.thread
        if not is_loop and (name in _OWN_THREADS or is_ours(chain.frames[0])):
            snapshot.dropped["threads of runlog"] = snapshot.dropped.get("threads of runlog", 0) + 1
        else:
            chain = inside(chain, running.coroutine) if is_loop and running is not None else chain
            snapshot.threads.append((name, is_loop, _scope_of(frame), chain))
    return snapshot


def _scope_of(frame: FrameType | None) -> Any:
    """The run that a thread of the pool works for."""
    while frame is not None:
        if frame.f_code is pool.CALL:
            return getattr(frame.f_locals.get("self"), "scope", None)
        frame = frame.f_back
    return None


def describe(snapshot: Snapshot, attempt: Attempt, *, everything: bool = True) -> dict[str, Any]:
    """As plain data: `{"tasks": [...], "threads": [...], "dropped": {what: count}}`, what is the attempt's first;
    and only that unless `everything`. For a stack see `describe_stack`. Never raises."""
    found = snapshot.tasks if everything else snapshot.of(attempt)
    tasks = [_of_task(task, runs, chain, attempt) for task, runs, chain in found]
    loop_of_run = any(stack.of_run and stack.runs for stack in tasks)
    threads = [
        Stack(
            [f"{name} (event loop)" if is_loop else name],
            chain,
            loop_of_run if is_loop else scope is not None and scope is attempt.scope,
            runs=True,
        )
        for name, is_loop, scope, chain in snapshot.threads
    ]
    kinds: dict[str, list[dict[str, Any]]] = {"tasks": [], "threads": []}
    dropped = dict(snapshot.dropped)
    if len(found) < len(snapshot.tasks):
        dropped["tasks"] = dropped.get("tasks", 0) + len(snapshot.tasks) - len(found)
    budget, left = _SIZE, MAX_STACKS
    order = [("tasks", stack) for stack in _merged(tasks)] + [("threads", stack) for stack in _merged(threads)]
    for kind, stack in sorted(order, key=lambda item: (not item[1].of_run, not item[1].runs)):
        if left <= 0 or not (everything or stack.of_run):
            dropped[kind] = dropped.get(kind, 0) + stack.count
            continue
        left -= 1
        plain, size = describe_stack(stack, budget)
        budget -= size
        kinds[kind].append(plain)
    return {**kinds, **({"dropped": dropped} if dropped else {})}


def _of_task(task: LoopTask, runs: bool, chain: Chain, attempt: Attempt) -> Stack:
    of_run = task.attempt is attempt
    is_main = of_run and task.name.startswith(_EXECUTOR)
    return Stack([attempt.delivery.run.task if is_main else task.name], chain, of_run, runs)


def _merged(stacks: list[Stack]) -> list[Stack]:
    """Stacks at the same place as one."""
    found: dict[tuple[Any, ...], Stack] = {}
    for stack in stacks:
        key = (stack.of_run, stack.runs, stack.chain.frames, stack.chain.awaits)
        first = found.setdefault(key, stack)
        if first is not stack:
            first.count += 1
            if len(first.names) < _NAMES:
                first.names += stack.names
    return list(found.values())


def describe_stack(stack: Stack, budget: int = _SIZE) -> tuple[dict[str, Any], int]:
    """Return `{"name", "frames"}` and its size. Besides, where there is something to say: `run` (it is the run's),
    `running`, `awaits` (what is no code), `count` (so many are there), `cut` and `folded` (frames left out in the
    middle, and runlog's own). Frames are those of `recording.exceptions`; over the budget only the innermost stay."""
    chain = stack.chain
    kept = [place for place in chain.frames[:-1] if not is_ours(place)] + list(chain.frames[-1:])
    plain: dict[str, Any] = {"name": ", ".join(stack.names)}
    if stack.of_run:
        plain["run"] = True
    if stack.runs:
        plain["running"] = True
    if chain.awaits:
        plain["awaits"] = chain.awaits
    if stack.count > 1:
        plain["count"] = stack.count
    if len(kept) < len(chain.frames):
        plain["folded"] = len(chain.frames) - len(kept)
    cut = chain.cut
    frames = [describe_frame(*place) for place in kept]
    size = _size(frames)
    if size > budget and len(frames) > _FEW_FRAMES:
        cut += len(frames) - _FEW_FRAMES
        frames = frames[-_FEW_FRAMES:]
        size = _size(frames)
    if cut:
        plain["cut"] = cut
    plain["frames"] = frames
    return plain, size


def _size(frames: Iterable[dict[str, Any]]) -> int:
    return sum(len(frame["file"]) + len(frame["function"]) + len(frame["source"]) + 40 for frame in frames)


def is_ours(place: Place) -> bool:
    """A line of runlog."""
    return place[0].co_filename.startswith(_OURS)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run is, in a line and as attributes."""

    words: str
    attributes: dict[str, Any]


_NOWHERE = Standing("no code of the task's is being run", {})


def standing(described: dict[str, Any]) -> Standing:
    """The innermost frame of the user's own in what is the run's: what runs before what is suspended."""
    stacks = [stack for kind in ("threads", "tasks") for stack in described[kind] if stack.get("run")]
    for stack in sorted(stacks, key=lambda stack: not stack.get("running")):
        found = place_in(stack)
        if found is not None:
            return found
    return _NOWHERE


def place_in(stack: dict[str, Any]) -> Standing | None:
    """The innermost frame of the user's own in a described stack."""
    frames = stack["frames"]
    for index in range(len(frames) - 1, -1, -1):
        frame = frames[index]
        if frame_place(frame)[1]:
            return _standing(frame, frames[index + 1 :], stack)
    return None


def _standing(frame: dict[str, Any], below: list[dict[str, Any]], stack: dict[str, Any]) -> Standing:
    words = f"{frame['function']} ({Path(frame['file']).name}:{frame['line']})"
    if stack.get("running"):
        words += f" runs {frame['source']}" if frame["source"] else ""
    elif below or stack.get("awaits"):
        words += f" awaits {below[0]['function'] if below else stack['awaits']}"
    attributes = {
        "code.function.name": frame["function"],
        "code.file.path": frame["file"],
        "code.line.number": frame["line"],
    }
    return Standing(words, attributes)


def stacktrace(frames: list[dict[str, Any]]) -> str:
    """Frames as the text of a traceback, the innermost last."""
    lines: list[str] = []
    for frame in frames:
        lines.append(f'  File "{frame["file"]}", line {frame["line"]}, in {frame["function"]}')
        if frame["source"]:
            lines.append(f"    {frame['source']}")
    return "\n".join(lines)
