"""The fixtures of the command line, which reads with these modules."""

from __future__ import annotations

from tests.cli.conftest import runlog

__all__ = ["runlog"]
