"""Exceptions with the home of each frame, for the page to fold those of libraries."""

from __future__ import annotations

from typing import Any

from runlog.console.exceptions import file_home


def with_homes(exception: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a described exception (see `recording.exceptions`) in which each frame has also its `place`, the
    file as short as it is understood, and its `library`: a package, `python`, or None for the project's own code."""
    copy = dict(exception)
    work = [copy]
    while work:
        node = work.pop()
        for key in ("cause", "context"):
            if isinstance(below := node.get(key), dict):
                node[key] = dict(below)
                work.append(node[key])
        if isinstance(group := node.get("group"), list):
            node["group"] = [dict(leaf) if isinstance(leaf, dict) else leaf for leaf in group]
            work += [leaf for leaf in node["group"] if isinstance(leaf, dict)]
        if isinstance(frames := node.get("frames"), list):
            node["frames"] = [_with_home(frame) if isinstance(frame, dict) else frame for frame in frames]
    return copy


def _with_home(frame: dict[str, Any]) -> dict[str, Any]:
    place, library = file_home(str(frame.get("file") or "?"))
    return {**frame, "place": place, "library": library}
