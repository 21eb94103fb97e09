"""Secrets in files of their owner's."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runlog.errors import ConfigError
from runlog.system.secret import create_private, load_secret


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o377])
def test_it_is_for_its_owner_only_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "kept" / "secret"
    before = os.umask(umask)
    try:
        secret = load_secret(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(secret) == 43
    assert [entry.name for entry in path.parent.iterdir()] == ["secret"]
    assert load_secret(path) == secret
    assert load_secret(path, new=True) != secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_those_who_make_it_at_once_have_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: load_secret(tmp_path / "secret"), range(64)))
    assert len(found) == 1


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("x" * 43)
    other.chmod(0o600)
    (tmp_path / "secret").symlink_to(other)
    (tmp_path / "dangling").symlink_to(tmp_path / "made")
    for name in ("secret", "dangling"):
        with pytest.raises(ConfigError, match="cannot keep a secret"):
            load_secret(tmp_path / name)
        with pytest.raises(FileExistsError):
            create_private(tmp_path / name, "text")
    assert load_secret(tmp_path / "secret", new=True) != "x" * 43
    assert (other.read_text(), (tmp_path / "made").exists()) == ("x" * 43, False)


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(ConfigError, match="is a symbolic link"):
        load_secret(tmp_path / "link" / "secret")
    assert not list((tmp_path / "real").iterdir())


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o702])
def test_a_folder_that_others_write_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(ConfigError, match="others can write"):
        load_secret(folder / "secret")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_reach_is_refused(tmp_path: Path, mode: int) -> None:
    load_secret(tmp_path / "secret")
    (tmp_path / "secret").chmod(mode)
    with pytest.raises(ConfigError, match="others can read or write"):
        load_secret(tmp_path / "secret")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_somebody_else_is_refused(tmp_path: Path) -> None:
    load_secret(tmp_path / "secret")
    os.chown(tmp_path / "secret", 12345, -1)
    with pytest.raises(ConfigError, match="others can read or write"):
        load_secret(tmp_path / "secret")
    os.chown(tmp_path, 12345, -1)
    with pytest.raises(ConfigError, match="others can write"):
        load_secret(tmp_path / "secret", new=True)


@pytest.mark.parametrize("content", ["", "short", "x" * 300, "x" * 43 + " y", "ä" * 43])
def test_what_is_no_secret_is_refused(tmp_path: Path, content: str) -> None:
    create_private(tmp_path / "secret", content)
    with pytest.raises(ConfigError, match="there is no secret"):
        load_secret(tmp_path / "secret")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "secret", 0o600)  # which would be waited for
    with pytest.raises(ConfigError, match="others can read or write"):
        load_secret(tmp_path / "secret")
