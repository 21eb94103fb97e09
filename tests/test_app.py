"""`runlog.open()`: on asyncio, on trio and in sync code; what it does to the process, and what it leaves alone."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

import anyio
import pytest
from opentelemetry import trace as otel

import runlog
from runlog import lifespan, logger, task
from runlog.errors import ConfigError, ProjectNotOpen
from runlog.recording import get_recorder
from runlog.stores import open_reader
from runlog.tasks.registry import registry

QUIET: dict[str, Any] = {"console": {"enabled": False}, "worker": {"grace": 0.2}}


@task(id="app-double")
async def double(number: int) -> int:
    logger.info("doubling", number=number)
    return number * 2


@task(id="app-fail", retry=1)
async def fail() -> None:
    raise ValueError("no")


@pytest.fixture(autouse=True)
def tasks_and_recorder() -> Iterator[None]:
    registry.add(double)
    registry.add(fail)
    yield
    get_recorder().close()


def messages(run_id: str | None = None) -> list[str]:
    reader = open_reader(runlog.open(arguments=QUIET).settings)
    try:
        return [event.message for event in reader.events(run_id, limit=1000) if event.kind == "log"]
    finally:
        reader.close()


@pytest.mark.anyio
async def test_a_project_runs_tasks_on_the_callers_event_loop() -> None:
    async with runlog.open(arguments=QUIET):
        assert await double.trigger_and_wait(4) == 8
        handle = await double.trigger(1)
        assert (await handle.wait()).output == 2
        with pytest.raises(runlog.ChildRunError):
            await fail.trigger_and_wait()
    assert messages(handle.id) == ["doubling"]
    with pytest.raises(ProjectNotOpen):
        await double.trigger(1)


@pytest.mark.anyio
async def test_a_worker_without_a_run_records_nothing() -> None:
    """Neither what it asks of the queue nor what it looks after."""
    async with runlog.open(arguments={**QUIET, "log": {"level": "debug"}}) as project:
        await anyio.sleep(0.5)
        assert get_recorder().flush(20)
        assert not project.settings.log_path.exists()


def test_a_project_in_sync_code() -> None:
    with runlog.open(arguments=QUIET) as project:
        assert project.call(double.trigger_and_wait, 4) == 8
        handles = project.call(double.batch_trigger, [1, 2])
        assert [result.output for result in project.call(handles.wait)] == [2, 4]
    assert messages(handles.ids[0]) == ["doubling"]
    with pytest.raises(ProjectNotOpen, match="no project is open"):
        anyio.run(double.trigger, 1)


def test_each_open_has_the_console_of_its_settings(capfd: pytest.CaptureFixture[str]) -> None:
    for number, settings in enumerate(({}, QUIET, {"console": {"level": "error"}}, {})):
        with runlog.open(arguments=settings, worker=False):
            logger.info(f"message {number}")
    get_recorder().flush()
    get_recorder().close()
    assert re.findall(r"message \d", capfd.readouterr().err) == ["message 0", "message 3"]


@pytest.mark.anyio
async def test_call_is_for_sync_code() -> None:
    async with runlog.open(arguments=QUIET, worker=False) as project:
        with pytest.raises(runlog.RunlogError, match="sync code"):
            project.call(double.trigger_and_wait, 4)


def test_arguments_win_over_the_config(project: Path) -> None:
    (project / "runlog.toml").write_text('[log]\nlevel = "error"\n[console]\nenabled = false\n')
    with runlog.open(worker=False) as opened:
        assert opened.settings.log.level == "error"
        logger.info("not recorded")
    with runlog.open(worker=False, arguments={"log": {"level": "info"}}):
        logger.info("recorded")
    assert [text for text in messages() if "recorded" in text] == ["recorded"]


def test_an_instrumentation_that_cannot_be_installed_is_said_and_ends_nothing() -> None:
    with runlog.open(arguments={**QUIET, "instrumentations": ["no-such-library"]}) as project:
        assert project.call(double.trigger_and_wait, 4) == 8
        assert project.instrumentations is not None
        assert [state.name for state in project.instrumentations.problems] == ["no-such-library"]
    assert any("is not installed" in text for text in messages())


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, ExceptionGroup])
async def test_what_the_body_raises_comes_out_as_it_is(kind: type[BaseException]) -> None:
    raised = ExceptionGroup("two", [ValueError(1), ValueError(2)]) if kind is ExceptionGroup else kind("mine")
    with pytest.raises(kind) as caught:
        async with runlog.open(arguments=QUIET):
            await double.trigger(1)
            raise raised
    assert caught.value is raised


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_what_a_sync_body_raises_comes_out_as_it_is(kind: type[BaseException]) -> None:
    raised = kind("mine")
    with pytest.raises(kind) as caught, runlog.open(arguments=QUIET):
        raise raised
    assert caught.value is raised


@pytest.mark.anyio
async def test_a_cancelled_body_is_cancelled() -> None:
    with anyio.move_on_after(0.3) as scope:
        async with runlog.open(arguments=QUIET):
            await anyio.sleep(60)
    assert scope.cancelled_caught
    with pytest.raises(ProjectNotOpen):
        await double.trigger(1)


@pytest.mark.anyio
async def test_a_project_opened_again_shares_the_process_and_keeps_its_own_worker(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with runlog.open(arguments={**QUIET, "capture": {"logging": True}}):
        async with runlog.open(arguments=QUIET):
            logging.getLogger("app").warning("said once")
            assert await double.trigger_and_wait(1) == 2
        logging.getLogger("app").warning("still captured")
        assert await double.trigger_and_wait(2) == 4
    assert sorted(text for text in messages() if text in ("said once", "still captured")) == [
        "said once",
        "still captured",
    ]
    logging.getLogger("app").warning("not captured")
    get_recorder().flush()
    assert "not captured" not in messages()


@pytest.mark.anyio
async def test_projects_may_be_left_in_any_order() -> None:
    first, second = runlog.open(arguments=QUIET), runlog.open(arguments=QUIET)
    await first.__aenter__()
    await second.__aenter__()
    await first.__aexit__(None, None, None)
    assert await double.trigger_and_wait(1) == 2
    await second.__aexit__(None, None, None)
    with pytest.raises(ProjectNotOpen, match="no project is open"):
        await double.trigger(1)


def test_another_project_is_refused_while_one_is_open(project: Path) -> None:
    (project / "other").mkdir()
    (project / "other" / "runlog.toml").write_text("[console]\nenabled = false\n")
    with runlog.open(arguments=QUIET, worker=False):
        with pytest.raises(ConfigError, match="is open, and what a process records"):
            runlog.open("other", worker=False).__enter__()
        logger.info("goes on")
    with runlog.open("other", worker=False):
        logger.info("elsewhere")
    assert "goes on" in messages()
    assert "elsewhere" not in messages()


@pytest.mark.parametrize(
    ("code", "why"),
    [("raise RuntimeError('half')", "RuntimeError: half"), ("raise SystemExit(3)", "SystemExit: 3")],
)
def test_a_module_that_raises_is_named_and_leaves_nothing_behind(project: Path, code: str, why: str) -> None:
    (project / "broken_tasks.py").write_text(code)
    before = sys.stdout
    with pytest.raises(ConfigError, match=why), runlog.open(arguments={**QUIET, "tasks": ["broken_tasks"]}):
        raise AssertionError("opened")
    assert sys.stdout is before
    with runlog.open(arguments=QUIET) as opened:
        assert opened.call(double.trigger_and_wait, 1) == 2


def test_the_exporters_of_the_config_get_each_span_once_also_when_opened_again(project: Path) -> None:
    (project / "collecting.py").write_text(
        dedent(
            """
            from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
            names = []
            class Exporter(SpanExporter):
                def export(self, spans):
                    names.extend(span.name for span in spans)
                    return SpanExportResult.SUCCESS
            """
        )
    )
    sys.path.insert(0, str(project))
    try:
        arguments = {**QUIET, "export": {"exporters": ["collecting:Exporter"]}}
        for name in ("one", "two"):
            with runlog.open(arguments=arguments, worker=False), runlog.open(arguments=arguments, worker=False):
                with logger.trace(name):
                    pass
        assert sys.modules["collecting"].names == ["one", "two"]
    finally:
        sys.path.remove(str(project))
        sys.modules.pop("collecting", None)


def python(code: str, *, expect: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-c", dedent(code)], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    assert done.returncode == expect, done.stderr
    return done.stdout


@pytest.mark.parametrize("taken", [False, True])
def test_the_global_tracer_provider_is_set_only_if_there_is_none(taken: bool) -> None:
    assert isinstance(otel.get_tracer_provider(), otel.TracerProvider)
    out = python(
        f"""
        import runlog
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        if {taken}:
            trace.set_tracer_provider(TracerProvider())
        with runlog.open(worker=False):
            print(type(trace.get_tracer_provider()).__module__)
        """
    )
    assert out.strip() == ("opentelemetry.sdk.trace" if taken else "runlog.tracing.provider")


TASKS = """
    import os, signal
    import anyio
    import runlog

    @runlog.task
    async def add(numbers: list[int]) -> int:
        return sum(numbers)
