"""Check one model or target."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.cli.known import baseline_of, say_gone, shown_path, unused_error_of, write_baseline
from gradlint.cli.output import (
    print_whole,
    style_of_report,
    undisturbed,
    write_whole,
)
from gradlint.errors import UsageError
from gradlint.options import Settings
from gradlint.project.terminal import say
from gradlint.report import FORMATS
from gradlint.report.verdict import consequence, exit_status, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from gradlint.checking.suppression import Allowance
    from gradlint.cli.parser import Line
    from gradlint.project.config import Config
    from gradlint.project.isolation import Guard
    from gradlint.result import Result


def check_one(
    name: str, options: Line, allowed: Sequence[Allowance], judged: Sequence[Allowance], config: Config
) -> int:
    """Check one model.

    Args:
        name: what a baseline calls it.
        options: with a model.
        allowed: findings that are meant.
        judged: those of them that must fit a finding.
        config: says where the baseline is.
    """
    refuse_early(options)
    for option in ("shard", "executor"):
        if getattr(options, option) is not None:
            raise UsageError(f"--{option} is for several targets, and this is one model.")
    known, baseline_file = baseline_of(options, config)
    if options.output is not None:
        from gradlint.report.several import path_of

        options = replace(options, output=Path(path_of(str(options.output), name)))
    from gradlint.project.targets import Job, against, outcome, with_misfits
    from gradlint.project.terminal import Progress

    settings = options.settings
    codes = {name: _codes(getattr(settings.options, name)) for name in ("select", "ignore")}
    arguments = Settings(codes).over(settings).arguments()
    job = Job(
        name,
        str(options.model),
        options.sample,
        arguments,
        tuple(allowed),
        guard=guard_of(options),
        graph=wants_graph(options),
    )
    with undisturbed(options, Progress) as progress:
        done = outcome(job, debug=options.debug, progress=progress)
    if options.graph is not None:
        _write_graph(done.result, options.graph, options)
    if options.write_baseline:
        return write_baseline({done.name: done.standing}, known, baseline_file, whole=False)
    done = against(done, known, shown_path(baseline_file))
    unused = [allowance for allowance in done.unused if allowance in judged]
    done = with_misfits(done, unused)
    status = report(done.result, options, status_of(done.result))
    say_gone({done.name: done.standing}, baseline_file)
    if unused:
        raise unused_error_of(unused)
    return status


def _codes(patterns: Sequence[str]) -> tuple[str, ...]:
    """The codes of the rules that patterns stand for."""
    if not patterns:
        return ()
    from gradlint.rules import codes_matching  # all rules, with their passes: a known answer does without them

    return codes_matching(patterns)


def guard_of(options: Line) -> Guard:
    """The bounds of a check."""
    from gradlint.load.limits import limits_from
    from gradlint.project.isolation import Guard, default_isolation

    isolate = default_isolation() if options.isolate is None else options.isolate
    return Guard(limits_from(options.limits), options.timeout, isolate, _cache(options, isolate))


def _cache(options: Line, isolate: bool) -> Path | None:
    """The folder of known answers, if they may be used.

    They hold no graph. A check in isolation is one of files from strangers, who could send answers along.
    """
    from gradlint.project.answers import default_folder

    if not options.cache or wants_graph(options) or (isolate and options.cache_dir is None):
        return None
    return options.cache_dir or default_folder()


def wants_graph(options: Line) -> bool:
    """Whether a report shows the graph of the run."""
    return options.graph is not None or options.format == "html" or is_part(options)


def is_part(options: Line) -> bool:
    """Whether what is written is for `gradlint merge`."""
    return options.shard is not None and options.format == "json"


def status_of(result: Result) -> int:
    """A rule that crashed, or a file that could not be read, leaves the question open; an ignore must fit something."""
    return exit_status(result)


def refuse_early(options: Line) -> None:
    """Say what cannot work before a model is loaded for it."""
    said = options.settings.options
    keys = [key for key, _ in said.mapping]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise UsageError(f"--map names {', '.join(twice)} more than once.")
    if options.output is not None:
        from gradlint.report.several import refuse_unknown_places

        refuse_unknown_places(str(options.output))
    for option, path in (("--output", options.output), ("--graph", options.graph)):
        if path is not None and path.is_dir():
            raise UsageError(f"{option} {path} is a folder; name a file.")
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"{option} {path}: there is no folder {path.parent}.")
    if options.graph is not None:
        from gradlint.report.graph import graph_format

        graph_format(options.graph)
        if said.depth == "preflight":
            raise UsageError("--graph needs the model to run; leave out --depth preflight.")


def writing_in_time(options: Line) -> AbstractContextManager[None]:
    """Bounds the making of a report, as a check is bounded; a reader may take longer."""
    from gradlint.project.deadline import deadline

    return deadline(options.timeout, lambda: "writing the report")


def report(result: Result, options: Line, status: int) -> int:
    """Print or write the report; gives the exit status."""
    style = style_of_report(options)
    with writing_in_time(options):
        text = FORMATS[options.format](result, style)
    if options.output is None:
        return print_whole(text, status)
    write_whole(options.output, f"{text}\n" if text else "")
    say(f"{verdict(result)}; {consequence(result)}; written to {options.output}")
    return status


def _write_graph(result: Result, path: Path, options: Line) -> None:
    from gradlint.report.graph import graph_format, render_graph

    if result.graph is None:
        say(f"gradlint: {path} is not written: the check ended before there was a graph")
        return
    with writing_in_time(options):
        text = render_graph(result.graph, graph_format(path), result.findings)
    write_whole(path, f"{text}\n")
