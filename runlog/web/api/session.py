"""Who is asking, and what is served."""

from __future__ import annotations

import os
import time
from importlib.metadata import version

from runlog.web.api.types import Session
from runlog.web.endpoint import Call, Endpoint, Refused


async def session(call: Call) -> Session:
    settings = call.services.settings
    try:
        found = await call.read(lambda reader: reader.statistics())
    except Refused:
        found = None
    scope = call.scope or "view"
    return Session(
        project=settings.root.name,
        version=version("runlog-tasks"),
        scope=scope,
        can_operate=scope == "operate" and not call.services.view_only and os.access(settings.queue_path, os.W_OK),
        time=time.time() * 1000,
        has_log=found is not None,
        runs=found.runs if found else 0,
        events=found.events if found else 0,
        size=found.size if found else 0,
    )


ENDPOINTS = (Endpoint("GET", "/api/session", session, "view", "Who is asking, and what is served.", Session),)
