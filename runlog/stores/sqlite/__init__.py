"""The run log in one SQLite file, that any number of processes write and read at once."""

from __future__ import annotations

from runlog.stores.sqlite.check import Health, check_log
from runlog.stores.sqlite.store import SQLiteStore

__all__ = ["Health", "SQLiteStore", "check_log"]
