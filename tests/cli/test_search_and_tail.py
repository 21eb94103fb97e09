"""`runlog search` and `runlog tail`."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from runlog.stores.base import DEBUG, ERROR, WORKER_EVENT
from tests.cli.conftest import COMMAND, Command, environment, in_terminal
from tests.cli.sample import Writer, completed, failed, running, save, save_all
from tests.helpers import wait_until


def test_search_finds_logs_and_spans_newest_first(runlog: Command, project: Path) -> None:
    save_all(project)
    date, *lines = runlog("search", "charge kind:log").lines
    assert date == "── 2026-09-21 ──"
    assert [line.split()[0] for line in lines] == ["14:14:20.406", "14:14:20.168"]
    assert "charge-card" in lines[0]


def test_search_as_json(runlog: Command, project: Path) -> None:
    save_all(project)
    found = [json.loads(line) for line in runlog("search", "order:7 level:error", "kind:log", "--json").lines]
    assert [event["message"] for event in found] == ["could not charge"] * 2
    assert found[0]["task"] == "charge-card"
    assert found[0]["attributes"] == {"order": 7}
    assert found[0]["level"] == "error"


def test_search_goes_on_by_cursor(runlog: Command, project: Path) -> None:
    save_all(project)
    first = runlog("search", "kind:log", "--limit", "4", "--json")
    assert "add --cursor" in first.err
    second = runlog("search", "kind:log", "--limit", "50", "--json", "--cursor", first.err.split()[-1])
    ids = [json.loads(line)["id"] for line in (*first.lines, *second.lines)]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 7


def test_search_without_a_match_says_so(runlog: Command, project: Path) -> None:
    save_all(project)
    answer = runlog("search", "nothing-like-it")
    assert (answer.code, answer.out, answer.err) == (0, "", "Nothing matches.\n")


def test_a_forged_line_is_told_from_a_real_one(runlog: Command, project: Path) -> None:
    run = Writer(9, "a-task", "COMPLETED")
    run.log(99, 1, "hello\n14:02:11.482 ERROR a-task 000009  forged")
    save(project, [run])
    lines = runlog("search", "forged").lines
    forged = next(line for line in lines if "forged" in line)
    assert forged.startswith("     ")
    for screen in (in_terminal("search", "forged", columns=60), in_terminal("tail", columns=60)):
        assert not any(line.startswith("14:02:11") for line in screen.shown)


def test_tail_shows_the_newest_in_order(runlog: Command, project: Path) -> None:
    save_all(project)
    found = [json.loads(line) for line in runlog("tail", "-n", "3", "kind:log", "--json").lines]
    assert [event["message"] for event in found] == [
        "syncing user {user_id}", "the cache is cold\nit will be slow", "prices are {state}",
    ]  # fmt: skip


def test_what_runlog_tells_of_its_workers_is_left_out_until_asked_for(runlog: Command, project: Path) -> None:
    run = Writer(9, "a-task", "COMPLETED")
    run.log(99, 1, "mine")
    told = run.events[-1]
    own = {
        "run_id": None,
        "level": DEBUG,
        "name": WORKER_EVENT,
        "message": "worker w",
        "attributes": {"event.name": WORKER_EVENT},
    }
    run.events.append(msgspec.structs.replace(told, **own))
    save(project, [run])
    for verb in ("tail", "search"):
        assert "worker w" not in runlog(verb).out
        assert "mine" in runlog(verb).out
        for asked in ("--all", f"name:{WORKER_EVENT}", "worker"):
            assert "worker w" in runlog(verb, asked).out


@contextmanager
def following(*arguments: str) -> Iterator[list[str]]:
    """A `tail -f` in a process of its own; the list grows with what it prints."""
    command = [*COMMAND, "tail", "-f", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment())
    lines: list[str] = []
    assert process.stdout is not None
    output = process.stdout
    thread = threading.Thread(target=lambda: lines.extend(iter(output.readline, "")))
    thread.start()
    try:
        yield lines
    finally:
        process.terminate()
        process.wait(30)
        thread.join(30)
        output.close()


def appeared(lines: list[str], text: str) -> bool:
    return any(text in line for line in lines)


def test_tail_follows_what_another_process_stores(project: Path) -> None:
    save(project, [completed()])
    with following("-n", "1") as lines:
        wait_until(lambda: appeared(lines, "sync-user"), 30)
        save(project, [running()])
        wait_until(lambda: appeared(lines, "prices are stable"))
        wait_until(lambda: appeared(lines, "EXECUTING"))
        ended = running()
        ended.run.status, ended.run.version, ended.run.ended = "COMPLETED", 6, ended.created + 1
        ended.events = []
        save(project, [ended])
        wait_until(lambda: appeared(lines, "COMPLETED"))
        assert sum("prices are stable" in line for line in lines) == 1


def test_tail_follows_a_query(project: Path) -> None:
    save(project, [completed()])
    with following("-n", "0", "level:error", "--json") as lines:
        probe = 20

        def seen() -> bool:  # until it is ready nothing that is stored is new to it
            nonlocal probe
            probe += 1
            one = Writer(probe, "probe", "COMPLETED")
            one.log(99, 1, "probe", ERROR)
            save(project, [one])
            return bool(lines)

        wait_until(seen, 30)
        save(project, [failed()])
        wait_until(lambda: appeared(lines, "could not charge"))
        events = [json.loads(line) for line in lines]
        assert {event["level"] for event in events} == {"error"}


def test_tail_waits_for_the_first_record(project: Path) -> None:
    with following() as lines:
        wait_until(lambda: appeared(lines, "Waiting for the first record"), 30)
        save(project, [running()])
        wait_until(lambda: appeared(lines, "prices are stable"))
