"""Who is asking, and what is served."""

from __future__ import annotations

import os
import time
from importlib.metadata import version

from runlog.reading.opening import has_log
from runlog.web.api.types import Session
from runlog.web.endpoint import Call, Endpoint


async def session(call: Call) -> Session:
    services, scope = call.services, call.scope or "view"
    settings = services.settings
    return Session(
        project=settings.root.name,
        version=version("runlog-tasks"),
        scope=scope,
        can_operate=scope == "operate" and not services.view_only and os.access(settings.queue_path, os.W_OK),
        time=time.time() * 1000,
        has_log=has_log(settings),
    )


ENDPOINTS = (Endpoint("GET", "/api/session", session, "view", "Who is asking, and what is served.", Session),)
