"""Distributions that are installed for one test: metadata and modules in a folder on the path."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

PLUGIN = """
from runlog.instrumentation import Instrumentation, Options, Target

class MyOptions(Options):
    loud: bool = False

class My(Instrumentation[MyOptions]):
    name = "my"
    targets = (Target("json"),)

    def install(self, patch, options):
        import json
        def dumps(wrapped, instance, args, kwargs):
            with patch.tracer.start_as_current_span("dumps", attributes={"loud": options.loud}):
                return wrapped(*args, **kwargs)
        patch.wrap(json, "dumps", dumps)
"""


def distribution(
    folder: Path,
    name: str,
    *,
    version: str = "1.0",
    runlog: dict[str, str] | None = None,
    opentelemetry: dict[str, str] | None = None,
    requires: tuple[str, ...] = (),
    modules: dict[str, str] | None = None,
) -> None:
    """Install a distribution into `folder`, with entry points of either group."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {item}" for item in requires]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    points = []
    for group, entries in (("runlog.instrumentations", runlog), ("opentelemetry_instrumentor", opentelemetry)):
        points += [f"[{group}]", *(f"{key} = {value}" for key, value in (entries or {}).items())]
    (info / "entry_points.txt").write_text("\n".join(points) + "\n")
    for module, source in (modules or {}).items():
        (folder / f"{module}.py").write_text(dedent(source))
