"""Check several targets, or those that changed files concern."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.cli.known import baseline_of, say_gone, shown_path, write_baseline
from gradlint.cli.names import misplaced
from gradlint.cli.output import (
    FAILED,
    OK,
    give_up,
    print_whole,
    style_of_report,
    undisturbed,
    write_whole,
)
from gradlint.cli.single import guard_of, is_part, refuse_early, status_of, wants_graph, writing_in_time
from gradlint.cli.words import holds_source, refuse_command
from gradlint.errors import UsageError
from gradlint.load.files import close_to
from gradlint.load.kinds import MODELS, SAMPLES
from gradlint.outcome import Failed
from gradlint.project.config import Target, name_of_model
from gradlint.project.terminal import say
from gradlint.report import FORMATS
from gradlint.report.text import Style

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.cli.parser import Line
    from gradlint.project.config import Config
    from gradlint.project.parts import Run
    from gradlint.project.targets import Outcome


_CHECKED = (*MODELS, *SAMPLES, ".py", ".ipynb")
"""Endings of what is checked: of a file that is none of them nobody expects anything."""


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
        unnamed = "--changed was given no file, and nothing was checked: name the changed files after it"
        for name in (name for name in names if name.endswith(_CHECKED) and not os.path.lexists(name)):
            say(f"gradlint: there is no file {name}{close_to(Path(name))}")
        say(f"gradlint: {'the changed files concern no target and no source' if names else unnamed}")
        return OK
    return check_all(found, sources, options, config, whole=False)


def check_mixed(sources: Sequence[str], others: Sequence[str], options: Line, config: Config) -> int:
    """Check source files together with targets of the configuration, or with one model."""
    targets = [target for word in others if (target := config.target(word)) is not None]
    if len(targets) < len(others):
        if len(others) > 2:
            raise UsageError(f"one model can be checked together with source files, not {', '.join(others)}.")
        model, sample = others[0], others[1] if len(others) > 1 else None
        refuse_command(model, sources[0])
        _refuse_misplaced(sources, model)
        name = name_of_model(config, model)
        own = config.target(model) or Target(name, model, None, config.settings)
        targets = [own if sample is None else replace(own, sample=sample)]
    return check_all(targets, sources, options, config, whole=False)


def _refuse_misplaced(sources: Sequence[str], model: str) -> None:
    """Source in the place of the model, and a folder without any in that of the sample.

    Raises:
        UsageError: what to write.
    """
    if Path(model).suffix in SAMPLES:
        folder = Path(sources[0])
        inside = sorted(folder.glob("**/*.keras"))[:1] if folder.is_dir() else [f"{folder}:FUNCTION"]
        means = "a folder" if folder.is_dir() else "source"
        name = f"name the model: gradlint {inside[0]} {model}" if inside else "name a model"
        raise UsageError(f"{folder} is {means}, and {model} is the sample of a model; {name}")
    if empty := [word for word in sources if not holds_source(word)]:
        raise UsageError(f"{empty[0]} is a folder without source, and not one that tf.data.Dataset.save has written")


def check_all(targets: Sequence[Target], sources: Sequence[str], options: Line, config: Config, *, whole: bool) -> int:
    """Check targets and source files, whichever there are."""
    if targets or options.shard is not None:
        return check_targets(targets, options, config, whole=whole, sources=sources)
    from gradlint.cli.source import check_sources

    return check_sources(sources, options, config)


def check_targets(
    targets: Sequence[Target], options: Line, config: Config, *, whole: bool, sources: Sequence[str] = ()
) -> int:
    """Check several targets, and files of source with them; `whole` when they are all that the file has."""
    from gradlint.cli.source import checked
    from gradlint.load.temporary import ended_when_terminated
    from gradlint.project.cluster import outcomes_on_cluster
    from gradlint.project.parts import WHOLE, Run
    from gradlint.project.targets import against, at_once, job_of, outcomes
    from gradlint.project.terminal import Fleet

    refuse_early_for_several(options)
    known, baseline_file = baseline_of(options, config)
    shard = options.shard or WHOLE
    stronger = options.settings
    guard = guard_of(options)
    graph = wants_graph(options)
    jobs = [replace(job_of(target, config, stronger), guard=guard, graph=graph) for target in targets[shard.places]]
    processes = at_once(options.jobs or config.jobs, len(jobs))
    has_source = bool(sources) and shard.has_source
    read = checked(sources, options, config, known, shown_path(baseline_file)) if has_source else None
    with (
        ended_when_terminated(),
        undisturbed(options, lambda stream: Fleet(stream, len(jobs))) as watcher,
        contextlib.closing(
            outcomes_on_cluster(jobs, options.executor, watcher=watcher)
            if options.executor is not None
            else outcomes(jobs, processes, debug=options.debug, watcher=watcher)
        ) as running,
    ):
        came: Iterator[Outcome] = running
        if not options.write_baseline:
            file = shown_path(baseline_file)
            new = (done if isinstance(done, Failed) else against(done, known, file) for done in came)
            came = (with_own_file(done, options) for done in new)
        found = list(came)
    if options.write_baseline:
        say_failed(found, options)
        files = read.files if read is not None else {}
        standings = {done.name: done.standing for done in found if not isinstance(done, Failed)}
        if len(standings) < len(found):
            return FAILED
        return write_baseline(standings | dict(files), known, baseline_file, whole=whole and not files)
    if read is not None:
        with_own_file(read.outcome, options)
    run = Run(
        names=tuple(target.name for target in targets),
        outcomes=tuple(found),
        source=read.outcome if read is not None else None,
        files=read.files if read is not None else {},
        complaints=read.complaints if read is not None else (),
        allowed=config.allowed,
        whole=whole,
        baseline=shown_path(baseline_file),
        shard=shard,
    )
    return told(run, options)


def say_failed(found: Sequence[Outcome], options: Line) -> None:
    """Say on stderr which targets could not be checked, and why."""
    for done in found:
        if isinstance(done, Failed):
            give_up(options, done.error if done.error.startswith(done.name) else f"{done.name}: {done.error}")


def told(run: Run, options: Line) -> int:
    """Print or write what came of a run; gives the exit status.

    Raises:
        UsageError: something is allowed that fits no finding.
    """
    from gradlint.cli.source import complain

    say_failed(run.outcomes, options)
    _report(run, options)
    standings = {done.name: done.standing for done in run.outcomes if not isinstance(done, Failed)}
    say_gone(standings | dict(run.files), Path(run.baseline) if run.baseline else None)
    complained = complain(run.complaints, run.unused)
    statuses = [FAILED if isinstance(done, Failed) else status_of(done.result) for done in run.found]
    return max([*statuses, complained], default=OK)


def _has_own_files(options: Line) -> bool:
    """Whether each target has a file of its own: as --output says, or because a page has room for one."""
    from gradlint.report import several

    return options.output is not None and (several.PLACE in str(options.output) or options.format == "html")


def with_own_file(done: Outcome, options: Line) -> Outcome:
    """Writes the target's own file, where there shall be one, and lets go of the graph that was kept for it."""
    if isinstance(done, Failed) or options.output is None or not _has_own_files(options):
        return done
    from gradlint.report import index, several

    if several.PLACE in str(options.output):
        path = Path(several.path_of(str(options.output), done.name))
    else:
        path = index.page_of(options.output, done.name)
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot make the folder {path.parent}: {error.strerror or error}") from error
    with writing_in_time(options):
        text = FORMATS[options.format](done.result, style_of_report(options))
    write_whole(path, f"{text}\n" if text else "")
    return replace(done, result=replace(done.result, drawn=None))


