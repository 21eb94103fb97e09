from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from runlog.config import Settings
from runlog.system.version import git_commit


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "app").mkdir(parents=True)
    git(folder, "init", "-q")
    return folder


def test_the_commit_of_the_folder_a_project_is_in(repository: Path) -> None:
    assert git_commit(repository / "app") is None  # nothing was committed yet
    for _ in range(2):
        git(repository, "commit", "-q", "--allow-empty", "-m", "a change")
        assert git_commit(repository / "app") == git(repository, "rev-parse", "HEAD")[:12]


def test_the_commit_of_packed_detached_and_linked_checkouts(repository: Path) -> None:
    git(repository, "commit", "-q", "--allow-empty", "-m", "first")
    git(repository, "worktree", "add", "-q", "-b", "side", "../side")
    side = repository.parent / "side"
    git(side, "commit", "-q", "--allow-empty", "-m", "second")
    git(repository, "pack-refs", "--all")
    first, second = git(repository, "rev-parse", "HEAD")[:12], git(side, "rev-parse", "HEAD")[:12]
    assert (git_commit(repository), git_commit(side)) == (first, second)
    git(repository, "checkout", "-q", "--detach", "side")
    assert git_commit(repository) == second


def test_what_is_no_repository_has_no_commit(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None
    (tmp_path / ".git").write_text("gitdir: /nowhere")
    assert git_commit(tmp_path) is None
    (tmp_path / ".git").write_bytes(b"\xff\xfe")
    assert git_commit(tmp_path) is None


def test_a_version_that_is_set_wins(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(repository, "commit", "-q", "--allow-empty", "-m", "first")
    (repository / "runlog.toml").write_text("")
    assert Settings.load(repository).code_version == git_commit(repository)
    (repository / "runlog.toml").write_text('version = "1.4"')
    assert Settings.load(repository).code_version == "1.4"
    monkeypatch.setenv("RUNLOG_VERSION", "1.5")
    assert Settings.load(repository).code_version == "1.5"
