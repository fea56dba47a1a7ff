"""The known findings of a baseline on the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.cli.output import OK, write_whole
from gradlint.project.terminal import say
from gradlint.report.text import count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gradlint.checking.suppression import Allowance
    from gradlint.cli.parser import Line
    from gradlint.errors import UsageError
    from gradlint.project.baseline import Baseline
    from gradlint.project.config import Config
    from gradlint.project.targets import Standing


def unused_error_of(unused: Sequence[Allowance]) -> UsageError:
    """What to raise for allowances that fit no finding."""
    from gradlint.checking.suppression import unused_error

    return unused_error(unused)


def baseline_of(options: Line, config: Config) -> tuple[Baseline, Path | None]:
    """The known findings, and the file they are in; None when nobody asked for a baseline."""
    from gradlint.project.baseline import DEFAULT_FILE, read_baseline

    file = options.baseline or config.baseline
    if file is None and options.write_baseline:
        file = config.folder / DEFAULT_FILE
    if file is None or (options.write_baseline and not file.exists()):
        return {}, file
    return read_baseline(file), file


def write_baseline(found: Mapping[str, Standing], known: Baseline, file: Path | None, *, whole: bool) -> int:
    """Write what was found as known; `whole` when all targets were checked. Gives the exit status."""
    from gradlint.project.baseline import baseline_text

    assert file is not None
    entries = {} if whole else dict(known)  # a target that was not checked keeps its own
    entries |= {name: standing.found.findings for name, standing in found.items()}
    write_whole(file, baseline_text(entries))
    say(f"{shown_path(file)}: {count(sum(map(len, entries.values())), 'known finding')}")
    return OK


def say_gone(found: Mapping[str, Standing], file: Path | None) -> None:
    """Tell of known findings that are no more."""
    gone = [(name, entry) for name, standing in found.items() for entry in standing.gone]
    for name, entry in gone:
        where = f" at {entry.layer}" if entry.layer else ""
        say(f"gradlint: gone from {name}: {entry.code}{where}: {' '.join(entry.message.split())}")
    if gone:
        say(
            f"gradlint: {shown_path(file)} knows {count(len(gone), 'finding')} that "
            f"{'is' if len(gone) == 1 else 'are'} gone; --write-baseline takes {'it' if len(gone) == 1 else 'them'} out"
        )


def shown_path(path: Path | None) -> str:
    """A path as the user would type it; empty for none."""
    return "" if path is None else os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
