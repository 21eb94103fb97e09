"""Streams: chunks of a run as logs of their own name."""

from __future__ import annotations

import threading

import pytest

from runlog.errors import TaskError
from runlog.tasks.streams import stream
from tests.recorded import recording


def test_chunks_keep_their_order_and_what_they_are() -> None:
    with recording() as recorded:
        tokens = stream("tokens")
        for chunk in ("a ", "", "b\n", {"n": [1, None]}, 5):
            tokens.write(chunk)
        found = [(event.name, event.message, event.extra) for event in recorded.events(None)]
    plain = [("stream:tokens", text, None) for text in ("a ", "", "b\n")]
    data = [("stream:tokens", text, {"json": True}) for text in ('{"n":[1,null]}', "5")]
    assert found == plain + data


def test_any_thread_may_write_and_nothing_raises() -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError

    with recording() as recorded:
        threads = [threading.Thread(target=stream(f"s{number}").write, args=(Hostile(),)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {event.name for event in recorded.events(None)} == {"stream:s0", "stream:s1", "stream:s2"}


@pytest.mark.parametrize("name", ["", "a b", "x" * 129, "a\n", 5])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(TaskError, match="name of a stream"):
        stream(name)
