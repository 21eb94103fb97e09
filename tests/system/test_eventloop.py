"""The event loop of processes that are runlog's own."""

from __future__ import annotations

import asyncio
import sys

import anyio
import pytest

from runlog.system.eventloop import loop_options


async def leave(code: int) -> None:
    sys.exit(code)


def test_an_exit_in_a_task_is_the_exception_of_that_task(caplog: pytest.LogCaptureFixture) -> None:
    ended: list[int] = []

    async def other() -> None:
        await anyio.sleep(0)
        await anyio.sleep(0)
        ended.append(1)

    async def main() -> str:
        with pytest.raises(SystemExit):
            async with asyncio.TaskGroup() as group:
                group.create_task(leave(3))
        asyncio.get_running_loop().call_soon(sys.exit, 4)
        async with asyncio.TaskGroup() as group:
            group.create_task(other())
        return "goes on"

    assert anyio.run(main, backend_options=loop_options()) == "goes on"
    assert ended == [1]
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "sys.exit(3) in a task or callback", "sys.exit(4) in a task or callback",
    ]  # fmt: skip


def test_an_exit_of_the_main_task_ends_the_loop() -> None:
    with pytest.raises(SystemExit) as exit_:
        anyio.run(leave, 5, backend_options=loop_options())
    assert exit_.value.code == 5
