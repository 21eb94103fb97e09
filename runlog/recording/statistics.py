"""What a recorder counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runlog.recording.spool import Spool
    from runlog.recording.writer import Writer


@dataclass(frozen=True, slots=True)
class RecorderStatistics:
    """What became of the records of this process so far."""

    emitted: int = 0
    """Records accepted: stored, or waiting in the spool."""
    stored: int = 0
    """Records that the store has; a span that opened and ended within one batch counts once."""
    waiting: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    """By reason: `spool:<rank>` (it is too full for these), `rate`, `full` (lost), `invalid` (cannot be encoded)."""
    damaged: int = 0
    recovered: int = 0
    """Records of dead processes that this one has stored."""
    degraded: str | None = None
    """Why records are kept in memory only, if they are."""
    store_error: str | None = None
    sink_errors: dict[str, int] = field(default_factory=dict)
    spool_usage: float = 0.0
    """0 to 1."""


def count_up(spool: Spool | None, writer: Writer | None, sink_errors: dict[str, int]) -> RecorderStatistics:
    """Return what became of the records that went into this spool."""
    if spool is None:
        return RecorderStatistics(sink_errors=sink_errors)
    emitted = sum(chain.count for chain in list(spool.chains.values()))
    if writer is None:
        return RecorderStatistics(emitted, waiting=emitted, degraded=spool.degraded, spool_usage=spool.usage())
    emitted += writer.retired_count
    return RecorderStatistics(
        emitted=emitted,
        stored=writer.stored,
        waiting=max(0, emitted - writer.drained),
        refused=dict(writer.refusals.totals),
        damaged=writer.damaged,
        recovered=writer.recovered,
        degraded=spool.degraded,
        store_error=writer.keeper.error,
        sink_errors=sink_errors,
        spool_usage=spool.usage(),
    )
