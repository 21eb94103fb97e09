"""The SQLAlchemy instrumentation against real SQLite files, sync and async."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import pytest
from opentelemetry.trace import get_current_span
from runlog_instrumentation_sqlalchemy import SqlalchemyInstrumentation
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, event, insert, select, text
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from runlog.testing import InstrumentationSuite, Telemetry

HAS_ASYNC = find_spec("greenlet") is not None
if HAS_ASYNC:
    from sqlalchemy.ext.asyncio import create_async_engine

USERS = Table("users", MetaData(), Column("id", Integer, primary_key=True), Column("name", String(40)))
needs_greenlet = pytest.mark.skipif(not HAS_ASYNC, reason="asynchronous SQLAlchemy needs greenlet")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine that was made, and used, before anything is installed."""
    engine = create_engine(f"sqlite:///{tmp_path / 'data.db'}")
    USERS.metadata.create_all(engine)
    yield engine
    engine.dispose()


def raising(error: Exception) -> Callable[..., Any]:
    def do_execute(cursor: Any, statement: str, parameters: Any, context: Any) -> None:
        raise error

    return do_execute


class TestConformance(InstrumentationSuite):
    instrumentation = SqlalchemyInstrumentation
    backends = ("asyncio",) if HAS_ASYNC else ()

    @contextmanager
    def environment(self) -> Iterator[None]:
        self.engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        yield
        self.engine.dispose()

    def call(self) -> object:
        with self.engine.connect() as connection:
            return list(connection.execute(text("select 1 union select 2")).all())

    async def call_async(self) -> object:
        engine = create_async_engine("sqlite+aiosqlite://")
        async with engine.connect() as connection:
            rows = (await connection.execute(text("select 1 union select 2"))).all()
        await engine.dispose()
        return list(rows)

    def call_raising(self, error: Exception) -> None:
        engine = create_engine("sqlite://", poolclass=StaticPool)
        try:
            with engine.connect() as connection:
                event.listen(engine, "do_execute", raising(error))
                connection.execute(text("select 1"))
        finally:
            engine.dispose()


def test_a_statement_is_described_by_the_conventions(telemetry: Telemetry, engine: Engine, tmp_path: Path) -> None:
    telemetry.install(SqlalchemyInstrumentation)
    with engine.begin() as connection:
        connection.execute(text("UPDATE users SET name = 'secret' WHERE id = :id"), {"id": 7})
    (span,) = telemetry.spans
    assert span.name == "UPDATE users"
    assert span.attributes == {
        "db.system.name": "sqlite",
        "db.namespace": str(tmp_path / "data.db"),
        "db.operation.name": "UPDATE",
        "db.query.summary": "UPDATE users",
        "db.query.text": "UPDATE users SET name = ? WHERE id = ?",
        "db.response.affected_rows": 0,
    }
    assert (span.extra or {})["kind"] == "CLIENT"


def test_core_and_orm_statements_are_one_span_each(telemetry: Telemetry, engine: Engine) -> None:
    telemetry.install(SqlalchemyInstrumentation)
    with Session(engine) as session:
        session.execute(insert(USERS), [{"name": "a"}, {"name": "b"}])
        session.commit()
        assert len(session.execute(select(USERS)).all()) == 2
    assert telemetry.tree() == "INSERT users\nSELECT users"
    assert telemetry.spans[0].attributes["db.operation.batch.size"] == 2
    assert telemetry.spans[0].attributes["db.response.affected_rows"] == 2


def test_an_engine_with_other_options_is_traced(telemetry: Telemetry, engine: Engine) -> None:
    telemetry.install(SqlalchemyInstrumentation)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("select 1"))
    assert telemetry.tree() == "SELECT"


def test_an_error_is_recorded_and_raised_as_it_is(telemetry: Telemetry, engine: Engine) -> None:
    telemetry.install(SqlalchemyInstrumentation)
    with engine.connect() as connection, pytest.raises(OperationalError) as caught:
        connection.execute(text("select * from nowhere"))
    assert isinstance(caught.value.orig, sqlite3.OperationalError)
    (span,) = telemetry.spans
    assert (span.status, span.attributes["error.type"]) == ("error", "OperationalError")
    assert (span.extra or {})["exception"]["message"] == "no such table: nowhere"


def test_an_error_is_seen_though_another_listener_replaces_it(telemetry: Telemetry, engine: Engine) -> None:
    @event.listens_for(engine, "handle_error")
    def replace(context: Any) -> None:
        raise ValueError("replaced")

    telemetry.install(SqlalchemyInstrumentation)
    with engine.connect() as connection, pytest.raises(ValueError, match="replaced"):
        connection.execute(text("select nope"))
    assert telemetry.tree() == "SELECT [error]"


