"""What the config lists is found, checked and installed; what cannot be is told, and stops nothing."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runlog.config import Settings
from runlog.errors import InstrumentationError
from runlog.instrumentation import Instrumentation, Instrumentations, InstrumentationState, Options, Target, install_all
from runlog.instrumentation.lookup import available
from runlog.instrumentation.patch import MAX_ERRORS, InstrumentationPatch
from runlog.instrumentation.registry import install
from runlog.testing import Telemetry
from tests.helpers import wait_until
from tests.instrumentation.distributions import PLUGIN, distribution

DUMPS = json.dumps


@pytest.fixture(autouse=True)
def check_that_nothing_stays() -> Any:
    yield
    assert json.dumps is DUMPS


def installed(telemetry: Telemetry, *listed: str, root: Path | None = None, **tables: Mapping[str, Any]) -> Any:
    telemetry.instrumentations = install(listed, tables, telemetry.provider, root=root, stuck_seconds=0.5)
    return telemetry.instrumentations


def test_a_plugin_is_found_by_its_entry_point(telemetry: Telemetry, site: Path) -> None:
    distribution(site, "my-dist", version="2.5", runlog={"my": "my_plugin:My"}, modules={"my_plugin": PLUGIN})
    (state,) = installed(telemetry, "my", my={"loud": True})
    assert (state.state, state.source, state.distribution, state.version) == ("active", "runlog", "my-dist", "2.5")
    assert state.targets == ["json"]
    assert json.dumps(1) == "1"
    assert telemetry.tree() == "dumps"
    assert telemetry.spans[0].attributes == {"loud": True}


@pytest.mark.parametrize("listed", ["MY.plugin", "my_plugin", "My-Plugin"])
def test_names_are_the_same_in_any_spelling(telemetry: Telemetry, site: Path, listed: str) -> None:
    distribution(site, "d", runlog={"My_Plugin": "a_plugin:My"}, modules={"a_plugin": PLUGIN})
    assert installed(telemetry, listed).states[0].state == "active"


def test_a_plugin_is_found_by_an_import_string_in_the_projects_folder(
    telemetry: Telemetry, project: Path, monkeypatch: pytest.MonkeyPatch, site: Path
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (project / "project_plugin.py").write_text(PLUGIN)
    settings = Settings(
        root=project,
        instrumentations=("project_plugin:My",),
        instrumentation={"my": {"loud": True}},
    )
    telemetry.instrumentations = install_all(settings, telemetry.provider)
    telemetry.instrumentations.raise_for_errors()
    json.dumps(1)
    assert telemetry.spans[0].attributes == {"loud": True}


def test_options_of_an_import_string_may_stand_under_it(telemetry: Telemetry, site: Path) -> None:
    (site / "other_plugin.py").write_text(PLUGIN)
    tables: Any = {"other_plugin:My": {"loud": True}}
    installed(telemetry, "other_plugin:My", **tables).raise_for_errors()
    json.dumps(1)
    assert telemetry.spans[0].attributes == {"loud": True}


def test_nothing_is_imported_that_is_not_listed(telemetry: Telemetry, site: Path) -> None:
    (site / "hostile.py").write_text(f"open({str(site / 'imported')!r}, 'w')")
    distribution(site, "hostile", runlog={"hostile": "hostile:Plugin"}, opentelemetry={"hostile2": "hostile:Plugin"})
    distribution(site, "d", runlog={"my": "my_plugin:My"}, modules={"my_plugin": PLUGIN})
    installed(telemetry, "my")
    assert {"hostile", "hostile2", "my"} <= {found.name for found in available()}
    assert not (site / "imported").exists()


def test_two_distributions_of_one_name_are_an_error_that_names_both(telemetry: Telemetry, site: Path) -> None:
    distribution(site, "first-dist", runlog={"my": "my_plugin:My"}, modules={"my_plugin": PLUGIN})
    distribution(site, "second-dist", runlog={"MY": "other:My"})
    (state,) = installed(telemetry, "my")
    assert state.state == "failed"
    assert "first-dist (my_plugin:My) and second-dist (other:My) both claim the name 'my'" in state.reason
    assert '"my_plugin:My"' in state.fix
    assert installed(telemetry, "my_plugin:My").problems == []


def test_a_distribution_that_is_on_the_path_twice_is_one(telemetry: Telemetry, site: Path, tmp_path: Path) -> None:
    for folder in (site, tmp_path / "again"):
        distribution(folder, "d", runlog={"my": "my_plugin:My"}, modules={"my_plugin": PLUGIN})
    sys.path.append(str(tmp_path / "again"))
    try:
        assert installed(telemetry, "my").problems == []
    finally:
        sys.path.remove(str(tmp_path / "again"))


def test_our_group_comes_before_opentelemetrys(telemetry: Telemetry, site: Path) -> None:
    distribution(site, "otel", opentelemetry={"my": "no_such_module:X"})
    distribution(site, "ours", runlog={"my": "my_plugin:My"}, modules={"my_plugin": PLUGIN})
    assert installed(telemetry, "my").states[0].distribution == "ours"


@pytest.mark.parametrize(
    ("listed", "state", "reason", "fix"),
    [
        ("reqests", "not-found", "no instrumentation has the name 'reqests'", 'did you mean "requests"?'),
        ("redis", "not-found", "opentelemetry-instrumentation-redis is not", "pip install opentelemetry-instr"),
        ("zzzzzz", "not-found", "no installed distribution", '"package.module:Class"'),
        ("nowhere.module:X", "not-found", "there is no module 'nowhere'", "correct the import string"),
        ("json:Nothing", "not-found", "no attribute 'Nothing'", None),
        ("json:loads", "failed", "neither a runlog Instrumentation nor", "derives from"),
        ("not an import:string", "not-found", "is not an import string", "package.module:Class"),
    ],
)
def test_what_is_not_found_says_what_to_type(
    telemetry: Telemetry, listed: str, state: str, reason: str, fix: str | None
) -> None:
    (found,) = installed(telemetry, listed)
    assert found.state == state
    assert reason in found.reason
    assert fix is None or fix in found.fix


def test_a_first_party_plugin_that_is_missing_names_its_extra(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runlog.instrumentation.lookup.entry_points", lambda **_: [])
    (state,) = installed(telemetry, "httpx")
    assert state.fix == "pip install 'runlog-tasks[httpx]'"


class WithTarget(Instrumentation[Options]):
    name = "with-target"

    def install(self, patch: InstrumentationPatch, options: Options) -> None:
        pass


@pytest.mark.parametrize(
    ("target", "state", "reason", "fix"),
    [
        (Target("no_such_lib", "no-such-lib", ">=1"), "target-missing", "no-such-lib", "pip install 'no-such-lib>=1'"),
        (Target("pytest", "pytest", ">=1,<2"), "incompatible", ">=1,<2 is supported", "pip install 'pytest>=1,<2'"),
        (Target("pytest", "pytest", ">=1"), "active", None, None),
        (Target("json"), "active", None, None),
    ],
)
def test_targets_are_checked(
    telemetry: Telemetry, target: Target, state: str, reason: str | None, fix: str | None
) -> None:
    kind = type("Kind", (WithTarget,), {"targets": (target,)})
    found = telemetry.instrumentations.install_class(kind)
    assert found.state == state
    assert (reason or "") in (found.reason or "")
    assert found.fix == fix


def test_a_plugin_whose_module_needs_its_target_names_the_version(telemetry: Telemetry, site: Path) -> None:
    distribution(
        site,
        "d",
        runlog={"lib": "lib_plugin:X"},
        requires=('No_Such.lib>=1,<2 ; extra == "instruments"',),
        modules={"lib_plugin": "import no_such_lib.part"},
    )
    (state,) = installed(telemetry, "lib")
    assert (state.state, state.fix) == ("target-missing", "pip install 'No_Such.lib>=1,<2'")


def test_wrong_options_name_the_nearest(telemetry: Telemetry, site: Path) -> None:
    distribution(site, "d", runlog={"my": "my_plugin:My"}, modules={"my_plugin": PLUGIN})
    (state,) = installed(telemetry, "my", my={"lud": True})
    assert state.reason == "[instrumentation.my] unknown option 'lud'"
    assert state.fix == "did you mean 'loud'?"
    (state,) = installed(telemetry, "my", my={"loud": "perhaps"})
    assert state.state == "bad-options"
    assert "loud = 'perhaps'" in state.reason


def test_options_of_what_is_not_listed_are_an_error(telemetry: Telemetry) -> None:
    (state,) = installed(telemetry, my={"loud": True})
    assert (state.name, state.state) == ("my", "bad-options")
    assert "not listed" in state.reason


def test_one_error_lists_every_problem_and_the_rest_work(telemetry: Telemetry, site: Path) -> None:
    distribution(site, "d", runlog={"my": "my_plugin:My"}, modules={"my_plugin": PLUGIN})
    instrumentations = installed(telemetry, "reqests", "my", "zzzzzz")
    with pytest.raises(InstrumentationError) as caught:
        instrumentations.raise_for_errors()
    text = str(caught.value)
    assert text.startswith("2 instrumentations of the config cannot be installed; the rest are")
    assert "reqests: not-found" in text
    assert 'did you mean "requests"?' in text
    assert "zzzzzz: not-found" in text
    json.dumps(1)
    assert telemetry.tree() == "dumps"


def test_instrumentations_can_be_disabled_by_the_environment(
    telemetry: Telemetry, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLOG_DISABLE_INSTRUMENTATIONS", "other, MY")
    distribution(site, "d", runlog={"my": "my_plugin:My"}, modules={"my_plugin": "raise SystemError"})
    instrumentations = installed(telemetry, "my", my={"loud": True})
    assert [state.state for state in instrumentations] == ["disabled"]
    instrumentations.raise_for_errors()


# --- what an instrumentation may do wrong -----------------------------------------------------------------------


class Half(Instrumentation[Options]):
    """Patches, and then does what the test says."""

    name = "half"
    then: Any = None
    at_undo: Any = None

    def install(self, patch: InstrumentationPatch, options: Options) -> None:
        patch.wrap(json, "dumps", lambda wrapped, instance, args, kwargs: "patched")
        if self.at_undo is not None:
            patch.defer(type(self).at_undo)
        if self.then is not None:
            type(self).then()


def raiser(error: BaseException) -> Any:
    def raise_it() -> None:
        raise error

    return staticmethod(raise_it)


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit(3), KeyboardInterrupt(), BaseException("base")])
def test_what_install_raises_is_reported_and_undone(telemetry: Telemetry, error: BaseException) -> None:
    kind = type("Kind", (Half,), {"then": raiser(error)})
    state = telemetry.instrumentations.install_class(kind)
    assert state.state == "failed"
    assert f"installing it: {type(error).__name__}" in (state.reason or "")
    assert json.dumps is DUMPS


def test_what_hangs_in_install_is_left_behind_and_undone(telemetry: Telemetry) -> None:
    release, late = threading.Event(), threading.Event()

    def hang(patch: InstrumentationPatch) -> None:
        release.wait(60)
        try:
            patch.wrap(json, "dumps", lambda wrapped, instance, args, kwargs: "late")
        finally:
            late.set()

    class Kind(Half):
        def install(self, patch: InstrumentationPatch, options: Options) -> None:
            super().install(patch, options)
            hang(patch)

    instrumentations = Instrumentations(telemetry.provider, stuck_seconds=0.3)
    start = time.monotonic()
    state = instrumentations.install_class(Kind)
    assert time.monotonic() - start < 30
    assert state.state == "hung"
    assert json.dumps is DUMPS
    release.set()
    wait_until(late.is_set)
    assert json.dumps is DUMPS, "a thread that was left behind cannot patch any more"


def test_code_that_spins_is_left_behind_too(telemetry: Telemetry) -> None:
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            pass

    kind = type("Kind", (Half,), {"then": staticmethod(spin)})
    try:
        state = Instrumentations(telemetry.provider, stuck_seconds=0.1).install_class(kind)
        assert state.state == "hung"
    finally:
        stop.set()


def test_code_that_is_slow_but_moves_is_waited_for(telemetry: Telemetry) -> None:
    def work() -> None:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            sum(range(1000))

    kind = type("Kind", (Half,), {"then": staticmethod(work)})
    instrumentations = Instrumentations(telemetry.provider, stuck_seconds=0.4)
    assert instrumentations.install_class(kind).state == "active"
    instrumentations.uninstall()


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit(3), KeyboardInterrupt()])
def test_what_uninstall_raises_is_noted_and_the_rest_is_undone(telemetry: Telemetry, error: BaseException) -> None:
    kind = type("Kind", (Half,), {"at_undo": raiser(error)})
    state = telemetry.instrumentations.install_class(kind)
    telemetry.uninstall()
    assert state.state == "removed"
    assert "uninstall failed" in state.notes[0]
    assert json.dumps is DUMPS


def test_what_hangs_in_uninstall_is_left_behind(telemetry: Telemetry) -> None:
    release = threading.Event()
    kind = type("Kind", (Half,), {"at_undo": staticmethod(lambda: release.wait(60))})
    instrumentations = Instrumentations(telemetry.provider, stuck_seconds=0.2)
    state = instrumentations.install_class(kind)
    instrumentations.uninstall()
    assert "did not return" in state.notes[0]
    release.set()
    wait_until(lambda: json.dumps is DUMPS)


def test_what_hangs_while_it_is_imported_is_left_behind(telemetry: Telemetry, site: Path) -> None:
    distribution(
        site, "d", runlog={"my": "slow_plugin:My"}, modules={"slow_plugin": "import time; time.sleep(3)" + PLUGIN}
    )
    (state,) = installed(telemetry, "my")
    assert (state.state, state.reason.partition(" did")[0]) == ("hung", "importing it")


# --- errors of an instrumentation while it traces ----------------------------------------------------------------


class Breaks(Instrumentation[Options]):
    """Fails before, after or instead of the call."""

    name = "breaks"
    when = "before"

    def install(self, patch: InstrumentationPatch, options: Options) -> None:
        def dumps(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            if self.when == "before":
                raise RuntimeError("broken before")
            wrapped(*args, **kwargs)
            raise RuntimeError("broken after")

        patch.wrap(json, "dumps", dumps)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_wrapper_that_fails_changes_no_call(telemetry: Telemetry, when: str) -> None:
    calls: list[object] = []

    class Value:
        pass

    def default(value: object) -> str:
        calls.append(value)
        return "value"

    state = telemetry.instrumentations.install_class(type("Kind", (Breaks,), {"when": when}))
    assert json.dumps(Value(), default=default) == '"value"'
    assert len(calls) == 1, "the call was made once"
    with pytest.raises(TypeError) as caught:
        json.dumps(Value())
    assert caught.value.__context__ is None
    assert (state.state, state.errors) == ("active", 2 if when == "before" else 1)
    for _ in range(5):
        json.dumps(1)
    assert (state.state, state.errors) == ("failed", MAX_ERRORS)
    assert "switched off" in (state.reason or "")
    logs = [log for log in telemetry.logs if log.name == "runlog.instrumentation"]
    assert len(logs) == MAX_ERRORS
    assert all(log.attributes["instrumentation"] == state.name for log in logs)
    assert "switched off" in logs[-1].attributes["reason"]


def test_a_table_of_states_has_what_is_shown(telemetry: Telemetry, site: Path) -> None:
    distribution(site, "d", runlog={"my": "my_plugin:My"}, modules={"my_plugin": PLUGIN})
    states = list(installed(telemetry, "my", "zzzzzz"))
    assert all(isinstance(state, InstrumentationState) for state in states)
    assert [(state.name, state.is_problem) for state in states] == [("my", False), ("zzzzzz", True)]
    assert all(state.milliseconds > 0 for state in states)
