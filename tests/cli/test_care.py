"""`runlog export`, `prune` and `doctor`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest
from opentelemetry.test._otlp_test_server import OtlpProtoTestServer

from tests.cli.conftest import COMMAND, Command, environment
from tests.cli.sample import Writer, save, save_all


def test_jsonl_has_the_run_and_every_record(runlog: Command, project: Path) -> None:
    save_all(project)
    run, *events = [json.loads(line) for line in runlog("export", "000001").lines]
    assert (run["kind"], run["task"], run["payload"]) == ("run", "charge-card", {"order": 7})
    assert len(events) == 11
    assert all(event["run_id"] == run["run_id"] for event in events)


def test_json_is_ascii_and_a_line_each_whatever_is_in_it(runlog: Command, project: Path) -> None:
    run = Writer(9, "a-task", "COMPLETED")
    run.log(99, 1, "a\nb\x1b[31m\u2028\x9b\x7fé", number=1.5)
    save(project, [run])
    out = runlog("export", "000009").out
    assert len(out.splitlines()) == 2
    assert all(" " <= character <= "~" or character == "\n" for character in out)
    assert json.loads(out.splitlines()[1])["message"] == "a\nb\x1b[31m\u2028\x9b\x7fé"


def test_log_lines(runlog: Command, project: Path) -> None:
    save_all(project)
    lines = runlog("export", "000002", "--format", "log").lines
    assert lines[0] == "2026-09-21T14:15:20.012000Z INFO  020202020202020a <- 0202020202020263 Attempt 1 400 ms"
    assert lines[2] == "2026-09-21T14:15:20.020000Z INFO  - <- 020202020202020b [logger] syncing user 1  user_id=1"
    assert lines[4] == "    it will be slow"


def test_markdown_is_a_page_in_which_foreign_text_is_code(runlog: Command, project: Path) -> None:
    run = Writer(9, "a `task` <img src=x>", "FAILED")
    run.run.error = {"type": "E", "message": "```\n# forged"}
    run.log(99, 1, "``` <script>alert(1)</script>\n# forged")
    save(project, [run])
    out = runlog("export", "000009", "--format", "markdown").out
    assert out.startswith("# Run run\\_01k8zq")
    assert r"a \`task\` \<img src=x\> FAILED" in out
    assert "````\nE: ```\n# forged\n````" in out
    assert r"- info: ```` ``` <script>alert(1)</script>\n# forged ````" in out


def test_prune_deletes_what_ended_before(runlog: Command, project: Path) -> None:
    save_all(project)
    answer = json.loads(runlog("prune", "--older-than", "1h", "--json").out)
    assert answer["runs"] == 3
    assert [json.loads(line)["status"] for line in runlog("runs", "--json").lines] == ["QUEUED", "EXECUTING"]


def test_prune_follows_the_config_by_default(runlog: Command, project: Path) -> None:
    (project / "runlog.toml").write_text("[retention]\ndays = 0\nmax_size = 0\n")
    save_all(project)
    assert runlog("prune").out.startswith("Deleted 0 runs")
    (project / "runlog.toml").write_text("[retention]\ndays = 1\n")
    assert runlog("prune").out.startswith("Deleted 3 runs and ")


def test_one_run_is_no_runs(runlog: Command, project: Path) -> None:
    save(project, [Writer(9, "ship", "COMPLETED")])
    assert "1 run, 0 records" in states(runlog)["run log"][1]
    assert runlog("prune").out.startswith("Deleted 1 run and 0 records; ")


def states(runlog: Command) -> dict[str, tuple[str, str]]:
    answer = runlog("doctor", "--json")
    checks = json.loads(answer.out)
    assert answer.code == (1 if any(check["state"] == "error" for check in checks) else 0)
    return {check["name"].strip(): (check["state"], f"{check['text']} | {check['fix']}") for check in checks}


def test_doctor_finds_a_sound_project_in_order(runlog: Command, project: Path) -> None:
    (project / "tasks.py").write_text("raise ImportError('never imported')")
    (project / "runlog.toml").write_text('tasks = ["tasks"]')
    save_all(project)
    found = states(runlog)
    assert {state for state, _ in found.values()} == {"ok"}
    assert "5 runs" in found["run log"][1]
    assert "SQLite" in found["runlog"][1]
    assert "in order" in runlog("doctor").out


def test_doctor_without_a_config_says_what_to_write(runlog: Command) -> None:
    state, text = states(runlog)["config"]
    assert state == "warn"
    assert "runlog.toml" in text


def test_doctor_shows_a_config_that_cannot_be_read(runlog: Command, project: Path) -> None:
    (project / "runlog.toml").write_text("[log]\nlvel = 'info'\n")
    state, text = states(runlog)["config"]
    assert state == "error"
    assert "'level'" in text


def test_doctor_finds_what_is_wrong(runlog: Command, project: Path) -> None:
    (project / "runlog.toml").write_text(
        'tasks = ["tsks"]\ninstrumentations = ["htpx"]\n[export]\nexporters = ["nowhere:Exporter"]\n'
    )
    save_all(project)
    (project / ".runlog").chmod(0o755)
    (project / ".runlog" / "log.db.damaged-20260101T000000-1").touch()
    found = states(runlog)
    assert {name: state for name, (state, _) in found.items() if state != "ok"} == {
        "tasks": "error", "htpx": "error", "exporters": "error", "folder": "warn", "run log": "warn",
    }  # fmt: skip
    assert "tsks" in found["tasks"][1]
    assert "chmod 700" in found["folder"][1]
    assert "nowhere" in found["exporters"][1]


def test_doctor_finds_a_damaged_log(runlog: Command, project: Path) -> None:
    save_all(project)
    (project / ".runlog" / "log.db").write_bytes(os.urandom(40_960))
    state, text = states(runlog)["run log"]
    assert state == "error"
    assert "damaged" in text or "not a database" in text


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_doctor_finds_a_folder_that_cannot_be_written(runlog: Command, project: Path) -> None:
    save_all(project)
    (project / ".runlog").chmod(0o500)
    try:
        assert states(runlog)["folder"][0] == "error"
    finally:
        (project / ".runlog").chmod(0o700)


def test_doctor_finds_a_damaged_queue(runlog: Command, project: Path) -> None:
    (project / ".runlog").mkdir(mode=0o700)
    (project / ".runlog" / "queue.db").write_bytes(os.urandom(40_960))
    (project / ".runlog" / "queue.db.damaged-20260101T000000-1").touch()
    assert states(runlog)["queue"][0] == "error"


def run_a_task() -> None:
    """In a process of its own, which has a worker."""
    command = [*COMMAND, "trigger", "work", "--wait"]
    subprocess.run(command, check=True, env=environment(), capture_output=True)


def test_doctor_says_that_another_process_cannot_export(
    runlog: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "tasks.py").write_text("from runlog import task\n\n\n@task\ndef work() -> None: ...\n")
    (project / "runlog.toml").write_text('tasks = ["tasks"]\n[export]\nexporters = ["otlp"]\n')
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))  # bound and not listening: refused
        endpoint = f"http://127.0.0.1:{dead.getsockname()[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        assert states(runlog)["exporters"][0] == "ok"
        run_a_task()
        state, text = states(runlog)["exporters"]
    assert state == "warn"
    assert "otlp failed" in text
    assert endpoint in text
    with OtlpProtoTestServer() as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.port}")
        run_a_task()
    assert states(runlog)["exporters"][0] == "ok"


def test_a_new_instrumentation_is_written(runlog: Command, project: Path) -> None:
    answer = runlog("new-instrumentation", "acme")
    assert answer.code == 0
    assert "pip install -e" in answer.out
    assert (project / "runlog-instrumentation-acme" / "pyproject.toml").is_file()
    assert "not empty" in runlog("new-instrumentation", "acme").err


def test_instrumentations_say_what_became_of_each(runlog: Command, project: Path) -> None:
    (project / "mine.py").write_text(
        "from runlog.instrumentation import Instrumentation, Options\n\n\n"
        "class Mine(Instrumentation[Options]):\n"
        "    name = 'mine'\n    options_type = Options\n\n"
        "    def install(self, patch, options):\n        pass\n"
    )
    (project / "runlog.toml").write_text('instrumentations = ["mine:Mine", "htpx"]\n')
    answer = runlog("instrumentations")
    assert answer.code == 1
    rows = [" ".join(line.split()) for line in answer.lines]
    assert any(row.startswith(("mine:Mine ✓ active", "mine ✓ active")) for row in rows)
    assert any(row.startswith("htpx ✗") for row in rows)
    found = {state["name"]: state["state"] for state in map(json.loads, runlog("instrumentations", "--json").lines)}
    assert found.pop("htpx") != "active"
    assert list(found.values()) == ["active"]
