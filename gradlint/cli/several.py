"""Check several targets, or those that changed files concern."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.cli.known import baseline_of, say_gone, shown_path, unused_error_of, write_baseline
from gradlint.cli.names import misplaced
from gradlint.cli.output import (
    FAILED,
    OK,
    WIDTH,
    give_up,
    print_whole,
    say,
    style_of_terminal,
    undisturbed,
    write_whole,
)
from gradlint.cli.single import guard_of, refuse_early, status_of, wants_graph
from gradlint.errors import UsageError
from gradlint.report import FORMATS
from gradlint.report.text import Style

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.checking.suppression import Allowance
    from gradlint.cli.parser import Line
    from gradlint.project.config import Config, Target
    from gradlint.project.targets import Outcome


def check_changed(options: Line, config: Config) -> int:
    """Check the targets that changed files concern."""
    from gradlint.project.changes import concerned_targets

    names = [name for name in (options.model, options.sample, *options.more) if name is not None]
    for name in misplaced(names):
        say(f"gradlint: {name}, after --changed, names a file; options come before it")
    found = concerned_targets(config, [Path(name) for name in names])
    if not found:
        say("gradlint: the changed files concern no target")
        return OK
    return check_targets(found, options, config, whole=False)


def check_targets(targets: Sequence[Target], options: Line, config: Config, *, whole: bool) -> int:
    """Check several targets; `whole` when they are all that the file has."""
    from gradlint.project.targets import against, at_once, job_of, outcomes
    from gradlint.report import several

    _refuse_early_for_several(options)
    known, baseline_file = baseline_of(options, config)
    stronger = options.settings
    guard = guard_of(options)
    jobs = [replace(job_of(target, config, stronger), guard=guard, graph=wants_graph(options)) for target in targets]
    processes = at_once(options.jobs or config.jobs, len(jobs))
    with undisturbed(options) as progress:
        found = list(outcomes(jobs, processes, debug=options.debug, progress=progress))
    for done in found:
        if done.error:
            give_up(done.error if done.error.startswith(done.name) else f"{done.name}: {done.error}", options)
    failed = any(done.result is None for done in found)
    if options.write_baseline:
        return FAILED if failed else write_baseline(found, known, baseline_file, whole=whole)
    found = [against(done, known, shown_path(baseline_file)) for done in found]
    if options.output is None:
        print_whole(several.render(found, options.format, style_of_terminal()), OK)
    else:
        for path, text in _files(found, options, options.output):
            write_whole(path, f"{text}\n" if text else "")
        say(several.summary(found, Style(width=WIDTH)))
    say_gone(found, baseline_file)
    if unused := _unused(found, targets, config, whole):
        raise unused_error_of(unused)
    return FAILED if failed else max((status_of(done.result) for done in found if done.result is not None), default=OK)


def _files(found: Sequence[Outcome], options: Line, output: Path) -> Iterator[tuple[Path, str]]:
    from gradlint.report import several

    style = Style(width=WIDTH)
    if several.PLACE not in str(output):
        yield output, several.render(found, options.format, style)
        return
    for done in found:
        if done.result is not None:
            name = done.name.replace("/", "-")
            yield Path(str(output).replace(several.PLACE, name)), FORMATS[options.format](done.result, style)


def _unused(found: Sequence[Outcome], targets: Sequence[Target], config: Config, whole: bool) -> list[Allowance]:
    """The allowances that fit no finding: of a target, or of the file when all of its targets were checked."""
    own = [a for done, target in zip(found, targets, strict=True) for a in done.unused if a in target.allowed]
    shared = [a for a in config.allowed if whole and all(a in done.unused for done in found)]
    return [*own, *shared]


def _refuse_early_for_several(options: Line) -> None:
    from gradlint.report import several

    if options.graph is not None:
        raise UsageError("--graph shows one target; name it.")
    named = options.output is not None and several.PLACE in str(options.output)
    if not named and not several.is_joinable(options.format):
        several.render((), options.format, Style())
    refuse_early(options)
