"""Records of the standard library's logging, taken into the run they belong to."""

from __future__ import annotations

import copy
import io
import logging
import logging.config
import logging.handlers
import pickle
import queue
import sys
import threading
from typing import Any

import anyio
import pytest

from runlog import capture
from runlog.config import Settings
from runlog.console import ConsoleSink
from runlog.logger import logger
from runlog.stores.base import DEBUG, ERROR, INFO, WARN
from runlog.system.patch import Patch
from runlog.tracing.provider import get_provider
from runlog.tracing.trace import trace
from tests.capture.capturing import capturing
from tests.recorded import in_run, recording

library = logging.getLogger("tests.library")


def test_a_record_has_level_source_message_extra_and_exception() -> None:
    with capturing() as (recorded, _):
        get_provider()
        library.setLevel(logging.DEBUG)
        with in_run("run_a"), trace("work") as span:
            library.debug("%s is %d", "x", 1)
            library.info("with extra", extra={"user": {"id": 7}, "plan": "pro"})
            library.warning("careful")
            library.log(25, "a level of one's own")
            library.critical("critical")
            try:
                raise ValueError("bad")
            except ValueError:
                library.exception("failed")
            ids = span.get_span_context()
        logs = recorded.logs("run_a")
        assert [(event.message, event.level) for event in logs] == [
            ("x is 1", DEBUG),
            ("with extra", INFO),
            ("careful", WARN),
            ("a level of one's own", INFO),
            ("critical", ERROR),
            ("failed", ERROR),
        ]
        assert {event.name for event in logs} == {"logging:tests.library"}
        assert {event.parent_id for event in logs} == {ids.span_id.to_bytes(8)}
        assert {event.trace_id for event in logs} == {ids.trace_id.to_bytes(16)}
        assert logs[0].attributes == {}
        assert logs[1].attributes == {"user.id": 7, "plan": "pro"}
        assert logs[3].attributes == {"logging.level": "Level 25"}
        assert logs[4].attributes == {"logging.level": "CRITICAL"}
        assert logs[5].extra is not None
        assert logs[5].extra["exception"]["message"] == "bad"


def test_outside_a_run_it_is_stored_under_no_run() -> None:
    with capturing() as (recorded, _):
        library.warning("outside")
        assert recorded.messages() == ["outside"]


def test_the_levels_of_logging_decide() -> None:
    with capturing() as (recorded, _):
        library.info("below the root's level")
        library.setLevel(logging.ERROR)
        library.warning("below its own")
        library.error("kept")
        assert recorded.messages() == ["kept"]


def test_a_program_s_own_configuration_works_and_changes_nothing() -> None:
    with capturing() as (recorded, _):
        output = io.StringIO()
        logging.basicConfig(stream=output, level=logging.INFO, format="%(levelname)s %(message)s")
        library.info("one")
        logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, "root": {"level": "DEBUG"}})
        library.debug("two")
        library.propagate = False
        library.debug("three")
        assert output.getvalue() == "INFO one\n"
        assert recorded.messages() == ["one", "two", "three"]


def test_a_queue_to_another_thread_keeps_the_run_and_doubles_nothing() -> None:
    with capturing() as (recorded, _):
        records: queue.SimpleQueue[Any] = queue.SimpleQueue()
        library.addHandler(logging.handlers.QueueHandler(records))
        with in_run("run_a"):
            library.warning("to a queue", extra={"n": 1})

        def listen() -> None:
            logging.getLogger("listener").handle(records.get())

        thread = threading.Thread(target=listen)
        thread.start()
        thread.join()
        assert [(event.message, event.attributes) for event in recorded.logs("run_a")] == [("to a queue", {"n": 1})]
        assert recorded.messages() == []


def test_a_record_handled_elsewhere_belongs_to_where_it_was_made() -> None:
    with capturing() as (recorded, _):
        with in_run("run_a"):
            record = library.makeRecord("made", logging.WARNING, __file__, 1, "made in the run", (), None)
        copied = copy.copy(record)
        thread = threading.Thread(target=library.handle, args=(copied,))
        thread.start()
        thread.join()
        assert recorded.messages("run_a") == ["made in the run"]
        assert recorded.messages() == []


def test_a_record_looks_as_ever() -> None:
    with capturing() as (_recorded, _):
        record = logging.makeLogRecord({"msg": "x", "custom": 1})
        assert isinstance(record, logging.LogRecord)
        assert set(vars(record)) == set(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"custom"}
        assert pickle.loads(pickle.dumps(record)).custom == 1


