"""Compare two models, versions of one, or training steps: `gradlint A SAMPLE --compare B`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.cli.output import print_whole, style_of_terminal, undisturbed, write_whole
from gradlint.cli.single import guard_of
from gradlint.errors import UsageError
from gradlint.options import FLAGS
from gradlint.project.terminal import Progress, say
from gradlint.report.comparison import FORMATS, verdict
from gradlint.report.text import Style

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gradlint.cli.parser import Line
    from gradlint.comparison import Comparison
    from gradlint.options import Settings
    from gradlint.project.isolation import Guard

_UNUSED = ("select", "ignore", "fail_on", "depth", "probes", "causal", "thresholds")
"""Settings of findings: a comparison has none."""


def compare_two(options: Line, lower: Settings) -> int:
    """Compare the model of a command line with the one that `--compare` names; gives the exit status.

    Args:
        options: with a model and another.
        lower: what the configuration says.

    Raises:
        GradlintError: the comparison could not run.
    """
    if options.format not in FORMATS:
        raise UsageError(f"--compare has no report as {options.format}; there are {' and '.join(FORMATS)}")
    if unused := list(_unused(options)):
        say(f"gradlint: a comparison has no use for {', '.join(unused)}")
    options = replace(options, settings=options.settings.over(lower))
    guard = guard_of(options)
    with undisturbed(options, Progress) as progress:
        found = _apart(options, guard, progress) if guard.isolate else _here(options, guard)
    render = FORMATS[options.format]
    if options.output is None:
        return print_whole(render(found, style_of_terminal()), found.exit_status)
    write_whole(options.output, f"{render(found, Style())}\n")
    say(f"{verdict(found)}; written to {options.output}")
    return found.exit_status


def _unused(options: Line) -> Iterator[str]:
    """What the command line asks for and a comparison cannot give."""
    yield from (FLAGS[name] for name in _UNUSED if name in options.settings.said)
    asked = {
        "--cache-dir": options.cache_dir is not None,
        "--graph": options.graph is not None,
        "--baseline": options.baseline is not None,
        "--write-baseline": options.write_baseline,
        "--explain-finding": options.explain_finding,
        "--jobs": options.jobs is not None,
        "--shard": options.shard is not None,
        "--executor": options.executor is not None,
    }
    yield from (flag for flag, is_asked in asked.items() if is_asked)


def _here(options: Line, guard: Guard) -> Comparison:
    from gradlint.checking.comparing import compared
    from gradlint.project.deadline import deadline

    given = () if options.sample is None else (options.sample,)
    asked = replace(options.settings.options, limits=guard.limits)
    with deadline(options.timeout, lambda: "comparing the two"):
        return compared(options.model, options.compare, given, asked)


def _apart(options: Line, guard: Guard, progress: Callable[[str], None] | None) -> Comparison:
    from gradlint.project.isolation import compare_apart

    first, second = str(options.model), str(options.compare)
    arguments = options.settings.arguments()
    return compare_apart(first, second, options.sample, arguments, guard, progress=progress, debug=options.debug)
