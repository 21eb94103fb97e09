"""Traces SQLAlchemy 2: a span for each statement that a database is asked to execute.

It listens to events of the classes `Engine` and `Dialect`, so engines made before it are traced too, sync and async,
and it needs no greenlet where SQLAlchemy itself needs none. Events come off again by the same call.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from typing import Annotated, Any
from weakref import WeakKeyDictionary

from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.semconv.attributes.db_attributes import (
    DB_NAMESPACE,
    DB_OPERATION_BATCH_SIZE,
    DB_OPERATION_NAME,
    DB_QUERY_SUMMARY,
    DB_QUERY_TEXT,
    DB_SYSTEM_NAME,
)
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.trace import Span, SpanKind
from pydantic import Field
from sqlalchemy import event
from sqlalchemy.engine import Connection, Dialect, Engine, ExceptionContext, ExecutionContext

from runlog.instrumentation import Instrumentation, InstrumentationPatch, Options, Target
from runlog.instrumentation.catalogue import DATABASE_DRIVERS
from runlog.instrumentation.sql import sanitized
from runlog.logger import logger
from runlog.tracing.propagation import copy_context

# Names of the OpenTelemetry conventions, where SQLAlchemy's differ.
_SYSTEMS = {"mssql": "microsoft.sql_server", "oracle": "oracle.db"}
_RETURNED_ROWS = "db.response.returned_rows"
_AFFECTED_ROWS = "db.response.affected_rows"
_CHANGING = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"})
_SLOW = "db.query.slow"
_TRANSACTIONS = {"_begin_impl": "BEGIN", "_commit_impl": "COMMIT", "_rollback_impl": "ROLLBACK"}


class SqlalchemyOptions(Options):
    """Options of the SQLAlchemy instrumentation."""

    capture_statement: bool = True
    """Keep the statement, with `?` for each literal. Bound parameters are never kept."""
    slow_query_threshold: Annotated[float, Field(gt=0)] | None = None
    """Seconds from which a statement is marked as slow (`db.query.slow`) and a warning logged under its span."""
    transactions: bool = False
    """Whether BEGIN, COMMIT and ROLLBACK have spans."""


class SqlalchemyInstrumentation(Instrumentation[SqlalchemyOptions]):
    """Traces statements through every `sqlalchemy.Engine`, sync and async."""

    name = "sqlalchemy"
    targets = (Target("sqlalchemy", "sqlalchemy", ">=2.0,<2.2"),)
    covers = DATABASE_DRIVERS

    def install(self, patch: InstrumentationPatch, options: SqlalchemyOptions) -> None:
        queries = _Queries(patch, options)
        # The span is of the statement, not of others' listeners: it starts behind all of `before_cursor_execute`, where
        # what one of them raises is told to nobody in 2.0, and is the first to know of the end.
        for name, listener in (
            ("do_execute", queries.execute),
            ("do_executemany", queries.execute_many),
            ("do_execute_no_params", queries.execute_plain),
        ):
            _listen(patch, name, patch.callback(listener), insert=True)
        _listen(patch, "after_cursor_execute", patch.callback(queries.after, ends=True), insert=True)
        _listen(patch, "handle_error", patch.callback(queries.failed, ends=True), insert=True)
        with suppress(ImportError, AttributeError):  # where there is none, or one of another make
            from aiosqlite import Connection as AioConnection

            patch.wrap(AioConnection, "_execute", _execute_in_context)
        if options.transactions:
            for method, name in _TRANSACTIONS.items():
                patch.wrap(Connection, method, queries.transaction(name))


class _Query:
    """A statement that is being executed."""

    __slots__ = ("manager", "operation", "span", "start")

    def __init__(self, manager: AbstractContextManager[Span], operation: str) -> None:
        self.manager, self.operation = manager, operation
        self.span = manager.__enter__()
        self.start = time.perf_counter()


class _Queries:
    def __init__(self, patch: InstrumentationPatch, options: SqlalchemyOptions) -> None:
        self._tracer, self._options = patch.tracer, options
        self._running: WeakKeyDictionary[ExecutionContext, list[_Query]] = WeakKeyDictionary()
        self._attributes: WeakKeyDictionary[Dialect, dict[str, str | int]] = WeakKeyDictionary()

    def execute(self, _cursor: Any, statement: str, _parameters: Any, context: ExecutionContext | None) -> None:
        self._begin(statement, context)

    def execute_many(self, _cursor: Any, statement: str, parameters: Any, context: ExecutionContext | None) -> None:
        self._begin(statement, context, len(parameters) if isinstance(parameters, list | tuple) else 0)

    def execute_plain(self, _cursor: Any, statement: str, context: ExecutionContext | None) -> None:
        self._begin(statement, context)

    def _begin(self, statement: str, context: ExecutionContext | None, count: int = 1) -> None:
        if context is None or not is_instrumentation_enabled():
            return
        connection = context.root_connection
        # SQLAlchemy tells nobody of errors on such a connection, so a span would never end.
        if connection.get_execution_options().get("skip_user_error_events"):
            return
        safe = sanitized(statement, connection.dialect.name)
        attributes: dict[str, str | int] = dict(self._of(connection))
        if safe.operation:
            attributes[DB_OPERATION_NAME] = safe.operation
            attributes[DB_QUERY_SUMMARY] = safe.summary
        if self._options.capture_statement and safe.text is not None:
            attributes[DB_QUERY_TEXT] = safe.text
        if count > 1:
            attributes[DB_OPERATION_BATCH_SIZE] = count
        manager = self._tracer.start_as_current_span(
            safe.summary or connection.dialect.name, kind=SpanKind.CLIENT, attributes=attributes
        )
        self._running.setdefault(context, []).append(_Query(manager, safe.operation))

    def after(
        self, connection: Connection, cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool
    ) -> None:
        query = self._taken(context)
        if query is None:
            return
        try:
            rows = getattr(cursor, "rowcount", None)
            # SQLite's count is 0 until all that RETURNING gives is fetched.
            is_known = connection.dialect.name != "sqlite" or cursor.description is None
            if isinstance(rows, int) and rows >= 0 and is_known:
                key = _AFFECTED_ROWS if query.operation in _CHANGING else _RETURNED_ROWS
                query.span.set_attribute(key, rows)
            self._check_slow(query)
        finally:
            query.manager.__exit__(None, None, None)

    def failed(self, context: ExceptionContext) -> None:
        query = self._taken(context.execution_context)
        if query is None:
            return
        error = context.original_exception
        if isinstance(error, Exception):
            query.span.set_attribute(ERROR_TYPE, type(error).__qualname__)
        self._check_slow(query)
        query.manager.__exit__(type(error), error, error.__traceback__)

    def transaction(self, name: str) -> Callable[..., Any]:
        def call(wrapped: Callable[..., Any], connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if not is_instrumentation_enabled():
                return wrapped(*args, **kwargs)
            attributes = {**self._of(connection), DB_OPERATION_NAME: name}
            with self._tracer.start_as_current_span(name, kind=SpanKind.CLIENT, attributes=attributes):
                return wrapped(*args, **kwargs)

        return call

    def _taken(self, context: ExecutionContext | None) -> _Query | None:
        running = self._running.get(context) if context is not None else None
        if not running:
            return None
        assert context is not None
        query = running.pop()
        if not running:
            del self._running[context]
        return query

    def _check_slow(self, query: _Query) -> None:
        threshold = self._options.slow_query_threshold
        seconds = time.perf_counter() - query.start
        if threshold is not None and seconds >= threshold:
            query.span.set_attributes({_SLOW: True})
            logger.warn("slow query: {seconds} s", {"seconds": round(seconds, 3), "threshold": threshold})

    def _of(self, connection: Connection) -> dict[str, str | int]:
        """Return the attributes that all statements of an engine share."""
        known = self._attributes.get(connection.dialect)
        if known is None:
            url = connection.engine.url
            name = connection.dialect.name
            known = {DB_SYSTEM_NAME: _SYSTEMS.get(name, name)}
            values = {DB_NAMESPACE: url.database, SERVER_ADDRESS: url.host, SERVER_PORT: url.port}
            known.update({key: value for key, value in values.items() if value})
            self._attributes[connection.dialect] = known
        return known


async def _execute_in_context(
    wrapped: Callable[..., Awaitable[Any]], _connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """aiosqlite executes in a thread, where nobody would know of the statement's span."""
    function, *rest = args
    return await wrapped(copy_context(function), *rest, **kwargs)


def _listen(patch: InstrumentationPatch, name: str, listener: Callable[..., None], *, insert: bool = False) -> None:
    owner: Any = Engine if name == "after_cursor_execute" else Dialect  # where SQLAlchemy takes down that there is one
    had_events = owner._has_events
    event.listen(Engine, name, listener, insert=insert)

    def remove() -> None:
        event.remove(Engine, name, listener)
        if not had_events and not _has_listeners(owner):
            owner._has_events = False

    patch.defer(remove)


def _has_listeners(owner: Any) -> bool:
    """Say whether anyone listens to a whole class."""
    names = owner.dispatch._event_names
    return any(getattr(owner.dispatch, name)._clslevel.get(owner) for name in names)
