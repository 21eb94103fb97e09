"""What a type checker makes of the logger. Checked by mypy, never run."""

from __future__ import annotations

from typing import assert_type

from opentelemetry.trace import Span

from runlog.logger import logger


async def answer(span: Span) -> int:
    return 42


async def traced() -> None:
    assert_type(await logger.trace("awaited", answer), int)
    assert_type(await logger.trace("awaited", lambda span: "text"), str)
    with logger.trace("block", {"a": 1}, b=2) as span:
        assert_type(span, Span)
    async with logger.trace("block"):
        pass


@logger.trace("decorated")
def shout(text: str, *, times: int = 1) -> str:
    return text.upper() * times


def messages() -> None:
    assert_type(shout("a", times=2), str)
    logger.info("message", {"a": 1}, b=object())
    logger.error("message", ValueError("bad"), exc_info=True)
    logger.warning(ValueError("bad"))
    logger.info()  # type: ignore[call-arg]
    logger.info("a", "b")  # type: ignore[arg-type]
    logger.info(message="a")  # type: ignore[call-arg]
