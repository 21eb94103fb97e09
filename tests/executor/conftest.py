from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.executor.bench import Bench, open_bench


@pytest.fixture
async def bench(anyio_backend: Any) -> AsyncIterator[Bench]:
    async with open_bench(worker={"concurrency": 4, "grace": 0.2, "threads": 4}) as opened:
        yield opened
