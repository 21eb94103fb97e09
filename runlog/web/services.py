"""What the handlers share: one of each a server."""

from __future__ import annotations

from dataclasses import dataclass

from runlog.config import Settings
from runlog.web.readers import Readers


@dataclass(slots=True)
class Services:
    """Made by `application.build`, closed with the server."""

    settings: Settings
    readers: Readers
