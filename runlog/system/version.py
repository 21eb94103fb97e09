"""Which commit a folder of code is at, read from git's own files."""

from __future__ import annotations

import re
from pathlib import Path

_LENGTH = 12
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MOST_LINKS = 5


def git_commit(folder: Path) -> str | None:
    """Return the commit that is checked out in the repository `folder` is in, shortened; None if none can be told."""
    try:
        own = _git_folder(folder.resolve())
        return None if own is None else _commit(own)
    except (OSError, ValueError):
        return None


def _git_folder(folder: Path) -> Path | None:
    for above in (folder, *folder.parents):
        git = above / ".git"
        if git.is_dir():
            return git
        if git.is_file():  # of a worktree or a submodule
            return above / _text(git).removeprefix("gitdir:").strip()
    return None


def _commit(git: Path) -> str | None:
    shared = git / "commondir"
    common = git / _text(shared) if shared.is_file() else git
    value = _text(git / "HEAD")
    for _ in range(_MOST_LINKS):
        if not value.startswith("ref:"):
            break
        value = _ref(value.removeprefix("ref:").strip(), git, common)
    return value[:_LENGTH] if _COMMIT.fullmatch(value) else None


def _ref(name: str, git: Path, common: Path) -> str:
    """What a branch points at; empty where there is no commit yet."""
    for folder in (git, common):
        if (folder / name).is_file():
            return _text(folder / name)
    packed = common / "packed-refs"
    for line in _text(packed).splitlines() if packed.is_file() else ():
        commit, _, packed_name = line.partition(" ")
        if packed_name == name:
            return commit
    return ""


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()
