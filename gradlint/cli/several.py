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
from gradlint.project.config import Target, name_of_model
from gradlint.report import FORMATS
from gradlint.report.text import Style

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.checking.suppression import Allowance
    from gradlint.cli.parser import Line
    from gradlint.project.config import Config
    from gradlint.project.targets import Outcome


def check_changed(options: Line, config: Config) -> int:
    """Check the changed files of source, and the targets that changed files concern."""
    from gradlint.project.changes import concerned_targets
    from gradlint.project.sources import changed_sources

    names = [name for name in (options.model, options.sample, *options.more) if name is not None]
    for name in misplaced(names):
        say(f"gradlint: {name}, after --changed, names a file; options come before it")
    found = concerned_targets(config, [Path(name) for name in names])
    sources = changed_sources(config, names, options.exclude)
    if not found and not sources:
        say("gradlint: the changed files concern no target and no source")
        return OK
    return check_all(found, sources, options, config, whole=False)


def check_mixed(sources: Sequence[str], others: Sequence[str], options: Line, config: Config) -> int:
    """Check source files together with targets of the configuration, or with one model."""
    targets = [target for word in others if (target := config.target(word)) is not None]
    if len(targets) < len(others):
        if len(others) > 2:
            raise UsageError(f"one model can be checked together with source files, not {', '.join(others)}.")
        model, sample = others[0], others[1] if len(others) > 1 else None
        name = name_of_model(config, model)
        own = config.target(model) or Target(name, model, None, config.settings)
        targets = [own if sample is None else replace(own, sample=sample)]
    return check_all(targets, sources, options, config, whole=False)


def check_all(targets: Sequence[Target], sources: Sequence[str], options: Line, config: Config, *, whole: bool) -> int:
    """Check targets and source files, whichever there are."""
    if targets:
        return check_targets(targets, options, config, whole=whole, sources=sources)
    from gradlint.cli.source import check_sources

    return check_sources(sources, options, config)


def check_targets(
    targets: Sequence[Target], options: Line, config: Config, *, whole: bool, sources: Sequence[str] = ()
) -> int:
    """Check several targets, and files of source with them; `whole` when they are all that the file has."""
    from gradlint.cli.source import checked, complain
    from gradlint.project.targets import against, at_once, job_of, outcomes
    from gradlint.project.terminal import Fleet
    from gradlint.report import several

    _refuse_early_for_several(options)
    known, baseline_file = baseline_of(options, config)
    stronger = options.settings
    guard = guard_of(options)
    jobs = [replace(job_of(target, config, stronger), guard=guard, graph=wants_graph(options)) for target in targets]
    processes = at_once(options.jobs or config.jobs, len(jobs))
    read = checked(sources, options, config, known, shown_path(baseline_file)) if sources else None
    with undisturbed(options, lambda stream: Fleet(stream, len(jobs))) as watcher:
        found = list(outcomes(jobs, processes, debug=options.debug, watcher=watcher))
    for done in found:
        if done.error:
            give_up(done.error if done.error.startswith(done.name) else f"{done.name}: {done.error}", options)
    failed = any(done.result is None for done in found)
    if options.write_baseline:
        files = read.files if read is not None else ()
        written = [*found, *files]
        return FAILED if failed else write_baseline(written, known, baseline_file, whole=whole and not files)
    found = [against(done, known, shown_path(baseline_file)) for done in found]
    unused = _unused(found, targets, config, whole)
    if read is not None:
        found = [read.outcome, *found]
    if options.output is None:
        print_whole(several.render(found, options.format, style_of_terminal()), OK)
    else:
        for path, text in _files(found, options, options.output):
            write_whole(path, f"{text}\n" if text else "")
        say(several.summary(found, Style(width=WIDTH)))
    say_gone([*found, *(read.files if read is not None else ())], baseline_file)
    complained = complain(read) if read is not None else OK
    if unused:
        raise unused_error_of(unused)
    status = max((status_of(done.result) for done in found if done.result is not None), default=OK)
    return FAILED if failed else max(status, complained)


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
