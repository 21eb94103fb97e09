"""Secrets in payloads: needed while the run is to be executed, gone from the project's folder when it has ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import anyio
import pytest

from runlog.config import Settings
from runlog.engines.base import Outcome
from runlog.engines.local import LocalEngine
from runlog.executor import PayloadScrubber
from tests.engines.conftest import claim_one, new_run
from tests.helpers import wait_until
from tests.recording.secrets import SECRETS

PLAIN = "hunter2canary-under-a-key"
TASKS = """
    import os
    from pathlib import Path
    from typing import Any
    import anyio, runlog

    @runlog.task(retry=1)
    async def slow(payload: dict[str, Any]) -> int:
        Path("started").touch()
        await anyio.sleep(0 if os.environ.get("FAST") else 60)
        return len(payload["items"])

    @runlog.task(retry=1)
    async def broken(payload: dict[str, Any]) -> None:
        raise ValueError("no")
"""


def planted() -> dict[str, Any]:
    items = [
        {"text": item.text, "json": json.dumps({"inner": item.text}), "deep": {"list": [item.text]}} for item in SECRETS
    ]
    return {"items": items, "config": {"database": {"password": PLAIN}}, "filler": "x" * 10_000}


def found_below(folder: Path) -> set[str]:
    """Which secrets are in a byte of any file."""
    content = b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    canaries = [PLAIN, *(item.canary for item in SECRETS)]
    return {text for text in canaries if text.encode() in content or json.dumps(text)[1:-1].encode() in content}


def worker(**environment: str) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", "import sys; from runlog.cli import main; sys.argv = ['runlog', 'worker']; main()"],
        env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}.", **environment}, stderr=subprocess.DEVNULL,
    )  # fmt: skip


async def submit_all(settings: Settings) -> list[str]:
    engine = LocalEngine(settings.queue_path, lambda run: None, scrub=PayloadScrubber(settings))
    data = json.dumps(planted()).encode()
    runs = [new_run(task, payload=data) for task in ("slow", "broken", "never")]
    await engine.submit(runs)
    await engine.cancel(runs[2].run_id, f"password={PLAIN}")
    await engine.close()
    return [run.run_id for run in runs]


async def statuses(settings: Settings, run_ids: list[str]) -> list[str]:
    engine = LocalEngine(settings.queue_path, lambda run: None)
    found = [(await engine.get(run_id)).status for run_id in run_ids]
    await engine.close()
    return found


def test_no_byte_of_a_payloads_secrets_is_left_also_after_a_kill(project: Path) -> None:
    (project / "tasks.py").write_text(dedent(TASKS))
    (project / "runlog.toml").write_text('tasks = ["tasks"]\n[console]\nenabled = false\n')
    settings = Settings.load()
    run_ids = anyio.run(submit_all, settings)
    killed = worker()
    wait_until(lambda: Path("started").exists(), 30)
    assert len(found_below(project)) > 40  # it would be seen
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    second = worker(FAST="1")
    try:
        wait_until(lambda: anyio.run(statuses, settings, run_ids) == ["COMPLETED", "FAILED", "CANCELED"], 30)
        wait_until(lambda: not found_below(project), 30)  # while it idles: the log is checkpointed, too
    finally:
        second.send_signal(signal.SIGTERM)
        assert second.wait(30) == 0
    assert found_below(project) == set()


@pytest.mark.anyio
async def test_a_payload_is_kept_as_it_is_until_its_run_has_ended() -> None:
    settings = Settings.load()
    engine = LocalEngine(settings.queue_path, lambda run: None, scrub=PayloadScrubber(settings))
    data = b'{"password": "hunter2-and-more", "user": "ada"}'
    retried, plain = new_run(payload=data), new_run("other", payload=b'{"n":  1}')
    await engine.submit([retried, plain])
    await engine.finish(await claim_one(engine), Outcome("QUEUED"))
    assert (await engine.get(retried.run_id)).payload == data
    again = await claim_one(engine)
    assert again.run.payload == data
    await engine.finish(again, Outcome("FAILED"))
    await engine.finish(await claim_one(engine, "other"), Outcome("COMPLETED"))
    ended = json.loads((await engine.get(retried.run_id)).payload)
    assert (ended["user"], "hunter2" in str(ended)) == ("ada", False)
    assert (await engine.get(plain.run_id)).payload == b'{"n":  1}'
    await engine.close()


def test_a_payload_that_is_no_json_is_scrubbed_as_text() -> None:
    scrub = PayloadScrubber(Settings.load())
    assert b"hunter2" not in scrub(b"password=hunter2-and-more")
    assert scrub(b"\xff nothing") == b"\xff nothing"
    deep = b"[" * 100_000 + b'{"password": "hunter2-and-more"}' + b"]" * 100_000
    assert b"hunter2" not in scrub(deep)
