"""Check source files: `gradlint train.py src/ notebooks/`, and `gradlint --stdin-filename train.py -`."""

from __future__ import annotations

import linecache
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.cli.known import baseline_of, say_gone, shown_path, unused_error_of, write_baseline
from gradlint.cli.output import FAILED
from gradlint.cli.single import refuse_early, report, status_of
from gradlint.errors import UsageError
from gradlint.options import FLAGS, SETTINGS
from gradlint.project.terminal import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.checking.suppression import Allowance
    from gradlint.cli.parser import Line
    from gradlint.project.baseline import Baseline
    from gradlint.project.config import Config
    from gradlint.project.sources import Sources


def check_sources(paths: Sequence[str], options: Line, config: Config) -> int:
    """Check source files."""
    refuse_early(options)
    if options.fix or options.diff:
        from gradlint.cli.fixing import fix_sources

        if (status := fix_sources(paths, options, config)) is not None:
            return status
    known, baseline_file = baseline_of(options, config)
    found = checked(paths, options, config, known, shown_path(baseline_file))
    if options.write_baseline:
        return write_baseline(found.files, known, baseline_file, whole=False)
    result = found.outcome.result
    if options.output is not None:
        from gradlint.report.several import path_of

        options = replace(options, output=Path(path_of(str(options.output), found.outcome.name)))
    status = report(result, options, status_of(result))
    is_quiet = options.stdin_filename is None and len(paths) == 1 and not result.findings and not result.unread
    if is_quiet and _builds_a_model(paths[0]):
        say(
            f"gradlint: {paths[0]} was read and not run; the model that a function in it returns is checked by "
            f"gradlint {paths[0]}:FUNCTION"
        )
    say_gone(found.files, baseline_file)
    return max(status, complain(found.complaints, found.outcome.unused))


_OF_FINDINGS = frozenset({"select", "ignore", "fail_on", "thresholds"})
"""The settings that mean something for source, too."""


def refuse_options_of_runs(options: Line, paths: Sequence[str]) -> None:
    """Say which options source alone has no use for: it is read, and nothing is run.

    Raises:
        UsageError: something was asked for that only a run can give.
    """
    run = f"gradlint {paths[0] if paths else 'FILE.py'}:FUNCTION"
    for flag, is_asked in (("--graph", options.graph is not None), ("--compare", options.compare is not None)):
        if is_asked:
            raise UsageError(f"{flag} needs something to run, and source is read alone: name a function of it, {run}")
    unused = [FLAGS[name] for name in SETTINGS if name in options.settings.said and name not in _OF_FINDINGS]
    if unused:
        say(
            f"gradlint: source is read and not run, and has no use for {', '.join(unused)}; {run} runs a function of it"
        )


def _builds_a_model(name: str) -> bool:
    """Whether a file builds a model and has no tape: who names it most likely wants that model checked."""
    if not name.endswith(".py"):
        return False
    text = Path(name).read_text(encoding="utf-8", errors="replace")
    return re.search(r"\b(?:Sequential|Model)\(", text) is not None and "GradientTape" not in text


def checked(paths: Sequence[str], options: Line, config: Config, known: Baseline, file: str) -> Sources:
    """The outcome for source files, or for what is on stdin; says which of them could not be read."""
    from gradlint.project.sources import checked_paths, checked_text

    said = options.settings.over(config.settings).options
    name = options.stdin_filename
    if name is not None:
        content = sys.stdin.buffer.read()
        lines = content.decode("utf-8", "replace").splitlines(keepends=True)
        linecache.cache[name] = (len(content), None, lines, name)  # what reports quote; the file may be older
        found = checked_text(content, name, config, said, known, file)
    else:
        found = checked_paths(
            paths, config, said, known, file, exclude=options.exclude, is_strict=options.force_exclude
        )
    for line in found.outcome.result.unread:
        say(f"gradlint: {line}")
    return found


def complain(complaints: Sequence[str], unused: Sequence[Allowance]) -> int:
    """Say which ignores fit no finding; gives the exit status that follows.

    Raises:
        UsageError: the configuration has some.
    """
    for line in complaints:
        say(f"gradlint: {line}")
    if unused:
        raise unused_error_of(unused)
    return FAILED if complaints else 0
