"""The files of a new instrumentation. Each is a `string.Template`."""

from __future__ import annotations

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "$distribution"
version = "0.1.0"
description = "Traces $name into runlog, the run log of background tasks."
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["runlog-tasks>=0.1"]

[project.optional-dependencies]
# What is instrumented; without it, runlog prints this as the line to type. For example: ["$name>=1,<2"]
instruments = []
test = ["pytest>=8"]

[project.entry-points."runlog.instrumentations"]
$name = "$package:${class_name}Instrumentation"

[tool.hatch.build.targets.wheel]
packages = ["$package"]
"""

MODULE = '''\
"""Traces $name: a span for each call.

As it was made, this traces `shutil.copyfile`, so that it works and its tests pass. Put your library in its place.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any

from opentelemetry.trace import SpanKind
from runlog.instrumentation import (
    Instrumentation,
    InstrumentationPatch,
    Options,
    Target,
)


class ${class_name}Options(Options):
    """The table [instrumentation.$name]. An option that is not here is an error."""

    capture_paths: bool = True
    """Whether spans say which files they are about."""


class ${class_name}Instrumentation(Instrumentation[${class_name}Options]):
    """Traces calls of `shutil.copyfile`."""

    name = "$name"
    targets = (Target("shutil"),)  # for a library: Target("$name", "$name", ">=1,<2")

    def install(self, patch: InstrumentationPatch, options: ${class_name}Options) -> None:
        def copyfile(
            wrapped: Callable[..., Any],
            instance: Any,
            args: tuple[Any, ...],
            kwargs: dict[str, Any],
        ) -> Any:
            attributes: dict[str, str] = {}
            if options.capture_paths and len(args) == 2:
                source, target = args
                attributes["file.path"] = os.fspath(source)
                attributes["file.target"] = os.fspath(target)
            with patch.tracer.start_as_current_span(
                "copy file", kind=SpanKind.INTERNAL, attributes=attributes
            ):
                return wrapped(*args, **kwargs)

        # A method is wrapped in the same way: patch.wrap(library.Client, "send", send)
        patch.wrap(shutil, "copyfile", copyfile)
'''

TESTS = '''\
from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runlog.testing import InstrumentationSuite, Telemetry

from $package import ${class_name}Instrumentation


class TestConformance(InstrumentationSuite):
    """What every instrumentation must do. Write the other calls of the suite where your library has them."""

    instrumentation = ${class_name}Instrumentation

    @contextmanager
    def environment(self) -> Iterator[None]:
        with tempfile.TemporaryDirectory() as folder:
            self.source, self.target = Path(folder, "source"), Path(folder, "target")
            self.source.write_text("text")
            yield

    def call(self) -> object:
        shutil.copyfile(self.source, self.target)
        return self.target.read_text()

    def call_raising(self, error: Exception) -> None:
        class Raising:
            def __fspath__(self) -> str:
                raise error

        shutil.copyfile(src=Raising(), dst=self.target)


def test_a_span_says_what_is_copied(telemetry: Telemetry, tmp_path: Path) -> None:
    telemetry.install(${class_name}Instrumentation)
    (tmp_path / "a").write_text("text")
    shutil.copyfile(tmp_path / "a", tmp_path / "b")
    assert telemetry.tree() == "copy file"
    assert telemetry.spans[0].attributes["file.path"] == str(tmp_path / "a")


def test_paths_are_left_out_if_asked_for(telemetry: Telemetry, tmp_path: Path) -> None:
    telemetry.install(${class_name}Instrumentation, capture_paths=False)
    (tmp_path / "a").write_text("text")
    shutil.copyfile(tmp_path / "a", tmp_path / "b")
    assert telemetry.spans[0].attributes == {}
'''

README = """\
# $distribution

Traces $name into runlog, the run log of background tasks.

```
pip install -e '.[test]'    # and pytest, to run its tests
```

```toml
# runlog.toml
instrumentations = ["$name"]

[instrumentation.$name]
capture_paths = false
```

| option | default | |
|---|---|---|
| `capture_paths` | `true` | whether spans say which files they are about |
"""
