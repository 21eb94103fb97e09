"""asyncio's event loop where the process is runlog's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any, TypeVar

T = TypeVar("T")


class OwnEventLoop(asyncio.SelectorEventLoop):
    """It goes on where a task other than the main one raises SystemExit.

    asyncio would stop at once, cancel every task, and end the process. Here the exception is that of its task, as any
    other: whoever waits for the task, a task group say, has it. It is told to the exception handler, which logs it.
    """

    def run_until_complete(self, future: Generator[Any, None, T] | Awaitable[T]) -> T:
        main: asyncio.Future[T] = asyncio.ensure_future(future, loop=self)  # type: ignore[arg-type]  # as asyncio does
        while True:
            try:
                return super().run_until_complete(main)
            except SystemExit as error:
                if main.done():
                    raise
                what = f"sys.exit({error.code!r}) in a task or callback: the event loop goes on"
                self.call_exception_handler({"message": what, "exception": error})


def loop_options(backend: str = "asyncio") -> dict[str, Any]:
    """What `anyio.run` needs to use it; trio raises in the nursery as it is."""
    return {"loop_factory": OwnEventLoop} if backend == "asyncio" else {}
