"""The `runlog` command. Each verb is a module of its own with a function `command`, imported when it is used."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

_WORK, _READ, _CARE = "Run", "Look", "Set up and care"

VERBS: dict[str, tuple[str, str]] = {
    "demo": ("demo", _WORK),
    "dev": ("dev", _WORK),
    "worker": ("worker", _WORK),
    "trigger": ("trigger", _WORK),
    "cancel": ("cancel", _WORK),
    "replay": ("replay", _WORK),
    "reschedule": ("reschedule", _WORK),
    "ui": ("ui", _READ),
    "runs": ("runs", _READ),
    "show": ("show", _READ),
    "stacks": ("stacks", _READ),
    "tail": ("tail", _READ),
    "search": ("search", _READ),
    "export": ("export", _READ),
    "queues": ("queues", _READ),
    "schedules": ("schedules", _READ),
    "tokens": ("tokens", _READ),
    "workers": ("workers", _READ),
    "doctor": ("doctor", _CARE),
    "prune": ("prune", _CARE),
    "instrumentations": ("instrumentations", _CARE),
    "new-instrumentation": ("new_instrumentation", _CARE),
    "version": ("version", _CARE),
}
"""Verb → its module, and the part of the help it is in."""

_WITH_QUERY = ("runs", "search", "tail")
_NEGATED_TERM = re.compile(r'-[A-Za-z_"(][^\s]*:')
_HELP = """The run log of your background tasks: for every run, exactly what happened.

Every command works from any folder of a project and takes --help. Run ids may be shortened to their last characters.
"""
_PROJECT_HELP = "Work in the project of this folder. Like --debug it may stand anywhere in the line."
_INTERRUPTED = 130
_FAILED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 2 for every error, 130 after Ctrl-C, 1 where a verb says so."""
    from runlog.cli.output import output

    output.cache_clear()
    given = list(sys.argv[1:] if arguments is None else arguments)
    given, debug = _hoisted(given)
    try:
        code = _run(given)
        output().flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # the one place where a command's errors end
        if debug:
            raise
        return _report(error)
    return code


def _run(given: list[str]) -> int:
    app = typer.Typer(name="runlog", help=_HELP, add_completion=False, rich_markup_mode="rich", no_args_is_help=False)
    verb = _verb(given)
    if verb in _WITH_QUERY:
        given = [f" {item}" if _NEGATED_TERM.match(item) else item for item in given]

    @app.callback()
    def options(
        project: Annotated[str, typer.Option("-C", "--project", metavar="DIR", help=_PROJECT_HELP)] = "",
        debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
    ) -> None:
        from runlog.cli.project import choose

        choose(project or None)

    for name, (module, panel) in VERBS.items():
        if verb in (name, None):
            command = importlib.import_module(f"runlog.cli.{module}").command
            app.command(name, help=_flowing(command.__doc__), rich_help_panel=panel, no_args_is_help=False)(command)
    code: Any = app(given or ["--help"], prog_name="runlog", standalone_mode=False)
    return code if isinstance(code, int) else 0


def _flowing(text: str) -> str:
    """A help text whose paragraphs fill the terminal, whatever its width, but those that are to stay as they are."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(one if one.startswith("\b") else one.replace("\n", " ") for one in paragraphs)


def _verb(given: list[str]) -> str | None:
    """The verb, if it can be told without parsing: the others need not be imported then."""
    names = [item for item in given if not item.startswith("-")]
    if given[:1] in (["-C"], ["--project"]):
        names = names[1:]
    return names[0] if names and names[0] in VERBS else None


def _hoisted(given: list[str]) -> tuple[list[str], bool]:
    """Put `-C DIR` and `--debug`, which every verb takes anywhere, in front of it."""
    front: list[str] = []
    rest: list[str] = []
    index = 0
    while index < len(given):
        item = given[index]
        if item == "--":
            rest += given[index:]
            break
        if item in ("-C", "--project") and index + 1 < len(given):
            front += given[index : index + 2]
            index += 1
        elif item == "--debug" or item.startswith("--project="):
            front.append(item)
        else:
            rest.append(item)
        index += 1
    return front + rest, "--debug" in front


def _report(error: Exception) -> int:
    from runlog.cli.output import error_line
    from runlog.errors import RunlogError

    if isinstance(error, RunlogError):
        error_line(error.what, error.why, error.fix)
        return _FAILED
    kind = type(error).__name__
    if kind == "Abort":  # how Typer passes Ctrl-C on
        return _INTERRUPTED
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # the parser's, whichever it is built on
        context = getattr(error, "ctx", None)
        where = f"{context.command_path} --help" if context is not None else "runlog --help"
        error_line(error.format_message() or kind, fix=where)
        return _FAILED
    text = str(error)
    error_line(f"{kind}: {text}" if text else kind, fix="run it again with --debug to see where")
    return _FAILED
