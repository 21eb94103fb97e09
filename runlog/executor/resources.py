"""What a worker opens once for all its runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any

from anyio import get_cancelled_exc_class

from runlog.errors import RunlogError
from runlog.logger import logger
from runlog.tasks.lifespan import Resource, current_resources, registered_resources


class ResourceError(RunlogError):
    """A resource of the worker could not be opened, or failed while it was open."""


@asynccontextmanager
async def open_resources(resources: Sequence[Resource[Any]] | None = None) -> AsyncIterator[Mapping[str, Any]]:
    """Open them in order and make them the current ones; at the end close them, the last first.

    One that cannot be closed is an error in the run log, and the others are closed all the same. Raises ResourceError
    for the first that cannot be opened, when those before it are closed again.
    """
    opened: dict[str, Any] = {}
    token = current_resources.set(opened)
    try:
        async with AsyncExitStack() as stack:
            for resource in registered_resources() if resources is None else resources:
                opened[resource.name] = await stack.enter_async_context(_Opened(resource))
            yield opened
    finally:
        current_resources.reset(token)


class _Opened:
    """A resource as a context manager whose errors name it."""

    def __init__(self, resource: Resource[Any]) -> None:
        self._resource = resource

    async def __aenter__(self) -> Any:
        try:
            self._manager: Any = self._resource.open()
            if isinstance(self._manager, AbstractAsyncContextManager):
                return await self._manager.__aenter__()
            return self._manager.__enter__()
        except Exception as error:
            raise ResourceError(
                f"the resource {self._resource.name!r} could not be opened",
                f"{type(error).__name__}: {error}",
                f"# {self._resource.place}",
            ) from error

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if isinstance(self._manager, AbstractAsyncContextManager):
                await self._manager.__aexit__(kind, error, traceback)
            else:
                self._manager.__exit__(kind, error, traceback)
        except Exception as raised:
            if raised is error:
                return
            if isinstance(error, get_cancelled_exc_class()):  # by itself: a task that it started has failed
                raise ResourceError(
                    f"the resource {self._resource.name!r} failed", f"{type(raised).__name__}: {raised}"
                ) from raised
            logger.error("the resource {name!r} could not be closed", raised, name=self._resource.name)
