"""What goes out: reports to stdout or a file, everything else to stderr, and the exit statuses."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gradlint.errors import ModelRunError, UsageError
from gradlint.project.terminal import is_terminal, say, silence
from gradlint.report.outgoing import fitting
from gradlint.report.text import Style, columns_of_stdout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import TextIO

    from gradlint.cli.parser import Line

T = TypeVar("T")

OK, FINDINGS, FAILED, INTERRUPTED = 0, 1, 2, 130
"""The three exits of the contract, and the shell's own for Ctrl-C."""


def print_whole(text: str, status: int) -> int:
    """Print `text`; a reader that has seen enough (`| head`) changes nothing about the verdict."""
    try:
        if text:
            print(fitting(text, sys.stdout.encoding))
        sys.stdout.flush()
    except OSError as error:
        # Python flushes once more at its end, and must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise UsageError(f"the report cannot be written: {error.strerror or error}") from error
    return status


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is never seen half written.

    Raises:
        UsageError: the file cannot be written.
    """
    from gradlint.load.temporary import draft_beside

    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():  # a device or a pipe cannot be replaced
            target.write_text(text, encoding="utf-8")
            return
        with draft_beside(target) as (draft, stream):
            with stream:
                stream.write(text)
            draft.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
            draft.replace(target)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def _umask() -> int:
    # mkstemp makes private files; a report gets the mode that open() would have given it.
    current = os.umask(0)
    os.umask(current)
    return current


def give_up(options: Line, reason: str, *more: str, status: int = FAILED) -> int:
    """Say on stderr why there is no result, in one line or several; gives the exit status."""
    if options.debug and sys.exc_info()[0] is not None:
        say(*traceback.format_exc().splitlines())
    say(f"gradlint: {reason}", *more)
    return status


@contextlib.contextmanager
def undisturbed(options: Line, screen: Callable[[TextIO], AbstractContextManager[T]]) -> Iterator[T | None]:
    """Run the user's model: stdout is kept for the report, and noise for `--debug`.

    Args:
        options: say whether noise is wanted.
        screen: makes what shows on a terminal how far it is.

    Yields:
        what `screen` makes, when somebody looks.

    Raises:
        ModelRunError: the user's code tried to end the program.
    """
    with contextlib.ExitStack() as stack:
        if not options.debug:
            stack.enter_context(silence())
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        try:
            yield stack.enter_context(screen(sys.stderr)) if is_terminal(sys.stderr) else None
        except SystemExit as error:
            # A training script named by --import would otherwise end the check, with 0 for "nothing found".
            raise ModelRunError(f"the model's code ended the program (exit status {error.code}).") from error


def style_of_report(options: Line) -> Style:
    """How the report of a check looks, on stdout or in a file."""
    style = style_of_terminal() if options.output is None else Style()
    return replace(style, explains=options.explain_finding)


def style_of_terminal() -> Style:
    """Colours and width that suit stdout."""
    # https://no-color.org: it counts when it is set and not empty.
    colour = is_terminal(sys.stdout) and not os.environ.get("NO_COLOR")
    return Style(colour=colour, width=columns_of_stdout())
