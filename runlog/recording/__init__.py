"""The road of a record: from a call in the user's thread to the store, the exporters and the console."""

from runlog.recording.masks import mask
from runlog.recording.recorder import (
    RANK_ALWAYS,
    RANK_DEBUG,
    RANK_INFO,
    RANK_SPAN,
    Recorder,
    get_recorder,
    open_recorder,
)
from runlog.recording.recovery import RecoveryReport, recover, seen_alive
from runlog.recording.sink import Sink
from runlog.recording.statistics import RecorderStatistics

__all__ = [
    "RANK_ALWAYS",
    "RANK_DEBUG",
    "RANK_INFO",
    "RANK_SPAN",
    "Recorder",
    "RecorderStatistics",
    "RecoveryReport",
    "Sink",
    "get_recorder",
    "mask",
    "open_recorder",
    "recover",
    "seen_alive",
]
