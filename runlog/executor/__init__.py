"""What running means: attempts, retries, limits, cancellation, outcome; and triggers and waits."""

from runlog.executor.executor import Executor
from runlog.executor.records import RunRecords, heal
from runlog.executor.submit import EngineSubmitter

__all__ = ["EngineSubmitter", "Executor", "RunRecords", "heal"]
