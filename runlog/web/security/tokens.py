"""The tokens that open the page: one in a file that only its owner can read, and a weaker one derived from it."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runlog.errors import ConfigError
from runlog.system.files import private_directory
from runlog.web.api.types import Scope

TOKEN_FILE = "ui-token"  # noqa: S105 - a name
_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43,200}")
_READ = 1024
_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What a request may carry as its bearer. The one to view is derived from the one to operate, and not back."""

    operate: str
    view: str

    @classmethod
    def of(cls, token: str) -> Tokens:
        derived = hmac.digest(token.encode(), b"runlog: view only", hashlib.sha256)
        return cls(token, urlsafe_b64encode(derived).rstrip(b"=").decode())

    def scope(self, given: str) -> Scope | None:
        """What a bearer token allows. It takes the same time whatever is wrong with it."""
        data = given.encode("utf-8", "surrogateescape")
        operate = hmac.compare_digest(data, self.operate.encode())
        view = hmac.compare_digest(data, self.view.encode())
        return "operate" if operate else "view" if view else None


def load_tokens(path: Path, *, new: bool = False) -> Tokens:
    """The tokens of a file, which is made if it is not there, and made anew with `new`.

    Raises ConfigError for a file that somebody else could have written or read.
    """
    try:
        _check_folder(path)
        if new:
            with suppress(FileNotFoundError):
                path.unlink()
        with suppress(FileExistsError):
            _create(path)
        return Tokens.of(_read(path))
    except OSError as error:
        raise ConfigError(f"cannot use the token in {path}", error.strerror or str(error), _fix(path)) from None


def _check_folder(path: Path) -> None:
    folder = path.parent
    if folder.is_symlink():
        raise ConfigError(
            f"{folder} is a symbolic link", "a token is kept only where nobody else decides it", _fix(path)
        )
    info = private_directory(folder).stat()
    if not _is_ours(info) or info.st_mode & _WRITABLE_BY_OTHERS:
        raise ConfigError(f"others can write in {folder}", "so they could read the token", f"chmod 700 {folder}")


def _create(path: Path) -> None:
    """Write a token where there is none: whole when it can be seen. Raises FileExistsError."""
    made = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            os.fchmod(descriptor, 0o600)
            file.write(secrets.token_urlsafe(_BYTES) + "\n")
        os.link(made, path)
    finally:
        made.unlink()


def _read(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode) or not _is_ours(info) or info.st_mode & _BY_OTHERS:
            raise ConfigError(f"others can read or write {path}", "a token is only for its owner", f"chmod 600 {path}")
        token = file.read(_READ).strip()
    if not _TOKEN.fullmatch(token):
        raise ConfigError(
            f"{path} holds no token",
            "one is 43 to 200 letters, digits, - and _ on a line",
            f"rm {path}   # a new one is made",
        )
    return token


def _is_ours(info: os.stat_result) -> bool:
    return info.st_uid == os.geteuid()


def _fix(path: Path) -> str:
    return f"rm {path}   # or keep it elsewhere: --token-file FILE"
