"""Notices, once for all streams of a server, that something was stored, by whatever process."""

from __future__ import annotations

import logging

import anyio
from anyio import to_thread

from runlog.config import Settings
from runlog.reading.notes import Note
from runlog.reading.opening import rescue
from runlog.web.endpoint import Refused
from runlog.web.live.position import Position
from runlog.web.readers import Readers

POLL = 0.025
"""Seconds between two looks at the log while somebody watches it."""
RESCUE = 1.0
"""Seconds between two looks for records that a dead process left in its spool."""
_START = Position(0, 0)

_log = logging.getLogger("runlog.web")


class Hub:
    """Polls the log while there are watchers, and wakes them when its position changed."""

    def __init__(self, settings: Settings, readers: Readers) -> None:
        self._settings, self._readers = settings, readers
        self._position = _START
        self._changed = anyio.Event()
        self._watched = anyio.Event()
        self._watchers = 0
        self._restarts = 0
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the server is about to end: streams end then, and the page comes back to the next server."""
        return self._closed

    async def run(self) -> None:
        """Look at the log until cancelled; run by the server beside its requests."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._rescue)
            while not self._closed:
                await self._watched.wait()
                await self._look()
                await anyio.sleep(POLL)
            group.cancel_scope.cancel()

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        self._wake()
        self._watched.set()

    async def position(self) -> Position:
        """The newest position of the log, by asking it."""
        try:
            return Position(*await self._readers.run(lambda reader: reader.position(), live=True))
        except Refused:  # no log yet, or it cannot be read now
            return self._position

    async def newer(self, position: Position, seconds: float) -> bool:
        """Wait until the log has something beyond a position; False if it had not after some seconds.

        True also where the log was replaced meanwhile, and where the server is about to end."""
        self._watchers += 1
        self._watched.set()
        restarts = self._restarts
        try:
            with anyio.move_on_after(seconds):
                while not (self._closed or self._position.is_beyond(position) or self._restarts != restarts):
                    await self._changed.wait()
                return True
            return False
        finally:
            self._watchers -= 1
            if not self._watchers and not self._closed:
                self._watched = anyio.Event()

    async def _look(self) -> None:
        found = await self.position()
        if found != self._position:
            self._restarts += self._position.is_beyond(found)
            self._position = found
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def _rescue(self) -> None:
        """Store what dead processes left, since there may be no worker alive to do it."""
        said = ""

        def say(text: str) -> None:
            nonlocal said
            if text != said:
                _log.warning("%s", text)
            said = text

        while True:
            if self._watchers:
                await to_thread.run_sync(_rescued, self._settings, say)
            await anyio.sleep(RESCUE)


def _rescued(settings: Settings, say: Note) -> None:
    try:
        rescue(settings, say)
    except Exception as error:  # noqa: BLE001 - whatever it is, the stream goes on with what is stored
        _log.warning("records of dead processes could not be stored: %s", error)
