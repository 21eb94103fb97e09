"""A run as text, made piece by piece."""

from __future__ import annotations

from pathlib import Path

import pytest

from runlog.config import Settings
from runlog.reading.exporting import jsonl, log_lines, markdown
from runlog.reading.opening import require_log
from tests.cli.conftest import Command
from tests.cli.sample import save_all


@pytest.mark.parametrize("number", ["000001", "000002"])
def test_the_command_writes_each_piece_and_a_newline(runlog: Command, project: Path, number: str) -> None:
    save_all(project)
    with require_log(Settings.load(project)) as log:
        run = log.run(number)
        made = {"jsonl": jsonl(log, run), "markdown": markdown(log, run), "log": log_lines(log, run)}
        texts = {how: "".join(piece + "\n" for piece in pieces) for how, pieces in made.items()}
    assert texts == {how: runlog("export", number, "--format", how).out for how in made}
