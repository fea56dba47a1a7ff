"""Source files of a project: what its configuration says of them, and what its baseline knows."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.checking.exclusion import Exclusion, is_within, patterns_of
from gradlint.checking.source import (
    SUFFIXES,
    check_files,
    check_text,
    name_of_paths,
    source_files,
    source_result,
    source_rules,
    were_applied,
)
from gradlint.checking.suppression import likely_meant, note_of
from gradlint.project.baseline import note_of_known
from gradlint.project.config import name_of_model
from gradlint.project.targets import Settled, Standing, against, settled, with_misfits

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from gradlint.checking.source import FileReport
    from gradlint.checking.suppression import Allowance
    from gradlint.finding import Finding
    from gradlint.options import Options
    from gradlint.project.baseline import Baseline
    from gradlint.project.config import Config
    from gradlint.result import Result


@dataclass(frozen=True, slots=True)
class Sources:
    """The outcome for all source files together.

    Attributes:
        outcome: what is new; its allowances are those that fit no finding.
        files: how the findings of each file stand to the baseline, which names it so.
        complaints: comments that ignore nothing, one line each.
    """

    outcome: Settled
    files: Mapping[str, Standing]
    complaints: tuple[str, ...]


def exclusion_of(config: Config, exclude: Sequence[str]) -> Exclusion:
    """What the configuration and the command line leave out."""
    return Exclusion.of(config.exclude, config.folder) + Exclusion.of(exclude, Path.cwd())


def files_of(paths: Sequence[str], config: Config, exclude: Sequence[str], *, is_strict: bool) -> list[Path]:
    """The files that the paths stand for under a configuration.

    Raises:
        UsageError: a path does not exist.
    """
    return list(source_files(paths, exclusion_of(config, exclude), is_strict=is_strict))


def is_meant(finding: Finding, path: str, config: Config) -> bool:
    """Whether the configuration ignores a finding in a file."""
    return _meant_by(finding, path, config) is not None


def _meant_by(finding: Finding, path: str, config: Config) -> Allowance | None:
    return next((each for each in config.per_file if finding.code in each.codes and _covers(each, path, config)), None)


def changed_sources(config: Config, changed: Iterable[str], exclude: Sequence[str]) -> list[str]:
    """Those of the changed files that are source to be checked."""
    wanted = [Path(path) for path in config.sources]
    exclusion = exclusion_of(config, exclude)
    return [
        name
        for name in changed
        if name.endswith(SUFFIXES)
        and os.path.isfile(name)
        and (not wanted or any(Path(os.path.abspath(name)).is_relative_to(path) for path in wanted))
        and not exclusion.leaves_out(Path(name))
    ]


def checked_text(content: bytes, name: str, config: Config, options: Options, known: Baseline, file: str) -> Sources:
    """Check source that is in no file; `name` is the path that it stands for."""
    rules = source_rules(options.select, options.ignore)
    report = check_text(content, name, rules)
    return _joined(
        name,
        [name],
        [report],
        source_result(name, rules, [report], options.fail_on, options.ignore),
        config,
        known,
        file,
    )


def checked_paths(
    paths: Sequence[str],
    config: Config,
    options: Options,
    known: Baseline,
    file: str,
    *,
    exclude: Sequence[str] = (),
    is_strict: bool = False,
) -> Sources:
    """Check files and folders.

    Args:
        paths: what the user named.
        config: says what is left out, and what is meant.
        options: the rules, and what fails.
        known: the baseline.
        file: where it is.
        exclude: patterns of the command line.
        is_strict: leave out what is excluded even where it is named.

    Raises:
        UsageError: a path does not exist, or a rule is unknown.
    """
    rules = source_rules(options.select, options.ignore)
    found = files_of(paths, config, exclude, is_strict=is_strict)
    reports = check_files(found, rules)
    name = name_of_paths(paths)
    result = source_result(name, rules, reports, options.fail_on, options.ignore)
    return _joined(name, [str(path) for path in found], reports, result, config, known, file)


def _joined(
    name: str,
    names: Sequence[str],
    reports: Sequence[FileReport],
    result: Result,
    config: Config,
    known: Baseline,
    file: str,
) -> Sources:
    used: Counter[Allowance] = Counter()
    files, number = [], 0
    for path, report in zip(names, reports, strict=True):
        meant = [(each, _meant_by(each, path, config)) for each in report.findings]
        used.update(allowance for _, allowance in meant if allowance is not None)
        kept = [each for each, allowance in meant if allowance is None]
        number += len(kept)
        done = settled(name_of_model(config, path), replace(result, findings=tuple(kept), notes=()), ())
        files.append(against(done, known, file))
    left = tuple(finding for each in files for finding in each.result.findings)
    notes = [note_of(each, times) for each, times in used.items()]
    if recognised := number - len(left):
        notes.append(note_of_known(recognised, file))
    ordered = tuple(sorted(left, key=lambda each: (each.cause.file or "", each.cause.line or 0, each.code)))
    unused = tuple(_with_guess(each, left, config) for each in _unused(names, used, result, config))
    notes = [*result.notes, *notes]
    outcome = with_misfits(Settled(name, replace(result, findings=ordered, notes=tuple(notes)), unused), unused)
    standings = {each.name: each.standing for each in files}
    return Sources(outcome, standings, tuple(line for report in reports for line in report.unused))


def _covers(allowance: Allowance, path: str, config: Config) -> bool:
    return is_within(name_of_model(config, path), patterns_of([allowance.pattern]))


def _with_guess(unused: Allowance, left: Sequence[Finding], config: Config) -> Allowance:
    """An ignore that fits nothing, with what it was likely meant to say."""

    def places(finding: Finding) -> Iterator[str]:
        yield name_of_model(config, finding.cause.file or "")

    def fits(finding: Finding, allowance: Allowance) -> bool:
        return finding.code in allowance.codes and _covers(allowance, finding.cause.file or "", config)

    return replace(unused, meant=likely_meant(unused, left, places, fits))


def _unused(names: Sequence[str], used: Collection[Allowance], result: Result, config: Config) -> Iterator[Allowance]:
    """Ignores of the configuration that fit no finding, where every file that they could be meant for was checked."""
    if not config.per_file:
        return
    checked = {name_of_model(config, path) for path in names}
    whole = bool(config.sources) and all(
        name_of_model(config, str(path)) in checked
        for path in source_files(config.sources, exclusion_of(config, ()), is_strict=True)
    )
    for each in config.per_file:
        if each not in used and were_applied(each.codes, result.rules) and (whole or each.pattern in checked):
            yield each
