"""Compare two models, versions of one, or training steps: `gradlint A SAMPLE --compare B`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.cli.output import WIDTH, print_whole, style_of_terminal, undisturbed, write_whole
from gradlint.errors import UsageError
from gradlint.project.terminal import Progress, say
from gradlint.report.comparison import FORMATS, verdict
from gradlint.report.text import Style

if TYPE_CHECKING:
    from gradlint.cli.parser import Line


def compare_two(options: Line) -> int:
    """Compare the model of a command line with the one that `--compare` names; gives the exit status.

    Raises:
        GradlintError: the comparison could not run.
    """
    if options.format not in FORMATS:
        raise UsageError(f"--compare has no report as {options.format}; there are {' and '.join(FORMATS)}")
    if options.isolate:
        raise UsageError("--compare runs both in this process; leave out --isolate")
    assert options.compare is not None
    from gradlint.checking.comparing import compared
    from gradlint.load.limits import limits_from
    from gradlint.project.deadline import deadline

    given = () if options.sample is None else (options.sample,)
    asked = replace(options.settings.options, limits=limits_from(options.limits))
    with undisturbed(options, Progress), deadline(options.timeout, lambda: "comparing the two"):
        found = compared(options.model, options.compare, given, asked)
    render = FORMATS[options.format]
    if options.output is None:
        return print_whole(render(found, style_of_terminal()), found.exit_status)
    write_whole(options.output, f"{render(found, Style(width=WIDTH))}\n")
    say(f"{verdict(found)}; written to {options.output}")
    return found.exit_status
