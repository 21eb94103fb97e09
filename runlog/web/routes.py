"""All that is served."""

from __future__ import annotations

from runlog.web import assets, openapi
from runlog.web.api import (
    actions,
    callbacks,
    context,
    errors,
    events,
    export,
    logs,
    matches,
    plugins,
    queries,
    run,
    runs,
    session,
    trace,
)
from runlog.web.endpoint import Endpoint
from runlog.web.live import stream

ENDPOINTS: tuple[Endpoint, ...] = (
    *assets.ENDPOINTS,
    *openapi.ENDPOINTS,
    *session.ENDPOINTS,
    *actions.ENDPOINTS,
    *callbacks.ENDPOINTS,
    *runs.ENDPOINTS,
    *queries.ENDPOINTS,
    *run.ENDPOINTS,
    *trace.ENDPOINTS,
    *matches.ENDPOINTS,
    *logs.ENDPOINTS,
    *events.ENDPOINTS,
    *context.ENDPOINTS,
    *export.ENDPOINTS,
    *errors.ENDPOINTS,
    *plugins.ENDPOINTS,
    *stream.ENDPOINTS,
)
