"""Secrets in files that only their owner can read, and that nobody else can have written."""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from runlog.errors import ConfigError
from runlog.system.files import private_directory

_BYTES = 32
_SECRET = re.compile(r"[A-Za-z0-9_-]{43,200}")
_READ = 1024
_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def load_secret(path: Path, *, new: bool = False) -> str:
    """The secret in a file, of at least 256 bits. It is made if it is not there, and made anew with `new`.

    Raises ConfigError for a file that somebody else could have written or read, and for one that cannot be made.
    """
    try:
        _check_folder(path.parent)
        if new:
            with suppress(FileNotFoundError):
                path.unlink()
        with suppress(FileExistsError):
            _create(path)
        return _read(path)
    except OSError as error:
        raise ConfigError(f"cannot keep a secret in {path}", error.strerror or str(error)) from None


def create_private(path: Path, text: str) -> None:
    """Write a new file of mode 0600. Raises FileExistsError, also for a symbolic link."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)


def _check_folder(folder: Path) -> None:
    if folder.is_symlink():
        raise ConfigError(f"{folder} is a symbolic link", "a secret is kept only where nobody else can lead it")
    info = private_directory(folder).stat()
    if not _is_ours(info) or info.st_mode & _WRITABLE_BY_OTHERS:
        raise ConfigError(f"others can write in {folder}", "a secret there would be theirs too", f"chmod 700 {folder}")


def _create(path: Path) -> None:
    """Make a secret where there is none, whole when it can be seen. Raises FileExistsError."""
    made = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    create_private(made, secrets.token_urlsafe(_BYTES) + "\n")
    try:
        os.link(made, path)
    finally:
        made.unlink()


def _read(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode) or not _is_ours(info) or info.st_mode & _BY_OTHERS:
            raise ConfigError(f"others can read or write {path}", "a secret is only for its owner", f"chmod 600 {path}")
        secret = file.read(_READ).strip()
    if not _SECRET.fullmatch(secret):
        raise ConfigError(
            f"there is no secret in {path}",
            "one is 43 to 200 letters, digits, - and _",
            f"rm {path}   # it is made anew",
        )
    return secret


def _is_ours(info: os.stat_result) -> bool:
    return info.st_uid == os.geteuid()