def test_a_record_factory_of_the_program_s_own_is_respected() -> None:
    with capturing() as (recorded, _):
        ours = logging.getLogRecordFactory()

        def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = ours(*args, **kwargs)
            record.custom = 1
            return record

        logging.setLogRecordFactory(factory)
        try:
            library.warning("hello")
            logging.setLogRecordFactory(logging.LogRecord)
            library.warning("plain")
        finally:
            logging.setLogRecordFactory(ours)
        assert [(event.message, event.attributes) for event in recorded.logs()] == [
            ("hello", {"custom": 1}),
            ("plain", {}),
        ]


class Chatty:
    """Logs whenever it is turned into text."""

    def __str__(self) -> str:
        library.warning("asked for my text: %s", self)
        return "chatty"


def test_a_value_that_logs_while_it_is_shown_ends() -> None:
    with capturing() as (recorded, _):
        library.addHandler(logging.NullHandler())  # anything else would turn it into text, and so on without end
        library.propagate = False
        with in_run("run_a"):
            library.warning("value: %s", Chatty())
        messages = recorded.messages("run_a")
        assert "value: chatty" in messages
        assert "asked for my text: %s" in messages
        assert len(messages) < 10


def test_a_handler_that_logs_does_not_recurse() -> None:
    with capturing() as (recorded, _):
        other = logging.getLogger("tests.other")

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                other.warning("from the handler")
                logger.info("from the handler, too")

        library.addHandler(Handler())
        library.warning("hello")
        assert sorted(recorded.messages()) == ["from the handler", "from the handler, too", "hello"]


def test_arguments_that_do_not_fit_are_recorded_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    with capturing() as (recorded, _):
        monkeypatch.setattr(logging, "raiseExceptions", False)
        library.warning("%d of %s", "x")
        library.warning({"not": "text"})
        library.warning("plain %s")
        messages = recorded.messages()
        assert messages[0].startswith("%d of %s")
        assert "x" in messages[0]
        assert messages[1:] == ["{'not': 'text'}", "plain %s"]


@pytest.mark.parametrize("name", ["runlog", "runlog.tracing.export", "opentelemetry.sdk.trace.export"])
def test_what_runlog_and_the_sdk_say_is_no_part_of_a_run(name: str) -> None:
    with capturing() as (recorded, _):
        with in_run("run_a"):
            logging.getLogger(name).error("an exporter failed")
        assert recorded.messages("run_a") == []
        assert recorded.messages() == []


def test_what_a_handler_prints_is_not_recorded_a_second_time(capsys: pytest.CaptureFixture[str]) -> None:
    with capturing() as (recorded, _):
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        with in_run("run_a"):
            library.info("once")
            print("printed", file=sys.stderr)
        assert capsys.readouterr().err == "once\nprinted\n"
        assert recorded.messages("run_a") == ["once", "printed"]


def test_without_handlers_a_warning_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    with capturing() as (recorded, _):
        library.warning("by the last resort")
        assert capsys.readouterr().err == "by the last resort\n"
        output = io.StringIO()
        sink = ConsoleSink(Settings(), output)
        recorded.recorder.add_sink(sink)
        library.warning("by the console")
        recorded.recorder.flush(10)
        recorded.recorder.remove_sink(sink)
        sink.close(10)
        assert "[tests.library] by the console" in output.getvalue()
        assert capsys.readouterr().err == ""


def test_switched_off_means_untouched() -> None:
    patch, before = Patch(), logging.Logger.callHandlers
    with recording(capture={"logging": False}) as recorded:
        capture.install(recorded.settings, patch)
        assert logging.Logger.callHandlers is before
        library.warning("not taken")
        patch.undo()
        assert recorded.messages() == []


def test_uninstalling_restores_everything() -> None:
    def state() -> tuple[object, ...]:
        return (
            vars(logging.Logger)["callHandlers"],
            logging.getLogRecordFactory(),
            logging.lastResort,
            list(logging.root.handlers),
            sys.stdout,
            sys.stderr,
        )

    before = state()
    with recording() as recorded:
        first, second = Patch(), Patch()
        capture.install(recorded.settings, first)
        assert state() != before
        capture.install(recorded.settings, second)
        library.warning("once")
        assert second.undo() == []
        library.warning("still once")
        assert first.undo() == []
        assert state() == before
        library.warning("no more")
        assert recorded.messages() == ["once", "still once"]


@pytest.mark.anyio
async def test_a_thousand_runs_do_not_mix() -> None:
    with capturing() as (recorded, _):
        library.setLevel(logging.INFO)

        async def one(number: int) -> None:
            with in_run(f"run_{number}"):
                for _ in range(3):
                    library.info("of run %d", number)
                    await anyio.sleep(0)

        async with anyio.create_task_group() as group:
            for number in range(1000):
                group.start_soon(one, number)
        for number in range(0, 1000, 37):
            assert recorded.messages(f"run_{number}") == [f"of run {number}"] * 3
        assert recorded.messages() == []
