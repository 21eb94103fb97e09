"""The project, open for what changes it: cancel, replay, a token completed. Looking opens nothing."""

from __future__ import annotations

import anyio
from anyio.abc import TaskGroup, TaskStatus

from runlog import app
from runlog.config import CaptureSettings, ExportSettings, Settings
from runlog.errors import RunlogError


class OpenProject:
    """Opened when it is first needed, and then kept until the server ends.

    Nothing of the project's own code is imported: no tasks, no instrumentations, no exporters.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.model_copy(
            update={
                "instrumentations": (),
                "instrumentation": {},
                "export": ExportSettings(),
                "capture": CaptureSettings(logging=False, stdout=False, stderr=False, warnings=False),
                "console": settings.console.model_copy(update={"enabled": False}),
            }
        )
        self._lock = anyio.Lock()
        self._group: TaskGroup | None = None
        self._is_open = False

    def attach(self, group: TaskGroup) -> None:
        """Have it held open by a task of this group."""
        self._group = group

    async def open(self) -> None:
        """Make `runlog.tasks.runs` and its like work in this process. Raises RunlogError."""
        async with self._lock:
            if self._is_open:
                return
            assert self._group is not None
            failure = await self._group.start(self._hold)
            if failure is not None:
                raise failure

    async def _hold(self, *, task_status: TaskStatus[RunlogError | None]) -> None:
        """A failure is handed over, and not raised: it is the answer to a request, and the server goes on."""
        try:
            project = app.open(settings=self._settings, worker=False)
            await project.__aenter__()
        except RunlogError as error:
            task_status.started(error)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the page goes on
            task_status.started(RunlogError("the project cannot be opened", f"{type(error).__name__}: {error}"))
            return
        try:
            self._is_open = True
            task_status.started(None)
            await anyio.sleep_forever()
        finally:
            self._is_open = False
            with anyio.CancelScope(shield=True):
                await project.__aexit__(None, None, None)
