"""What every instrumentation must do, as tests: derive a class from `InstrumentationSuite` in your own tests."""

from __future__ import annotations

import importlib.util
import inspect
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import anyio
import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, Tracer, TracerProvider

from runlog.instrumentation import Instrumentation, Instrumentations
from runlog.stores.base import Event
from runlog.testing.telemetry import Telemetry
from runlog.tracing.attach import SUPPRESS_KEY

BACKENDS = ("asyncio", "trio")
_CONCURRENT = 5


class InstrumentationSuite:
    """Tests of an instrumentation. Set `instrumentation` and write `call`; write the others where the target has them.

    ```python
    class TestSmtp(InstrumentationSuite):
        instrumentation = SmtpInstrumentation

        def call(self):
            return send_one_mail()
    ```

    A test whose method is not written is skipped. The file must be loadable on its own: it is, in a fresh process,
    once before the instrumentation is installed and once after.
    """

    instrumentation: ClassVar[type[Instrumentation[Any]]]
    options: ClassVar[Mapping[str, Any]] = {}
    spans_per_call: ClassVar[int] = 1
    backends: ClassVar[tuple[str, ...]] = BACKENDS
    """The event loops on which `call_async` works."""
    telemetry: Telemetry

    @contextmanager
    def environment(self) -> Iterator[None]:
        """What calls need, such as a server; it may set attributes of `self`."""
        yield

    def call(self) -> object:
        """Make one call that is traced; return something of its result that is equal each time."""
        raise NotImplementedError

    async def call_async(self) -> object:
        """Like `call`, asynchronously."""
        raise NotImplementedError

    def call_raising(self, error: Exception) -> None:
        """Make a traced call out of which `error` itself comes: from a callback, a transport, a driver of your own."""
        raise NotImplementedError

    async def call_async_raising(self, error: Exception) -> None:
        """Like `call_raising`, asynchronously."""
        raise NotImplementedError

    async def call_forever(self, started: Callable[[], None]) -> None:
        """Make a traced call that waits until it is cancelled, and call `started` once it waits."""
        raise NotImplementedError

    # --- the tests ---------------------------------------------------------------------------------------------

    @pytest.fixture(autouse=True)
    def _prepare(self, telemetry: Telemetry) -> Iterator[None]:
        self.telemetry = telemetry
        with self.environment():
            yield

    def test_every_call_is_traced_while_it_is_installed(self) -> None:
        call = self._any_call()
        for _ in range(3):
            self._install()
            self.telemetry.uninstall()
        call()
        assert self._traced() == []
        self._install()
        call()
        call()
        assert len(self._traced()) == 2 * self.spans_per_call
        self.telemetry.uninstall()
        call()
        assert len(self._traced()) == 2 * self.spans_per_call
        assert self.telemetry.open_spans == []

    def test_uninstalling_restores_what_was_there(self) -> None:
        call = self._any_call()
        call()  # what the target sets up at its first use is no change of ours
        before = _functions(self._packages())
        self._install()
        call()
        self.telemetry.uninstall()
        assert self.telemetry.instrumentations.states[-1].notes == []
        assert _differences(before, _functions(self._packages())) == []

    @pytest.mark.parametrize("order", ["target first", "instrumentation first"])
    def test_import_order_does_not_matter(self, order: str) -> None:
        self._any_call()
        kind = type(self)
        task = {
            "path": [str(Path.cwd()), *sys.path],
            "file": inspect.getfile(kind),
            "suite": kind.__qualname__,
            "instrumentation": [self.instrumentation.__module__, self.instrumentation.__qualname__],
            "options": dict(self.options),
            "own": self.instrumentation.__module__ == kind.__module__,
            "first": order == "instrumentation first",
        }
        command = [sys.executable, "-c", _FRESH_PROCESS, json.dumps(task)]
        done = subprocess.run(  # noqa: S603 - this interpreter and the script below
            command, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1]) == self.spans_per_call

    def test_results_are_unchanged(self) -> None:
        for call in self._calls():
            plain = call()
            self._install()
            traced = call()
            self.telemetry.uninstall()
            assert traced == plain

    def test_exceptions_are_unchanged(self) -> None:
        if not self._has("call_raising"):
            pytest.skip("call_raising is not written")
        self._check_exception(self.call_raising)

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_exceptions_are_unchanged_in_async_calls(self, backend: str) -> None:
        self._require_async("call_async_raising", backend)
        self._check_exception(lambda error: anyio.run(self.call_async_raising, error, backend=backend))

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_a_cancelled_call_is_cancelled_and_its_span_ends(self, backend: str) -> None:
        self._require_async("call_forever", backend)
        self._install()

        async def main() -> bool:
            started = anyio.Event()
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(self.call_forever, started.set)
                    with anyio.fail_after(20):
                        await started.wait()
                    scope.cancel()
            return scope.cancelled_caught

        assert anyio.run(main, backend=backend)
        assert self.telemetry.open_spans == []
        assert [span.status for span in self._traced()] == ["canceled"] * self.spans_per_call

    def test_nothing_is_traced_where_tracing_is_suppressed(self) -> None:
        self._install()
        for call in self._calls():
            with _attached(otel_context.set_value(SUPPRESS_KEY, value=True)):
                call()
            thread = threading.Thread(target=call, name="runlog-test")
            thread.start()
            thread.join()
        assert self._traced() == []

    def test_the_current_span_is_the_parent_and_stays_current(self) -> None:
        self._install()
        for call in self._calls():
            self.telemetry.clear()
            with self.telemetry.tracer.start_as_current_span("outer") as outer:
                call()
                assert trace.get_current_span() is outer
            assert trace.get_current_span() is not outer
            parent = outer.get_span_context().span_id.to_bytes(8)
            traced = self._traced()
            assert len(traced) == self.spans_per_call
            assert any(span.parent_id == parent for span in traced)
            assert len({span.trace_id for span in traced}) == 1

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_concurrent_calls_keep_their_own_parents(self, backend: str) -> None:
        self._require_async("call_async", backend)
        self._install()
        parents: set[bytes] = set()

        async def one() -> None:
            with self.telemetry.tracer.start_as_current_span("outer") as outer:
                parents.add(outer.get_span_context().span_id.to_bytes(8))
                await self.call_async()
                assert trace.get_current_span() is outer

        async def main() -> None:
            async with anyio.create_task_group() as group:
                for _ in range(_CONCURRENT):
                    group.start_soon(one)

        anyio.run(main, backend=backend)
        traced = self._traced()
        assert len(traced) == _CONCURRENT * self.spans_per_call
        assert parents <= {span.parent_id for span in traced}

    def test_a_broken_tracer_breaks_no_call(self) -> None:
        for call in self._calls():
            plain = call()
            broken = Instrumentations(_BrokenProvider())
            try:
                assert not broken.install_class(self.instrumentation, self.options).is_problem
                assert [call() for _ in range(5)] == [plain] * 5
                assert broken.states[0].errors > 0
            finally:
                broken.uninstall()

    def test_unknown_options_are_refused(self) -> None:
        instrumentations = Instrumentations(self.telemetry.provider)
        state = instrumentations.install_class(self.instrumentation, {**self.options, "no_such_option": 1})
        assert (state.state, "no_such_option" in (state.reason or "")) == ("bad-options", True)

    # --- helpers -----------------------------------------------------------------------------------------------

    def _install(self) -> None:
        self.telemetry.install(self.instrumentation, **self.options)

    def _traced(self) -> list[Event]:
        scope = f"runlog.instrumentation.{self.instrumentation.name}"
        return [span for span in self.telemetry.spans if _scope(span) == scope]

    def _packages(self) -> set[str]:
        return {target.module.partition(".")[0] for target in self.instrumentation.targets}

    def _has(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(InstrumentationSuite, method)

    def _calls(self) -> list[Callable[[], object]]:
        """Every way to call that is written, each without arguments."""
        calls: list[Callable[[], object]] = [self.call] if self._has("call") else []
        if self._has("call_async"):
            calls += [partial(anyio.run, self.call_async, backend=name) for name in self._installed_backends()]
        if not calls:
            pytest.fail(f"{type(self).__name__} has neither call nor call_async")
        return calls

    def _any_call(self) -> Callable[[], object]:
        return self._calls()[0]

    def _installed_backends(self) -> list[str]:
        return [name for name in self.backends if importlib.util.find_spec(name) is not None]

    def _require_async(self, method: str, backend: str) -> None:
        if not self._has(method):
            pytest.skip(f"{method} is not written")
        if backend not in self._installed_backends():
            pytest.skip(f"not on {backend}")

    def _check_exception(self, call: Callable[[Exception], None]) -> None:
        plain = _raised(call)
        self._install()
        traced = _raised(call)
        assert type(traced.__cause__) is type(plain.__cause__)
        assert type(traced.__context__) is type(plain.__context__)
        assert "error" in {span.status for span in self._traced()}
        assert self.telemetry.open_spans == []


class _TestError(Exception):
    pass


def _raised(call: Callable[[Exception], None]) -> Exception:
    error = _TestError("raised by the test")
    with pytest.raises(_TestError) as caught:
        call(error)
    assert caught.value is error
    return error


def _scope(span: Event) -> str:
    scope = (span.extra or {}).get("scope")
    return str(scope.get("name", "") if isinstance(scope, dict) else scope or "")


@contextmanager
def _attached(context: Context) -> Iterator[None]:
    token = otel_context.attach(context)
    try:
        yield
    finally:
        otel_context.detach(token)


def _functions(packages: set[str]) -> dict[tuple[str, str], object]:
    """Return every function and descriptor of some packages' modules and classes, by place."""
    found: dict[tuple[str, str], object] = {}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in packages or not hasattr(module, "__dict__"):
            continue
        _add(found, name, vars(module))
        for value in list(vars(module).values()):
            if isinstance(value, type) and value.__module__ == name:
                _add(found, f"{name}.{value.__qualname__}", vars(value))
    return found


def _add(found: dict[tuple[str, str], object], place: str, attributes: Mapping[str, Any]) -> None:
    for key, value in list(attributes.items()):
        if callable(value) or isinstance(value, staticmethod | classmethod | property):
            found[place, key] = value


def _differences(before: dict[tuple[str, str], object], after: dict[tuple[str, str], object]) -> list[str]:
    places = {place for place, _ in before}
    changed = [key for key, value in before.items() if after.get(key) is not value]
    added = [key for key in after if key not in before and key[0] in places]
    return [".".join(key) for key in changed + added]


class _BrokenTracer(Tracer):
    def start_span(self, *_args: Any, **_kwargs: Any) -> Span:
        raise RuntimeError("broken")

    def start_as_current_span(self, *_args: Any, **_kwargs: Any) -> AbstractContextManager[Span]:  # type: ignore[override]
        raise RuntimeError("broken")


class _BrokenProvider(TracerProvider):
    def get_tracer(self, *_args: Any, **_kwargs: Any) -> Tracer:
        return _BrokenTracer()


_FRESH_PROCESS = """
import importlib, importlib.util, json, sys, tempfile
from pathlib import Path

task = json.loads(sys.argv[1])
sys.path[:] = list(dict.fromkeys(task["path"]))

def attribute(module, name):
    for part in name.split("."):
        module = getattr(module, part)
    return module

def suite_module():
    spec = importlib.util.spec_from_file_location("suite_in_a_fresh_process", task["file"])
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

module = None if task["first"] and not task["own"] else suite_module()
owner = module if task["own"] else importlib.import_module(task["instrumentation"][0])
instrumentation = attribute(owner, task["instrumentation"][1])

from runlog.testing.telemetry import Telemetry, recording

with tempfile.TemporaryDirectory() as folder, recording(Path(folder)) as recorder, Telemetry(recorder) as telemetry:
    telemetry.install(instrumentation, **task["options"])
    suite = attribute(module or suite_module(), task["suite"])()
    suite.telemetry = telemetry
    with suite.environment():
        suite._any_call()()
    traced = len(suite._traced())
print(json.dumps(traced))
"""
