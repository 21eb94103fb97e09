"""Seeing trouble: stacks, a blocked event loop, metrics, and attempts that do not end."""

from runlog.executor.trouble.lookout import Lookout
from runlog.executor.trouble.overdue import EXIT_CODE
from runlog.executor.trouble.records import BLOCKED, STACKS

__all__ = ["BLOCKED", "EXIT_CODE", "STACKS", "Lookout"]
