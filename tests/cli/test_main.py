"""The command as a whole: how it finds its project, what its errors look like, how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from runlog.cli import VERBS, main
from runlog.config import Settings
from runlog.errors import ConfigError
from tests.cli.conftest import COMMAND, ESCAPE, Command, environment, in_terminal
from tests.cli.sample import completed, save, save_all


def test_help_fills_the_terminal() -> None:
    lines = in_terminal("worker", "--help", columns=150).shown
    assert any("back into the queue; a second one does not wait." in line for line in lines)


def test_help_names_every_verb(runlog: Command) -> None:
    answer = runlog("--help")
    assert answer.code == 0
    assert all(f" {verb} " in answer.out for verb in VERBS)


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "demo"])
def test_every_verb_explains_itself_with_an_example(runlog: Command, verb: str) -> None:
    answer = runlog(verb, "--help")
    assert answer.code == 0
    assert f"runlog {verb}" in answer.out.replace("Usage: runlog", "")


def test_version_is_that_of_the_distribution(runlog: Command) -> None:
    answer = runlog("version", "--json")
    assert json.loads(answer.out)["runlog"][0].isdigit()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["rnus"], "Did you mean 'runs'"),
        (["runs", "--limit", "many"], "valid integer"),
        (["show"], "RUN"),
        (["search", "level:>="], "value is missing"),
        (["runs", "run.taks:x"], "run.task"),
        (["-C", "nowhere", "runs"], "nowhere"),
        (["runs", "--project=nowhere"], "nowhere"),
        (["show", "run_1"], "no run log"),
        (["prune", "--older-than", "soon"], "soon"),
        (["trigger", "a-task", "{not json"], "not JSON"),
        (["trigger", "a-task", "NaN"], "NaN"),
        (["trigger", "a-task", "@missing.json"], "missing.json"),
        (["trigger", "a-task", "--delay", "later"], "later"),
    ],
)
def test_an_error_is_a_clear_line_and_exit_code_2(runlog: Command, arguments: list[str], says: str) -> None:
    answer = runlog(*arguments)
    assert answer.code == 2
    assert answer.err.startswith("error: ")
    assert says in answer.err
    assert "Traceback" not in answer.err
    assert answer.out == ""


def test_a_query_error_points_at_the_place(runlog: Command) -> None:
    lines = runlog("search", "task:x", "level:>=").err.splitlines()
    assert lines[1:3] == ["  task:x level:>=", "                 ^"]


def test_a_wrong_setting_is_named_as_it_was_given(
    runlog: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "runlog.toml").write_text("[worker]\nthreads = 0\n")
    monkeypatch.setenv("RUNLOG_CONCURRENCY", "many")
    answer = runlog("worker", "--queue", "a b", "--grace", "1e30")
    places, *problems = [line.strip() for line in answer.err.splitlines()]
    assert answer.code == 2
    assert places.startswith("error: wrong settings in the environment and the command's options and ")
    assert places.endswith("runlog.toml")
    assert [problem.partition(":")[0] for problem in problems] == [
        "RUNLOG_CONCURRENCY = 'many'", "--queue = 'a b'", "--grace = 1e+30", "worker.threads = 0",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match=r"wrong settings in the arguments\nworker\.lease = 0"):
        Settings.load(project / "nowhere", {"worker": {"lease": 0, "concurrency": 1, "threads": 1}})


def test_a_config_error_names_the_nearest_setting(runlog: Command, project: Path) -> None:
    (project / "runlog.toml").write_text("[worker]\nconcurency = 2\n")
    answer = runlog("runs")
    assert answer.code == 2
    assert "did you mean 'concurrency'" in answer.err


@pytest.mark.parametrize("setting", ["grace = inf", "grace = nan", 'queues = [""]', 'queues = ["a b"]', "lease = inf"])
def test_a_setting_that_cannot_work_is_refused(runlog: Command, project: Path, setting: str) -> None:
    (project / "runlog.toml").write_text(f"[worker]\n{setting}\n")
    answer = runlog("runs")
    assert answer.code == 2
    assert f"worker.{setting.partition(' ')[0]}" in answer.err


def test_debug_shows_the_traceback(project: Path) -> None:
    (project / "runlog.toml").write_text("nonsense = 1\n")
    with pytest.raises(ConfigError):
        main(["runs", "--debug"])


def test_it_works_from_a_folder_below_and_from_elsewhere(
    runlog: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "runlog.toml").touch()
    save_all(project)
    below = project / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert len(runlog("runs", "--json").lines) == 5
    monkeypatch.chdir("/")
    assert len(runlog("runs", "--json", "-C", str(below)).lines) == 5
    assert len(runlog("-C", str(below), "runs", "--json").lines) == 5


def test_reading_commands_import_nothing_of_the_project(runlog: Command, project: Path) -> None:
    (project / "runlog.toml").write_text('tasks = ["tasks"]\ninstrumentations = ["plugin:Mine"]\n')
    for name in ("tasks", "plugin"):
        (project / f"{name}.py").write_text(f"open({str(project / 'imported')!r}, 'w')\nraise ImportError('no')\n")
    save_all(project)
    for arguments in (["runs"], ["show", "000001"], ["search", "charge"], ["tail"], ["export", "000001"], ["prune"]):
        assert runlog(*arguments).code == 0
    assert not (project / "imported").exists()


def test_an_empty_project_is_no_error_for_a_list(runlog: Command, project: Path) -> None:
    for verb in ("runs", "search", "tail"):
        answer = runlog(verb)
        assert (answer.code, answer.out) == (0, "")
        assert "Nothing is recorded yet" in answer.err
    assert list(project.iterdir()) == []


def test_a_negated_term_is_no_option(runlog: Command, project: Path) -> None:
    save_all(project)
    found = runlog("runs", "-status:failed", "--json").lines
    assert "FAILED" not in {json.loads(line)["status"] for line in found}
    assert len(found) == 4


def test_the_output_may_be_cut_off(project: Path) -> None:
    long = completed()
    for number in range(2000):
        long.log(11, number, "x" * 100)
    save(project, [long])
    shell = f"set -o pipefail; {' '.join(COMMAND)} export 000002 | head -1"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, env=environment(), timeout=60)
    assert len(done.stdout.splitlines()) == 1
    assert (done.returncode, done.stderr) == (141, "")


def test_ctrl_c_ends_without_a_word(project: Path) -> None:
    save_all(project)
    process = subprocess.Popen(
        [*COMMAND, "tail", "-f"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")


def test_nothing_but_text_is_written_where_there_is_no_terminal(runlog: Command, project: Path) -> None:
    save_all(project)
    for arguments in (["runs"], ["show", "000001"], ["search", "charge"], ["--help"], ["doctor"], ["tail"]):
        answer = runlog(*arguments)
        assert not ESCAPE.search(answer.out + answer.err)
