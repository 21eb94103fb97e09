"""The embedded engine, on SQLite."""

from runlog.engines.local.engine import LocalEngine

__all__ = ["LocalEngine"]
