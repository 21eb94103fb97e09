"""The logger: what it records, where, and that it never gets in the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from runlog.config import Settings
from runlog.logger import logger
from runlog.stores import open_reader
from runlog.stores.base import DEBUG, ERROR, INFO, WARN
from runlog.tracing.provider import get_provider
from runlog.tracing.trace import trace
from tests.recorded import Recorded, in_run, recording


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    with recording(log={"level": "debug"}) as recorded:
        yield recorded


def test_every_level_is_recorded_with_its_attributes(recorded: Recorded) -> None:
    logger.debug("one", {"n": 1})
    logger.log("two", n=2)
    logger.info("three", {"n": 0, "m": "x"}, n=3)
    logger.warn("four")
    logger.warning("five")
    logger.error("six", {"user.id": 7, "nested": {"a": {"b": True}}, "list": [1, 2]})
    logs = recorded.logs()
    assert [(event.message, event.level) for event in logs] == [
        ("one", DEBUG),
        ("two", INFO),
        ("three", INFO),
        ("four", WARN),
        ("five", WARN),
        ("six", ERROR),
    ]
    assert [event.attributes for event in logs[:4]] == [{"n": 1}, {"n": 2}, {"n": 3, "m": "x"}, {}]
    assert logs[5].attributes == {"user.id": 7, "nested.a.b": True, "list": [1, 2]}
    assert {event.name for event in logs} == {"logger"}
    assert {event.run_id for event in logs} == {None}
    assert all(event.time > 0 and event.span_id is None for event in logs)


def test_any_name_may_be_an_attribute(recorded: Recorded) -> None:
    logger.info("hello", message=1, mapping=2, self=3, level=4)
    assert recorded.logs()[0].attributes == {"message": 1, "mapping": 2, "self": 3, "level": 4}


def test_a_template_is_stored_as_it_is(recorded: Recorded) -> None:
    logger.info("user {name} %s {0.__class__}", name="Ada")
    assert recorded.messages() == ["user {name} %s {0.__class__}"]


@pytest.mark.parametrize(("level", "expected"), [("debug", "dliwe"), ("info", "liwe"), ("warn", "we"), ("error", "e")])
def test_the_level_of_the_settings_leaves_out_what_is_below(level: str, expected: str) -> None:
    with recording(log={"level": level}) as recorded:
        for name in ("debug", "log", "info", "warn", "error"):
            getattr(logger, name)(name[0])
        assert "".join(recorded.messages()) == expected


def test_the_environment_s_level_wins(monkeypatch: pytest.MonkeyPatch, project: Any) -> None:
    (project / "runlog.toml").write_text('[log]\nlevel = "debug"\n')
    monkeypatch.setenv("RUNLOG_LOG_LEVEL", "ERROR")
    with recording() as recorded:
        logger.warn("left out")
        logger.error("kept")
        assert recorded.messages() == ["kept"]


def test_records_belong_to_their_run_and_span(recorded: Recorded) -> None:
    get_provider()
    with in_run("run_a"):
        logger.info("in the run")
        with trace("work") as span:
            logger.info("in the span")
            ids = span.get_span_context()
    logger.info("outside")
    first, second = recorded.logs("run_a")
    assert (first.message, first.parent_id) == ("in the run", None)
    assert (second.message, second.parent_id) == ("in the span", ids.span_id.to_bytes(8))
    assert second.trace_id == ids.trace_id.to_bytes(16)
    assert recorded.messages() == ["outside"]


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def test_exceptions_are_recorded_whole(recorded: Recorded) -> None:
    error = raised(ValueError("bad"))
    error.add_note("a note")
    try:
        raise error
    except ValueError:
        logger.exception("by itself", n=1)
        logger.error("by exc_info", exc_info=True)
        logger.warn("switched off", exc_info=False)
    logger.error("in the place of a mapping", error)
    logger.error("as an attribute", cause=error)
    logger.info("a tuple", exc_info=(type(error), error, error.__traceback__))
    logger.error(error)
    logger.exception("none is being handled")
    *described, _ = logs = recorded.logs()
    for event in described:
        if event.message == "switched off":
            assert not (event.extra or {}).get("exception")
            continue
        assert event.extra is not None
        exception = event.extra["exception"]
        assert (exception["type"], exception["message"], exception["notes"]) == ("ValueError", "bad", ["a note"])
        assert exception["frames"][-1]["source"]
        assert "exc_info" not in event.attributes
    assert logs[0].attributes == {"n": 1}
    assert "bad" in str(logs[4].attributes["cause"])
    assert "bad" in logs[-2].message
    assert logs[-1].extra is None
    assert logs[-1].attributes == {}


@dataclass
class Item:
    name: str


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __format__ = __str__  # type: ignore[assignment]

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("no class")


class HostileMapping(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("no item")

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no keys")


def test_nothing_that_is_given_to_it_makes_it_raise(recorded: Recorded) -> None:
    cyclic: dict[str, Any] = {}
    cyclic["self"] = cyclic
    log: Any = logger.info
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        (("hostile", {"a": Hostile()}), {}),
        (("hostile mapping", HostileMapping()), {"b": 1}),
        ((Hostile(),), {}),
        (("cyclic", cyclic), {}),
        (("no mapping", 5), {}),
        (("an item", Item("x")), {"n": 1}),
        (("keys", {1: 2, None: 3}), {}),
        (("huge", {"text": "x" * 1_000_000}), {}),
        (("x" * 1_000_000,), {}),
        (("surrogate \udc80 \x00",), {}),
        ((None,), {}),
        (("hostile as exc_info",), {"exc_info": Hostile()}),
    ]
    for args, kwargs in calls:
        log(*args, **kwargs)
    logs = recorded.logs()
    assert len(logs) == len(calls)
    assert logs[1].message == "hostile mapping"
    assert logs[1].attributes["b"] == 1
    assert logs[5].attributes == {"name": "x", "n": 1}


def test_an_interrupt_passes(recorded: Recorded) -> None:
    class Interrupting(Mapping[str, Any]):
        def __getitem__(self, key: str) -> Any: ...
        def __len__(self) -> int:
            raise KeyboardInterrupt

        __iter__ = __len__  # type: ignore[assignment]

        def keys(self) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        logger.info("x", Interrupting(), a=1)


def test_many_threads_lose_nothing(recorded: Recorded) -> None:
    def work(number: int) -> None:
        for count in range(300):
            logger.info("m", thread=number, count=count)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = {(event.attributes["thread"], event.attributes["count"]) for event in recorded.logs()}
    assert len(seen) == 2400


def test_a_signal_handler_may_log(recorded: Recorded) -> None:
    interrupted = 0

    def handler(number: int, frame: object) -> None:
        nonlocal interrupted
        interrupted += 1
        logger.warn("in the handler")

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    count = 0
    try:
        while interrupted < 20:
            logger.info("interrupted", count=count)
            count += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    messages = recorded.messages()
    assert messages.count("in the handler") == interrupted
    assert messages.count("interrupted") == count


@pytest.mark.anyio
async def test_concurrent_runs_do_not_mix(recorded: Recorded) -> None:
    async def one(number: int) -> None:
        with in_run(f"run_{number}"):
            for count in range(3):
                logger.info("step", number=number, count=count)
                await anyio.sleep(0)
                await anyio.to_thread.run_sync(logger.info, "in a thread", {"number": number})

    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(one, number)
    for number in range(100):
        events = recorded.logs(f"run_{number}")
        assert len(events) == 6
        assert {event.attributes["number"] for event in events} == {number}
    assert recorded.logs() == []


def test_a_noisy_run_is_limited_and_costs_a_quiet_one_nothing() -> None:
    with recording(log={"rate": 50}) as recorded:
        with in_run("run_noisy"):
            for _ in range(500):
                logger.info("noise")
            for _ in range(100):
                logger.error("failure")
        with in_run("run_quiet"):
            for _ in range(40):
                logger.info("quiet")
        messages = recorded.messages("run_noisy")
        assert 50 <= messages.count("noise") <= 150  # the loop may cross from one second into the next
        assert messages.count("failure") == 100
        assert recorded.messages("run_quiet").count("quiet") == 40
        assert sum(recorded.recorder.statistics().refused.values()) == 500 - messages.count("noise")


@pytest.mark.parametrize("level", ["debug", "info", "log", "warn", "warning", "error", "exception"])
def test_every_method_says_what_it_takes(level: str) -> None:
    with pytest.raises(TypeError):
        getattr(logger, level)()
    with pytest.raises(TypeError):
        getattr(logger, level)("a", {}, "too many")


def test_trace_is_the_one_of_tracing() -> None:
    assert logger.trace is trace
    assert logger.trace is trace


def run_program(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, **environment},
    )


def test_it_works_without_any_opening_and_shows_what_it_records() -> None:
    done = run_program("from runlog.logger import logger\nlogger.info('user {name}', name='Ada')\nlogger.debug('no')")
    assert "INFO  user Ada  name=Ada" in done.stderr
    assert "\x1b" not in done.stderr
    reader = open_reader(Settings.load())
    assert [(event.message, event.attributes) for event in reader.events(None)] == [("user {name}", {"name": "Ada"})]
    reader.close()


def test_logging_while_the_interpreter_exits_is_no_failure() -> None:
    program = (
        "import atexit\nfrom runlog.logger import logger\n"
        "class Late:\n    def __del__(self):\n        logger.info('from __del__')\n"
        "late = Late()\natexit.register(logger.info, 'at exit')\nlogger.info('first')\n"
    )
    assert "Traceback" not in run_program(program).stderr


def test_importing_and_using_the_logger_loads_no_sdk_and_no_rich() -> None:
    program = (
        "import json, sys\nfrom runlog.logger import logger\nlogger.info('x')\n"
        "print(json.dumps([name for name in ('opentelemetry.sdk', 'rich', 'typer') if name in sys.modules]))"
    )
    assert json.loads(run_program(program, RUNLOG_CONSOLE="false").stdout) == []