def _report(run: Run, options: Line) -> None:
    from gradlint.project.parts import part_text
    from gradlint.report import index, several

    found = run.found
    style = style_of_report(options)
    if _has_own_files(options):
        assert options.output is not None
        if several.PLACE not in str(options.output):
            write_whole(options.output, f"{index.render(found, options.output, several.total(found), style)}\n")
    else:
        with writing_in_time(options):
            text = part_text(run) if is_part(options) else several.render(found, options.format, style)
        if options.output is None:
            print_whole(text, OK)
            return
        write_whole(options.output, f"{text}\n" if text else "")
    say(*several.summary(found, style).splitlines())


def refuse_early_for_several(options: Line) -> None:
    """Say what cannot work for several targets, before any is checked."""
    from gradlint.report import several

    if options.graph is not None:
        raise UsageError("--graph shows one target; name it.")
    if options.compare is not None:
        raise UsageError("--compare is for one model or training step; name it alone.")
    if options.shard is not None and options.write_baseline:
        raise UsageError("--write-baseline needs all targets; leave out --shard.")
    if not _has_own_files(options) and not several.is_joinable(options.format):
        several.render((), options.format, Style())
    if options.shard is not None and options.output is not None and not is_part(options):
        say(f"gradlint: {options.output} is no part that gradlint merge joins: these are JSON (--format json)")
    refuse_early(options)