"""


def test_a_run_triggered_without_a_worker_is_executed_by_another_process(project: Path) -> None:
    (project / "tasks.py").write_text(dedent(TASKS))
    (project / "runlog.toml").write_text('tasks = ["tasks"]\n[console]\nenabled = false\n')
    out = python(
        """
        import runlog, tasks
        with runlog.open(worker=False) as project:
            print(project.call(tasks.add.trigger, [1, 2]).id)
        """
    )
    run_id = out.strip()
    python(
        f"""
        import runlog, tasks
        from runlog.tasks.submitter import get_submitter
        with runlog.open() as project:
            async def outcome():
                return (await get_submitter().wait(["{run_id}"]))[0]
            assert project.call(outcome).output == b"3"
        """
    )
    reader = open_reader(runlog.open(arguments=QUIET).settings)
    assert (reader.run(run_id).status, reader.run(run_id).output) == ("COMPLETED", 3)
    reader.close()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_ctrl_c_ends_the_program_and_not_the_run(project: Path, backend: str) -> None:
    (project / "tasks.py").write_text(
        dedent(TASKS)
        + dedent(
            """
            @runlog.task(retry=1)
            async def interrupted() -> None:
                signal.raise_signal(signal.SIGINT)
                for _ in range(1000):
                    await anyio.sleep(0.01)
            """
        )
    )
    (project / "runlog.toml").write_text('tasks = ["tasks"]\n[console]\nenabled = false\n[worker]\ngrace = 0.1\n')
    out = python(
        f"""
        import anyio, runlog, tasks
        async def main():
            async with runlog.open():
                handle = await tasks.interrupted.trigger()
                print(handle.id, flush=True)
                await anyio.sleep(30)
        anyio.run(main, backend="{backend}")
        """,
        expect=-signal.SIGINT,
    )
    reader = open_reader(runlog.open(arguments=QUIET).settings)
    assert reader.run(out.strip()).status == "QUEUED"
    reader.close()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("stuck", ["swallows", "blocks"])
def test_a_worker_that_is_told_to_end_ends_and_gives_back_what_does_not_stop(
    project: Path, stuck: str, backend: str
) -> None:
    (project / "tasks.py").write_text(
        dedent(TASKS)
        + dedent(
            """
            import time

            @runlog.task(retry=1)
            async def swallows() -> None:
                os.kill(os.getpid(), signal.SIGTERM)
                while True:
                    try:
                        await anyio.sleep(0.05)
                    except BaseException:
                        pass

            @runlog.task(retry=1)
            async def blocks() -> None:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(60)
            """
        )
    )
    (project / "runlog.toml").write_text('tasks = ["tasks"]\n[console]\nenabled = false\n[worker]\ngrace = 0.1\n')
    out = python(
        f"""
        import sys
        import anyio, runlog
        from runlog import worker
        from runlog.config import Settings
        with runlog.open(worker=False) as project:
            print(project.call(runlog.trigger, "{stuck}").id, flush=True)
        worker._INSIST = 0.3
        sys.exit(anyio.run(worker._work, Settings.load(), backend="{backend}"))
        """
    )
    reader = open_reader(runlog.open(arguments=QUIET).settings)
    run = reader.run(out.strip())
    reader.close()
    assert (run.status, run.attempt) == ("QUEUED", 0)


def test_a_project_that_is_entered_by_hand_and_never_left_does_not_hold_the_exit_up(project: Path) -> None:
    assert python("import runlog; runlog.open().__enter__(); print('end')") == "end\n"


@pytest.mark.anyio
async def test_a_resource_that_is_still_being_opened_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("runlog.tasks.lifespan"), "_registered", {})
    opening, cleaned_up = anyio.Event(), anyio.Event()

    @lifespan
    async def slow() -> AsyncIterator[None]:
        try:
            opening.set()
            await anyio.sleep_forever()
            yield
        finally:
            cleaned_up.set()

    with anyio.fail_after(20):
        async with runlog.open(arguments=QUIET):
            await opening.wait()
    assert cleaned_up.is_set()
