"""The URL by which somebody outside completes a token: its last part is a secret that says which token, and that only
who holds the queue's key can have made. So nothing is kept for it, and a wrong one is refused without looking anything
up."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode

from runlog.config import Settings
from runlog.system.secret import load_secret

CALLBACKS = "/callback/"
_KEY_FILE = "callback-key"
_TOKEN = "token_"  # noqa: S105 - what ids begin with
_ID = re.compile(rf"{_TOKEN}([0-9a-z]{{26}})")
_SECRET = re.compile(r"([0-9a-z]{26})([A-Za-z0-9_-]{43})")


class Callbacks:
    """The callbacks of a project's tokens. The key is kept beside the queue, for its owner only."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.queue_path.with_name(_KEY_FILE)
        self._base = settings.ui.url

    @property
    def has_key(self) -> bool:
        """Whether any token can have a callback: the key is made for the first one."""
        return self._path.exists()

    def url(self, token_id: str) -> str | None:
        """Where a POST completes the token; None for an id of another form than tokens have here. Makes the key if
        there is none. Raises ConfigError where it cannot be kept."""
        found = _ID.fullmatch(token_id)
        return None if found is None else f"{self._base}{CALLBACKS}{found[1]}{self._sign(found[1])}"

    def token_id(self, secret: str) -> str | None:
        """The token that a callback is for; None for a secret that was never made here. It takes the same time for
        each of the right form. Raises ConfigError."""
        found = _SECRET.fullmatch(secret)
        if found is None or not self.has_key or not hmac.compare_digest(self._sign(found[1]), found[2]):
            return None
        return _TOKEN + found[1]

    def _sign(self, text: str) -> str:
        digest = hmac.digest(load_secret(self._path).encode(), f"runlog callback: {text}".encode(), hashlib.sha256)
        return urlsafe_b64encode(digest).rstrip(b"=").decode()
