"""Bars on a time axis, drawn with the eighth blocks of Unicode, or in ASCII."""

from __future__ import annotations

from dataclasses import dataclass

from runlog.console.message import format_duration

_PARTS = " ▏▎▍▌▋▊▉"
_TICK_ROOM = 14


@dataclass(frozen=True, slots=True)
class Axis:
    """A span of time (ns) laid over a number of columns, at least one."""

    start: int
    end: int
    width: int
    unicode: bool = True

    def bar(self, begin: int, end: int, *, waited: int = 0) -> tuple[str, str, str]:
        """A bar from one time to another: the margin before it, the part of its first `waited` ns, and the rest.

        Together never longer than the axis. Every bar is seen: the shortest is one part of a column.
        """
        left = min(int(self._column(begin)), self.width - 1)
        waiting = max(0, round(self._column(begin + waited)) - left) if waited > 0 else 0
        waiting = min(waiting, self.width - 1 - left)
        eighths = max(1, round((self._column(end) - self._column(begin + waited)) * 8))
        room = self.width - left - waiting
        return " " * left, ("░" if self.unicode else ".") * waiting, self._blocks(min(eighths, room * 8))

    def _blocks(self, eighths: int) -> str:
        if not self.unicode:
            return "=" * max(1, eighths // 8)
        return "█" * (eighths // 8) + (_PARTS[eighths % 8] if eighths % 8 else "")

    def mark(self, time: int) -> str:
        """The margin before the column of a moment."""
        return " " * min(max(0, int(self._column(time))), self.width - 1)

    def ticks(self) -> str:
        """Times from the start of the axis, where their columns begin, and its whole length at its end."""
        whole = format_duration(self.end - self.start)
        count = max(1, min(5, self.width // _TICK_ROOM))
        text = ""
        for index in range(count):
            label = format_duration((self.end - self.start) * index // count) if index else "0"
            column = self.width * index // count
            if column + len(label) + 2 + len(whole) <= self.width:
                text = text.ljust(column) + label
        return text.ljust(self.width - len(whole)) + whole

    def _column(self, time: int) -> float:
        length = max(1, self.end - self.start)
        return max(0.0, min(1.0, (time - self.start) / length)) * self.width
