from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runlog.config import Settings
from runlog.web.services import Services
from tests.cli.conftest import runlog
from tests.web.asking import Asked

__all__ = ["runlog"]


@pytest.fixture
def anyio_backend() -> str:
    """uvicorn is asyncio's."""
    return "asyncio"


@pytest.fixture
def settings(project: Path) -> Settings:
    return Settings.load(project)


@pytest.fixture
async def asked(settings: Settings, anyio_backend: str) -> AsyncIterator[Asked]:
    """The application of the project that the test stands in."""
    async with Services(settings) as services:
        yield Asked(settings, services)
