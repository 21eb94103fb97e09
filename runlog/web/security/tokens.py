"""The tokens that open the page: one in a file that only its owner can read, and a weaker one derived from it."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path

from runlog.system.secret import load_secret
from runlog.web.api.types import Scope

TOKEN_FILE = "ui-token"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What a request may carry as its bearer. The one to view is derived from the one to operate, and not back."""

    operate: str
    view: str

    @classmethod
    def of(cls, secret: str) -> Tokens:
        derived = hmac.digest(secret.encode(), b"runlog: view only", hashlib.sha256)
        return cls(secret, urlsafe_b64encode(derived).rstrip(b"=").decode())

    @classmethod
    def load(cls, path: Path, *, new: bool = False) -> Tokens:
        """The tokens of a file, which is made if it is not there, and made anew with `new`. Raises ConfigError."""
        return cls.of(load_secret(path, new=new))

    def scope(self, given: str) -> Scope | None:
        """What a bearer token allows. It takes the same time whatever is wrong with it."""
        data = given.encode("utf-8", "surrogateescape")
        operate = hmac.compare_digest(data, self.operate.encode())
        view = hmac.compare_digest(data, self.view.encode())
        return "operate" if operate else "view" if view else None
