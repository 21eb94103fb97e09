"""The embedded engine, on SQLite."""

from runlog.engines.local.engine import LocalEngine
from runlog.engines.local.leaving import LostQueue
from runlog.engines.local.workers import live_workers

__all__ = ["LocalEngine", "LostQueue", "live_workers"]
