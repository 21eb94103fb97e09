"""A run as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runlog.cli import main
from runlog.stores import open_reader
from runlog.web import single_file
from runlog.web.api import export
from runlog.web.single_file import Limits, exported_run
from tests.cli.sample import Writer, completed, failed, save, save_all
from tests.web.asking import Answer, Asked

pytestmark = pytest.mark.anyio

TEMPLATE = (
    "<!doctype html><title>RUNLOG_EXPORT_TITLE</title>"
    '<script type="application/json" id="runlog-export">RUNLOG_EXPORT_DATA</script><script>1</script>'
)


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page as it is built, without its code."""
    path = tmp_path / "export.html"
    path.write_text(TEMPLATE)
    monkeypatch.setattr(single_file, "TEMPLATE", path)
    monkeypatch.setattr(export, "TEMPLATE", path)


def data_of(page: str) -> dict[str, Any]:
    """What a file holds, as a browser finds it: up to the first `</script`."""
    text = page.partition('id="runlog-export">')[2].partition("</script")[0]
    found: dict[str, Any] = json.loads(text)
    return found


async def saved(asked: Asked, run_id: str, form: str) -> Answer:
    answer = await asked.get(f"/api/runs/{run_id}/export?format={form}")
    assert answer.status == 200, answer.body
    assert answer.header("x-content-type-options") == "nosniff"
    return answer


@pytest.mark.parametrize(
    ("form", "ending", "media_type"),
    [
        ("jsonl", "jsonl", "application/x-ndjson"),
        ("markdown", "md", "text/markdown; charset=utf-8"),
        ("log", "log", "text/plain; charset=utf-8"),
        ("html", "html", "text/html; charset=utf-8"),
    ],
)
async def test_each_format_is_a_download_of_its_type(
    project: Path, asked: Asked, template: None, form: str, ending: str, media_type: str
) -> None:
    save_all(project)
    answer = await saved(asked, failed().run_id, form)
    assert answer.header("content-type") == media_type
    assert answer.header("content-disposition") == f'attachment; filename="{failed().run_id}.{ending}"'
    assert b"HTTP POST /charge" in answer.body


async def test_the_lines_are_those_of_the_command(
    project: Path, asked: Asked, capfd: pytest.CaptureFixture[str]
) -> None:
    save_all(project)
    for form in ("jsonl", "log", "markdown"):
        answer = await saved(asked, failed().run_id, form)
        assert main(["export", failed().run_id, "--format", form]) == 0
        assert answer.body.decode() == capfd.readouterr().out


async def test_a_page_holds_what_the_api_answers(project: Path, asked: Asked, template: None) -> None:
    save_all(project)
    found = data_of((await saved(asked, failed().run_id, "html")).body.decode())
    [run] = found["runs"]
    detail = (await asked.get(f"/api/runs/{failed().run_id}")).json
    assert run["detail"] == detail
    assert run["context"] == (await asked.get(f"/api/runs/{failed().run_id}/context")).json
    assert run["pages"] == [(await asked.get(f"/api/runs/{failed().run_id}/trace")).json]
    events = {event["id"]: event for event in found["events"]}
    assert len(events) == run["pages"][0]["count"]
    cause = detail["cause"]["event_id"]
    assert events[cause] == (await asked.get(f"/api/events/{cause}")).json
    assert found["notes"] == []
    assert found["project"] == project.name


async def test_what_was_recorded_cannot_leave_its_element(project: Path, asked: Asked, template: None) -> None:
    run = Writer(1, "</title><script>alert(1)</script>", "COMPLETED", payload="</script><script>alert(2)</script><!--")
    run.span(10, 99, "<!--<script>", 1, 2, attributes={"</script>": "</ScRiPt >"})
    save(project, [run])
    page = (await saved(asked, run.run_id, "html")).body.decode()
    assert page.count("<script") == 2
    assert page.count("</script") == 2
    assert "<!--" not in page
    assert data_of(page)["runs"][0]["detail"]["payload"] == "</script><script>alert(2)</script><!--"


async def test_child_runs_are_in_it(project: Path, asked: Asked, template: None) -> None:
    parent, child, grandchild = (Writer(number, f"task{number}", "COMPLETED") for number in (1, 2, 3))
    parent.span(10, 99, "Attempt 1", 12, 400)
    child.run.parent_run_id, grandchild.run.parent_run_id = parent.run_id, child.run_id
    save(project, [parent, child, grandchild])
    found = data_of((await saved(asked, parent.run_id, "html")).body.decode())
    assert [run["detail"]["run"]["task"] for run in found["runs"]] == ["task1", "task2", "task3"]


async def test_what_has_no_room_is_said(project: Path, asked: Asked) -> None:
    parent, child = failed(), completed()
    child.run.parent_run_id = parent.run_id
    parent.run.payload = "x" * 300_000
    save(project, [parent, child])
    reader = open_reader(asked.settings)
    run = reader.run(parent.run_id)
    found = exported_run(reader, asked.settings, run, Limits(runs=1, events=3))
    reader.close()
    assert found.notes == [
        f"the payload of {parent.run_id} is not in this file: it is 300,002 bytes",
        "1 of the runs that were triggered are not in this file",
        "3 of 11 spans and logs have their details in this file: those that failed, and the first of the others",
    ]
    assert all(event.exception or event.level >= 17 for event in found.events)


async def test_more_than_is_in_memory_is_left_to_the_command(
    project: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_all(project)
    form = export._FORMATS["log"]
    monkeypatch.setitem(export._FORMATS, "log", export._Format(form.ending, form.media_type, form.pieces, most=5))
    answer = await asked.get(f"/api/runs/{failed().run_id}/export?format=log")
    assert (answer.status, answer.code) == (413, "too-large")
    assert answer.json["error"]["fix"] == f"runlog export {failed().run_id} --format log"


async def test_without_the_page_there_is_no_file_of_it(
    project: Path, asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "TEMPLATE", tmp_path / "nothing")
    save_all(project)
    assert (await asked.get(f"/api/runs/{failed().run_id}/export?format=html")).status == 503


@pytest.mark.parametrize("form", ["pdf", "../x", "HTML"])
async def test_there_are_no_other_formats(project: Path, asked: Asked, form: str) -> None:
    save_all(project)
    answer = await asked.get(f"/api/runs/{failed().run_id}/export?format={form}")
    assert (answer.status, answer.code) == (400, "bad-request")


def test_the_command_writes_the_same_page(project: Path, template: None, capfd: pytest.CaptureFixture[str]) -> None:
    save_all(project)
    assert main(["export", failed().run_id, "--format", "html"]) == 0
    page = capfd.readouterr().out
    assert page.startswith("<!doctype html><title>charge-card ")
    assert len(data_of(page)["runs"]) == 1
