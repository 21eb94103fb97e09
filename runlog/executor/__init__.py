"""What running means: attempts, retries, limits, cancellation, outcome; and triggers and waits."""

from runlog.executor.care import Care
from runlog.executor.executor import Executor
from runlog.executor.payloads import PayloadScrubber
from runlog.executor.presence import Presence
from runlog.executor.records import RunRecords, heal
from runlog.executor.scheduler import Scheduler
from runlog.executor.submit import EngineSubmitter

__all__ = ["Care", "EngineSubmitter", "Executor", "PayloadScrubber", "Presence", "RunRecords", "Scheduler", "heal"]
