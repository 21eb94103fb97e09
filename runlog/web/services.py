"""What the handlers share: one of each a server."""

from __future__ import annotations

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import anyio

from runlog.config import Settings
from runlog.reading.failures import FailureIndex
from runlog.web.assets import Assets
from runlog.web.live.hub import Hub
from runlog.web.portions import Portions
from runlog.web.project import OpenProject
from runlog.web.readers import Readers
from runlog.web.trouble import say

_AGAIN = 1.0


class Services:
    """Opened with the server, and closed with it."""

    def __init__(self, settings: Settings, *, view_only: bool = False) -> None:
        self.settings, self.view_only = settings, view_only
        self.readers = Readers(settings)
        self.hub = Hub(settings, self.readers)
        self.assets = Assets()
        self.failures = FailureIndex()
        self.grouping = anyio.Semaphore(1)
        """Held by who uses `failures`: the others wait for it before they take a reader."""
        self.exporting = anyio.Semaphore(1)
        """Held while a run is written to a file, of which one at a time is enough."""
        self.portions = Portions()
        self.project = OpenProject(settings)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._stack.callback(self.readers.close)
        group = await self._stack.enter_async_context(anyio.create_task_group())
        self._stack.callback(group.cancel_scope.cancel)
        group.start_soon(self._watch)
        self.project.attach(group)
        return self

    async def _watch(self) -> None:
        """Run the hub: should it fail, requests are answered all the same, and it is started again."""
        while not self.hub.closed:
            try:
                await self.hub.run()
            except Exception as error:  # noqa: BLE001 - whatever it is
                say("watching the run log", error)
                await anyio.sleep(_AGAIN)

    def stop(self) -> None:
        """End every live stream: the server is about to end."""
        self.hub.close()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, traceback)