def test_a_listener_that_refuses_a_statement_leaves_no_span(telemetry: Telemetry, engine: Engine) -> None:
    @event.listens_for(engine, "before_cursor_execute")
    def refuse(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "users" in statement:
            raise PermissionError(statement)

    telemetry.install(SqlalchemyInstrumentation)
    with engine.connect() as connection:
        with pytest.raises(PermissionError):
            connection.execute(select(USERS))
        connection.execute(text("select 1"))
    assert telemetry.tree() == "SELECT"  # and under nothing


def test_a_count_that_is_not_known_yet_is_not_told(telemetry: Telemetry, engine: Engine) -> None:
    telemetry.install(SqlalchemyInstrumentation)
    with engine.begin() as connection:
        connection.execute(insert(USERS).returning(USERS.c.name), {"name": "a"}).all()
    assert "db.response.affected_rows" not in telemetry.spans[0].attributes


def test_no_span_is_left_open_where_errors_are_not_told(telemetry: Telemetry, engine: Engine) -> None:
    telemetry.install(SqlalchemyInstrumentation)
    quiet = engine.connect().execution_options(skip_user_error_events=True)
    with quiet as connection, pytest.raises(OperationalError):
        connection.execute(text("select nope"))
    assert telemetry.open_spans == []


def test_transactions_have_spans_if_asked_for(telemetry: Telemetry, engine: Engine) -> None:
    telemetry.install(SqlalchemyInstrumentation, transactions=True)
    with engine.begin() as connection:
        connection.execute(insert(USERS), {"name": "a"})
    with engine.connect() as connection:
        connection.execute(select(USERS))
        connection.rollback()
    assert telemetry.tree().split("\n") == ["BEGIN", "INSERT users", "COMMIT", "BEGIN", "SELECT users", "ROLLBACK"]


def test_statements_are_left_out_if_asked_for(telemetry: Telemetry, engine: Engine) -> None:
    telemetry.install(SqlalchemyInstrumentation, capture_statement=False)
    with engine.connect() as connection:
        connection.execute(select(USERS))
    (span,) = telemetry.spans
    assert "db.query.text" not in span.attributes
    assert span.name == "SELECT users"


def test_a_text_that_is_not_clear_is_dropped_whole(telemetry: Telemetry, engine: Engine) -> None:
    telemetry.install(SqlalchemyInstrumentation)
    with engine.connect() as connection, pytest.raises(OperationalError):
        connection.execute(text("select 'a secret that never ends"))
    (span,) = telemetry.spans
    assert "db.query.text" not in span.attributes
    assert span.name == "SELECT"


def test_a_slow_statement_is_marked_and_logged_under_its_span(telemetry: Telemetry, engine: Engine) -> None:
    telemetry.install(SqlalchemyInstrumentation, slow_query_threshold=0.05)
    with engine.connect() as connection:
        raw = cast("sqlite3.Connection", connection.connection.dbapi_connection)
        raw.create_function("wait", 0, lambda: time.sleep(0.06))
        connection.execute(text("select wait()"))
        connection.execute(text("select 1"))
    slow, fast = telemetry.spans
    assert slow.attributes["db.query.slow"] is True
    assert "db.query.slow" not in fast.attributes
    (log,) = telemetry.logs
    assert log.parent_id == slow.span_id
    assert telemetry.tree().startswith("SELECT\n  warn: slow query: 0.0")


def test_listeners_come_off_and_those_of_others_stay(telemetry: Telemetry, engine: Engine) -> None:
    heard: list[str] = []
    assert (Engine._has_events, Dialect._has_events) == (False, False)
    telemetry.install(SqlalchemyInstrumentation)
    assert (Engine._has_events, Dialect._has_events) == (True, True)
    telemetry.uninstall()
    assert (Engine._has_events, Dialect._has_events) == (False, False)

    def listener(connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
        heard.append(statement)

    telemetry.install(SqlalchemyInstrumentation)
    event.listen(Engine, "before_cursor_execute", listener)
    try:
        telemetry.uninstall()
        with engine.connect() as connection:
            connection.execute(text("select 1"))
        assert heard == ["select 1"]
        assert telemetry.spans == []
    finally:
        event.remove(Engine, "before_cursor_execute", listener)
        Engine._has_events = False


@needs_greenlet
def test_async_engines_made_before_are_traced(telemetry: Telemetry, tmp_path: Path) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'async.db'}")
    telemetry.install(SqlalchemyInstrumentation)

    async def main() -> None:
        with telemetry.tracer.start_as_current_span("outer"):
            async with engine.begin() as connection:
                await connection.run_sync(USERS.metadata.create_all)
                telemetry.clear()
                await connection.execute(insert(USERS), {"name": "a"})
                async for _ in await connection.stream(select(USERS)):
                    pass
        await engine.dispose()

    asyncio.run(main())
    assert telemetry.tree() == "outer\n  INSERT users\n  SELECT users"


@needs_greenlet
def test_a_cancelled_statement_is_cancelled_and_its_span_ends(telemetry: Telemetry) -> None:
    telemetry.install(SqlalchemyInstrumentation)

    async def execute(started: asyncio.Event) -> None:
        engine = create_async_engine("sqlite+aiosqlite://")
        loop = asyncio.get_running_loop()

        def wait() -> int:
            loop.call_soon_threadsafe(started.set)
            time.sleep(0.1)  # in the thread of the database: longer than it takes to cancel
            return 1

        try:
            async with engine.connect() as connection:
                raw = await connection.get_raw_connection()
                await cast("Any", raw.driver_connection).create_function("wait", 0, wait)
                await connection.execute(text("select wait()"))
        finally:
            await engine.dispose()

    async def main() -> None:
        started = asyncio.Event()
        task = asyncio.create_task(execute(started))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert telemetry.open_spans == []
    assert [span.status for span in telemetry.spans] == ["canceled"]


@needs_greenlet
def test_the_driver_under_an_async_engine_knows_of_the_statements_span(telemetry: Telemetry) -> None:
    """So an instrumentation of `sqlite3` knows that it is covered there, too."""
    telemetry.install(SqlalchemyInstrumentation)
    current: list[str] = []

    def note() -> None:
        current.append(getattr(get_current_span(), "name", "none"))

    async def work() -> None:
        engine = create_async_engine("sqlite+aiosqlite://")
        async with engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.create_function("note", 0, note)
            await connection.execute(text("select note()"))
        await engine.dispose()

    asyncio.run(work())
    assert current == ["SELECT"]
