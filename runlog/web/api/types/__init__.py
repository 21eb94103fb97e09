"""What the API answers and takes: one class for each shape. The OpenAPI document and the page's TypeScript types are
made from these.

Times are milliseconds since 1970 UTC as floats (exact to a quarter of a microsecond; where more is wanted there is an
ISO text beside it), durations nanoseconds, ids of traces and spans hexadecimal, ids of events the store's numbers.
Attributes are lists of (key, value) pairs and never objects: a key is data and must not become a property.
"""

from runlog.web.api.types.actions import BulkRequest, BulkResult, Canceled, CancelRequest, Replayed, ReplayRequest
from runlog.web.api.types.common import ErrorTitle, Pairs, Piece, Problem, ProblemAnswer, RunLink, Scope, Session
from runlog.web.api.types.errors import ErrorDetail, ErrorGroup, ErrorsPage, Occurrence
from runlog.web.api.types.events import (
    Comparison,
    EventDetail,
    LevelBucket,
    LevelHistogram,
    Log,
    LogsPage,
    SpanEvent,
    SpanLink,
)
from runlog.web.api.types.exports import ExportedRun, ExportedTrace
from runlog.web.api.types.live import LogsDelta, RunDelta, RunsDelta, Skip, Tick
from runlog.web.api.types.plugins import Plugin, PluginsAnswer
from runlog.web.api.types.run import Cause, Loss, RunContext, RunDetail, Worker
from runlog.web.api.types.runs import (
    Completion,
    Completions,
    Count,
    Facet,
    Facets,
    FacetValue,
    QueryCheck,
    RunHistogram,
    RunRow,
    RunsPage,
    StatusBucket,
)
from runlog.web.api.types.trace import Matches, TracePage

__all__ = [
    "BulkRequest",
    "BulkResult",
    "CancelRequest",
    "Canceled",
    "Cause",
    "Comparison",
    "Completion",
    "Completions",
    "Count",
    "ErrorDetail",
    "ErrorGroup",
    "ErrorTitle",
    "ErrorsPage",
    "EventDetail",
    "ExportedRun",
    "ExportedTrace",
    "Facet",
    "FacetValue",
    "Facets",
    "LevelBucket",
    "LevelHistogram",
    "Log",
    "LogsDelta",
    "LogsPage",
    "Loss",
    "Matches",
    "Occurrence",
    "Pairs",
    "Piece",
    "Plugin",
    "PluginsAnswer",
    "Problem",
    "ProblemAnswer",
    "QueryCheck",
    "ReplayRequest",
    "Replayed",
    "RunContext",
    "RunDelta",
    "RunDetail",
    "RunHistogram",
    "RunLink",
    "RunRow",
    "RunsDelta",
    "RunsPage",
    "Scope",
    "Session",
    "Skip",
    "SpanEvent",
    "SpanLink",
    "StatusBucket",
    "Tick",
    "TracePage",
    "Worker",
]
