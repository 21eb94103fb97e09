"""Every example in README and docs is executed.

A page is a project in a folder of its own. A fenced block whose first line is a comment with a file's name
(`# tasks.py`) is that file. Another `python` block is a script that is run. In a `console` block each line after `$` is
a command that must exit with 0 (or with the number in a closing comment `# exits 2`); the lines below it are what it
prints, where `…` stands for anything. Blocks of other languages are not examples.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(python|toml|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"^# ([\w./-]+\.(?:py|toml))\b.*\n")
EXIT_CODE = re.compile(r"\s+# exits (\d+)$")


@dataclass
class Example:
    language: str
    text: str
    line: int


def examples(page: Path) -> list[Example]:
    text = page.read_text(encoding="utf-8")
    return [Example(m[1], m[2], text.count("\n", 0, m.start()) + 2) for m in FENCE.finditer(text)]


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=lambda page: page.stem)
def test_examples(page: Path, project: Path) -> None:
    for example in examples(page):
        where = f"{page.name}:{example.line}"
        named = FILE_NAME.match(example.text)
        if named:
            target = project / named[1]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(example.text, encoding="utf-8")
        elif example.language == "python":
            run([sys.executable, "-c", example.text], project, where)
        elif example.language == "console":
            for command, expected, code in commands(example.text):
                printed = run(["bash", "-c", command], project, f"{where}: {command}", code)
                assert_shown(expected, printed, f"{where}: {command}")


def commands(text: str) -> list[tuple[str, list[str], int]]:
    found: list[tuple[str, list[str], int]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            code = EXIT_CODE.search(line)
            found.append((EXIT_CODE.sub("", line[2:]), [], int(code[1]) if code else 0))
        elif line.strip():
            assert found, f"output without a command: {line}"
            found[-1][1].append(line)
    return found


def run(command: list[str], folder: Path, where: str, code: int = 0) -> str:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "120",
        "PYTHONPATH": str(folder),
        "PYTHONWARNINGS": "default",
    }
    completed = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100)
    printed = completed.stdout + completed.stderr
    assert completed.returncode == code, f"{where} exited with {completed.returncode}:\n{printed}"
    return printed


def assert_shown(expected: list[str], printed: str, where: str) -> None:
    """Each expected line is printed, in order; `…` is anything, runs of spaces count as one."""
    lines = iter(" ".join(line.split()) for line in printed.splitlines())
    for want in expected:
        if want.strip() == "…":
            continue
        pattern = re.compile(".*".join(re.escape(" ".join(part.split())) for part in want.split("…")))
        assert any(pattern.search(line) for line in lines), f"{where} did not print {want!r}, but:\n{printed}"
