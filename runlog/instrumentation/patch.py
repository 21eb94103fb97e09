"""The patch that an instrumentation is given: it has a tracer, and keeps its errors out of the program."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ParamSpec

from opentelemetry.trace import Tracer, TracerProvider

from runlog.system.patch import Patch, Wrapper

P = ParamSpec("P")
MAX_ERRORS = 3
"""An instrumentation that failed so often is switched off: its wrappers only pass calls on."""


class InstrumentationPatch(Patch):
    """Changes a target. A wrapper that fails cannot break the call that it wraps."""

    def __init__(
        self,
        name: str,
        provider: TracerProvider,
        version: str | None = None,
        on_error: Callable[[Exception], object] | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.tracer_provider = provider
        self.tracer: Tracer = provider.get_tracer(f"runlog.instrumentation.{name}", version)
        self._on_error = on_error
        self._errors = 0

    @property
    def is_off(self) -> bool:
        """Whether it failed too often and does nothing any more."""
        return self._errors >= MAX_ERRORS

    def wrap(self, owner: Any, name: str, wrapper: Wrapper) -> None:
        """Like `Patch.wrap`, and the caller always gets what the wrapped function returned or raised.

        If `wrapper` itself raises an Exception, it is counted and reported, and the call goes on as if there were
        no wrapper: the function is called if it was not yet, and not again if it was.
        """
        guarded = self._guarded_async(wrapper) if inspect.iscoroutinefunction(wrapper) else self._guarded(wrapper)
        super().wrap(owner, name, guarded)

    def callback(self, function: Callable[P, object], *, ends: bool = False) -> Callable[P, None]:
        """Make a listener of `function` that raises nothing: its errors are counted and reported.

        With `ends`, it goes on being called when the instrumentation is switched off: it ends what another began.
        """

        def listener(*args: P.args, **kwargs: P.kwargs) -> None:
            if self.is_off and not ends:
                return
            try:
                function(*args, **kwargs)
            except Exception as error:  # noqa: BLE001
                self._failed(error)

        return listener

    def _failed(self, error: Exception) -> None:
        self._errors += 1
        if self._on_error is not None:
            self._on_error(error)

    def _guarded(self, wrapper: Wrapper) -> Wrapper:
        def guarded(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if self.is_off:
                return wrapped(*args, **kwargs)
            call = _Call(wrapped)
            try:
                return wrapper(call.run, instance, args, kwargs)
            except Exception as error:
                if error is call.error:
                    raise
                self._failed(error)
            return call.outcome() if call.started else wrapped(*args, **kwargs)

        return guarded

    def _guarded_async(self, wrapper: Wrapper) -> Wrapper:
        async def guarded(
            wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> Any:
            if self.is_off:
                return await wrapped(*args, **kwargs)
            call = _Call(wrapped)
            try:
                return await wrapper(call.run_async, instance, args, kwargs)
            except Exception as error:
                if error is call.error:
                    raise
                self._failed(error)
            return call.outcome() if call.started else await wrapped(*args, **kwargs)

        return guarded


class _Call:
    """What came of the wrapped function, in case its wrapper fails."""

    __slots__ = ("error", "result", "started", "wrapped")

    def __init__(self, wrapped: Callable[..., Any]) -> None:
        self.wrapped = wrapped
        self.started = False
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self, *args: Any, **kwargs: Any) -> Any:
        self.started = True
        try:
            self.result = self.wrapped(*args, **kwargs)
        except BaseException as error:
            self.error = error
            raise
        return self.result

    async def run_async(self, *args: Any, **kwargs: Any) -> Any:
        self.started = True
        try:
            self.result = await self.wrapped(*args, **kwargs)
        except BaseException as error:
            self.error = error
            raise
        return self.result

    def outcome(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.result
