from __future__ import annotations

from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

import pytest

from runlog.executor import hooks as calls
from runlog.tasks.hooks import Hooks
from tests.executor.bench import Bench, open_bench


@pytest.fixture
async def bench(anyio_backend: Any) -> AsyncIterator[Bench]:
    async with open_bench(worker={"concurrency": 4, "grace": 0.2, "threads": 4}) as opened:
        yield opened


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> Hooks:
    """The hooks of all tasks, middleware and lifespans, of one test only."""
    hooks = Hooks()
    monkeypatch.setattr(calls, "hooks", hooks)
    monkeypatch.setattr(import_module("runlog.tasks.middleware"), "_registered", ())
    monkeypatch.setattr(import_module("runlog.tasks.lifespan"), "_registered", {})
    return hooks
