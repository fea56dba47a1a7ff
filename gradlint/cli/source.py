"""Check source files: `gradlint train.py src/ notebooks/`, and `gradlint --stdin-filename train.py -`."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.cli.known import baseline_of, say_gone, shown_path, write_baseline
from gradlint.cli.output import FAILED, WIDTH, print_whole, say, style_of_terminal, write_whole
from gradlint.cli.single import check_one, refuse_early, status_of
from gradlint.errors import UsageError
from gradlint.report import FORMATS
from gradlint.report.text import Style
from gradlint.report.verdict import consequence, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.cli.parser import Line
    from gradlint.project.config import Config


def check_sources(paths: Sequence[str], others: Sequence[str], options: Line, config: Config) -> int:
    """Check source files, and after them the model that stands in the same line; the worse of the two statuses."""
    if len(others) > 2:
        raise UsageError(f"one model can be checked together with source files, not {', '.join(others)}.")
    status = _check(paths, options, config)
    if not others:
        return status
    own = replace(options, model=others[0], sample=others[1] if len(others) > 1 else None, more=[])
    own = replace(own, settings=options.settings.over(config.settings))
    return max(status, check_one(others[0], own, config.allowed, (), config))


def _check(paths: Sequence[str], options: Line, config: Config) -> int:
    from gradlint.checking.source import check_files, check_text, source_files, source_result, source_rules
    from gradlint.project.targets import against, settled

    refuse_early(options)
    known, baseline_file = baseline_of(options, config)
    said = options.settings.over(config.settings).options
    rules = source_rules(said.select, said.ignore)
    if options.stdin_filename is not None:
        reports = [check_text(sys.stdin.buffer.read(), options.stdin_filename, rules)]
    else:
        reports = check_files(list(source_files(paths, options.exclude)), rules)
    name = options.stdin_filename or ", ".join(paths)
    result = source_result(name, rules, reports, said.fail_on)
    done = settled("source", result, config.allowed)
    if options.write_baseline:
        return write_baseline([done], known, baseline_file, whole=False)
    done = against(done, known, shown_path(baseline_file))
    result = done.result or result
    troubles = [line for report in reports for line in (*report.broken, *report.unused)]
    for line in troubles:
        say(f"gradlint: {line}")
    status = FAILED if troubles else status_of(result)
    render = FORMATS[options.format]
    if options.output is None:
        status = print_whole(render(result, style_of_terminal()), status)
    else:
        text = render(result, Style(width=WIDTH))
        write_whole(options.output, f"{text}\n" if text else "")
        say(f"{verdict(result)}; {consequence(result)}; written to {options.output}")
    say_gone([done], baseline_file)
    return status
