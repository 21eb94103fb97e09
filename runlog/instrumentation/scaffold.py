"""`runlog new-instrumentation`: a distribution to start from, which works and passes its own tests."""

from __future__ import annotations

import keyword
from pathlib import Path
from string import Template

from runlog.errors import RunlogError
from runlog.instrumentation import templates
from runlog.instrumentation.lookup import normalised


def create_instrumentation(name: str, directory: Path | None = None) -> list[Path]:
    """Write a distribution that instruments `name`, into `directory` (by default a folder named after it, here).

    Returns the files, the first in the folder itself. Raises RunlogError for a name that cannot be one, and for a
    folder that is not empty.
    """
    short = normalised(name)
    package = f"runlog_instrumentation_{short.replace('-', '_')}"
    if not short.strip("-") or not package.isidentifier() or not short.isascii() or keyword.iskeyword(short):
        raise RunlogError(
            f"{name!r} cannot be the name of an instrumentation",
            "letters, digits and - make a name",
            "runlog new-instrumentation redis",
        )
    distribution = f"runlog-instrumentation-{short}"
    folder = directory if directory is not None else Path.cwd() / distribution
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunlogError(
            f"{folder} is not empty",
            "nothing that is there is overwritten",
            f"runlog new-instrumentation {name} --directory ANOTHER",
        )
    values = {
        "name": short,
        "package": package,
        "distribution": distribution,
        "class_name": "".join(part.capitalize() for part in short.split("-")),
    }
    contents = {
        "pyproject.toml": templates.PYPROJECT,
        "README.md": templates.README,
        f"{package}/__init__.py": templates.MODULE,
        f"{package}/py.typed": "",
        f"tests/test_{package.removeprefix('runlog_instrumentation_')}.py": templates.TESTS,
    }
    written = []
    for path, template in contents.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(Template(template).substitute(values), encoding="utf-8")
        written.append(file)
    return written


def next_steps(name: str, folder: Path) -> list[str]:
    """Return the lines to type after `create_instrumentation`."""
    return [
        f"pip install -e '{folder}[test]'",
        f"pytest {folder}",
        f'instrumentations = ["{normalised(name)}"]   # in runlog.toml',
    ]
