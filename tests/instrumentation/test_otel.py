"""OpenTelemetry's instrumentors load by name; what they keep to themselves is said."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from runlog.instrumentation.options_scan import known_options
from runlog.instrumentation.registry import install
from runlog.testing import Telemetry
from runlog.testing.server import loopback_server
from tests.instrumentation.distributions import distribution

INSTRUMENTOR = """
import json
from wrapt import wrap_function_wrapper
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
from opentelemetry.instrumentation.utils import unwrap
from opentelemetry.trace import get_tracer

class JsonInstrumentor(BaseInstrumentor):
    def instrumentation_dependencies(self):
        return DEPENDENCIES

    def _instrument(self, **kwargs):
        tracer = get_tracer("other.scope", "1", tracer_provider=kwargs.get("tracer_provider"))
        hook = kwargs.pop("request_hook", None)
        kind = kwargs["kind"] if "kind" in kwargs else "json"
        def dumps(wrapped, instance, args, kwargs):
            with tracer.start_as_current_span(kind) as span:
                if hook: hook(span)
                return wrapped(*args, **kwargs)
        wrap_function_wrapper(json, "dumps", dumps)
        FAIL

    def _uninstrument(self, **kwargs):
        UNDO
"""


def instrumentor(dependencies: str = '["pytest >= 1"]', fail: str = "", undo: str = 'unwrap(json, "dumps")') -> str:
    return INSTRUMENTOR.replace("DEPENDENCIES", dependencies).replace("FAIL", fail).replace("UNDO", undo)


def installed(telemetry: Telemetry, *listed: str, **tables: Any) -> Any:
    telemetry.instrumentations = install(listed, tables, telemetry.provider)
    return telemetry.instrumentations


@pytest.fixture(autouse=True)
def check_that_nothing_stays() -> Any:
    before = json.dumps
    yield
    assert json.dumps is before


def test_an_instrumentor_is_found_by_name_and_gets_our_provider(telemetry: Telemetry, site: Path) -> None:
    distribution(
        site,
        "otel-json",
        version="0.5",
        opentelemetry={"json_lib": "j:JsonInstrumentor"},
        modules={"j": instrumentor()},
    )
    (state,) = installed(telemetry, "json-lib", json_lib={"kind": "dumping"})
    assert (state.state, state.source, state.version) == ("active", "opentelemetry", "0.5")
    assert state.targets == ["pytest >= 1"]
    assert "uninstalls by its own code" in state.notes[0]
    json.dumps(1)
    assert telemetry.tree() == "dumping"


def test_a_hook_is_given_by_its_import_string(telemetry: Telemetry, site: Path) -> None:
    (site / "hooks.py").write_text("def note(span): span.set_attribute('noted', True)")
    distribution(site, "d", opentelemetry={"j": "j2:JsonInstrumentor"}, modules={"j2": instrumentor()})
    assert installed(telemetry, "j", j={"request_hook": "hooks:note"}).problems == []
    json.dumps(1)
    assert telemetry.spans[0].attributes == {"noted": True}
    telemetry.uninstall()
    (state,) = installed(telemetry, "j", j={"request_hook": "hooks:nte"})
    assert state.state == "bad-options"


def test_an_unknown_option_is_refused_though_the_instrumentor_would_ignore_it(telemetry: Telemetry, site: Path) -> None:
    distribution(site, "d", opentelemetry={"j": "j3:JsonInstrumentor"}, modules={"j3": instrumentor()})
    (state,) = installed(telemetry, "j", j={"request_hok": "x"})
    assert (state.state, state.fix) == ("bad-options", "did you mean 'request_hook'?")


@pytest.mark.parametrize("undo", ['unwrap(json, "dumps")', "pass", "raise ValueError"])
def test_a_failed_install_is_undone_though_it_stopped_half_way(telemetry: Telemetry, site: Path, undo: str) -> None:
    before = json.dumps
    source = instrumentor(fail='raise OSError("half-way")', undo=undo)
    distribution(site, "d", opentelemetry={"json": "j4:JsonInstrumentor"}, modules={"j4": source})
    (state,) = installed(telemetry, "json")
    assert state.state == "failed"
    assert (state.reason or "").startswith("installing it: OSError: half-way (")  # and where
    assert "out of instrumentations" in (state.fix or "")
    assert json.dumps is before


@pytest.mark.parametrize(
    ("requires", "state", "fix"),
    [
        ('no-such-lib >= 1 ; extra == "instruments"', "target-missing", "pip install 'no-such-lib>=1'"),
        ('pytest < 2 ; extra == "instruments"', "incompatible", "pip install 'pytest<2'"),
    ],
)
def test_versions_are_checked_before_anything_is_imported(
    telemetry: Telemetry, site: Path, requires: str, state: str, fix: str
) -> None:
    distribution(
        site,
        "d",
        opentelemetry={"j": "j5:JsonInstrumentor"},
        requires=(requires,),
        modules={"j5": "raise SystemError('imported')"},
    )
    (found,) = installed(telemetry, "j")
    assert (found.state, found.fix) == (state, fix)


def test_what_the_class_depends_on_is_checked_too(telemetry: Telemetry, site: Path) -> None:
    distribution(site, "d", opentelemetry={"j": "j6:JsonInstrumentor"}, modules={"j6": instrumentor('["pytest < 2"]')})
    (state,) = installed(telemetry, "j")
    assert state.state == "incompatible"
    assert "OpenTelemetry supports pytest<2" in state.reason


def test_what_the_program_has_installed_itself_is_left_alone(telemetry: Telemetry, site: Path) -> None:
    distribution(site, "d", opentelemetry={"j": "j7:JsonInstrumentor"}, modules={"j7": instrumentor()})
    from importlib import import_module

    own = import_module("j7").JsonInstrumentor()
    own.instrument(skip_dep_check=True)
    try:
        (state,) = installed(telemetry, "j")
        assert state.state == "failed"
        assert "by the program itself" in state.reason
        telemetry.uninstall()
        assert own.is_instrumented_by_opentelemetry
    finally:
        own.uninstrument()


@pytest.mark.parametrize("name", ["httpx", "requests"])
def test_real_instrumentors_trace_with_the_stable_conventions(
    telemetry: Telemetry, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx
    import requests
    from opentelemetry.instrumentation import _semconv

    # They read the conventions once a process, and another test may have had one of them installed without us.
    stability = _semconv._OpenTelemetrySemanticConventionStability
    monkeypatch.setattr(stability, "_initialized", False)
    monkeypatch.setattr(stability, "_OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING", {})
    environment = dict(os.environ)
    class_name = {"httpx": "HTTPXClientInstrumentor", "requests": "RequestsInstrumentor"}[name]
    (state,) = installed(telemetry, f"opentelemetry.instrumentation.{name}:{class_name}")
    assert (state.state, state.distribution) == ("active", f"opentelemetry-instrumentation-{name}")
    with loopback_server() as server:
        if name == "httpx":
            httpx.get(server.url, trust_env=False)
        else:
            requests.get(server.url, timeout=20)
    (span,) = telemetry.spans
    assert span.attributes["http.request.method"] == "GET"
    assert dict(os.environ) == environment
    telemetry.uninstall()


def test_sqlalchemys_is_refused_where_it_would_trace_nothing(telemetry: Telemetry) -> None:
    import sqlalchemy

    if sqlalchemy.__version__ < "2.1":
        pytest.skip("OpenTelemetry's instrumentation supports it")
    (state,) = installed(telemetry, "opentelemetry.instrumentation.sqlalchemy:SQLAlchemyInstrumentor")
    assert state.state == "incompatible"
    assert state.fix == "pip install 'runlog-tasks[sqlalchemy]'"


def test_options_that_are_passed_on_cannot_all_be_known() -> None:
    class PassesOn:
        def _instrument(self, **kwargs: Any) -> None:
            kwargs.get("known")
            print(**kwargs)

    assert known_options(PassesOn) == ({"known"}, False)


def test_a_configuration_class_names_the_options() -> None:
    from dataclasses import dataclass

    @dataclass
    class Configuration:
        excluded_urls: str = ""
        tracer_provider: object = None

    class Configured:
        configuration = Configuration

    assert known_options(Configured) == ({"excluded_urls"}, True)
