"""Completion in a shell: a script that shtab derives from the parser, so that no option is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.errors import UsageError

if TYPE_CHECKING:
    import argparse

_FILES = ("model", "sample", "more", "output", "graph", "config", "baseline", "imports")
"""Options whose value is a file."""


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The completion script for a shell.

    Raises:
        UsageError: shtab is not installed, or does not know the shell.
    """
    try:
        import shtab
    except ImportError as error:
        raise UsageError("--completion needs shtab: pip install 'keras-gradlint[completion]'") from error
    for action in parser._actions:  # noqa: SLF001  # argparse has no public list of what was added
        if action.dest in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # shtab's own way to say so
    try:
        return str(shtab.complete(parser, shell=shell)).rstrip("\n")
    except NotImplementedError as error:
        raise UsageError(f"shtab {shtab.__version__} has no completion for {shell}; a newer one may") from error
