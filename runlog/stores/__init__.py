"""Where the run log is kept: one protocol (`base`), one query language (`query`), and the stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runlog.config import Settings
    from runlog.stores.sqlite import SQLiteStore


def open_store(settings: Settings) -> SQLiteStore:
    """Open the project's run log for writing, created if it is missing.

    Raises StoreError (StoreTooNew where a newer runlog wrote it), and ConfigError for a `store` that cannot be used.
    """
    from runlog.stores.sqlite import SQLiteStore

    return SQLiteStore(settings.log_path)


def open_reader(settings: Settings) -> SQLiteStore:
    """Open the project's run log for reading; any number of processes may. Raises as `open_store`, and StoreError where
    nothing has been recorded yet."""
    from runlog.stores.sqlite import SQLiteStore

    return SQLiteStore(settings.log_path, readonly=True)
