"""Check source files: paths to files, files to findings, without TensorFlow and without running anything."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.checking.arguments import texts
from gradlint.checking.exclusion import Exclusion
from gradlint.checking.meant import advice, likely_rule
from gradlint.checking.suppression import left_out
from gradlint.collector import uncollected
from gradlint.errors import UsageError
from gradlint.load.files import close_to, content_of
from gradlint.report.text import count
from gradlint.result import Result, SkippedRule
from gradlint.rules import ALL_RULES, codes_matching, rules_matching
from gradlint.source.comments import Comment, comments
from gradlint.source.module import Module
from gradlint.source.reading import LARGEST, Source, SourceError, parse, read_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gradlint.finding import Finding
    from gradlint.rule import Rule

MANY = 200
"""Files from which on several processes are faster than one."""
SUFFIXES = (".py", ".ipynb")
_INTERESTING = re.compile(
    rb"GradientTape|apply_gradients|\.minimize\(|TensorArray|tf\.function|"
    rb"def (?:call|__call__|train_step|_train_step)\b|gradlint:"
)
"""What a file must mention to have anything that a rule looks for."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What one file has.

    Attributes:
        findings: sorted by line.
        broken: one line for each thing that could not be read.
        unused: comments that ignore nothing, one line each.
        crashed: rules that broke off.
        ignored: number of findings that comments ignore.
    """

    findings: tuple[Finding, ...] = ()
    broken: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    crashed: tuple[SkippedRule, ...] = ()
    ignored: int = 0


def source_rules(select: Iterable[str] = (), ignore: Iterable[str] = ()) -> tuple[Rule, ...]:
    """The rules that can be seen in source, of those selected.

    Raises:
        UsageError: a code, prefix or name fits no rule.
    """
    select, ignore = tuple(select), tuple(ignore)
    chosen = set(codes_matching(select)) if select else {rule.code for rule in ALL_RULES}
    chosen -= set(codes_matching(ignore))
    return tuple(rule for rule in ALL_RULES if rule.source is not None and rule.code in chosen)


def check_source(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    exclude: Sequence[str] = (),
    fail_on: str = "error",
) -> Result:
    """Check Python files and notebooks for misuse of tapes, optimizers and training steps.

    Nothing is run or imported, and TensorFlow need not be installed.

    Args:
        paths: a file or folder, or several; folders are searched for `.py` and `.ipynb`.
        select: codes, prefixes or names of the rules to apply; all when empty.
        ignore: those to leave out.
        exclude: patterns of files and folders to leave out of folders, as in `.gitignore`; they count from the
            current folder.
        fail_on: `error`, `warning` or `never`; decides `Result.ok`.

    Returns:
        the result; its findings are sorted by file and line, `cause` names both, `evidence` holds the column from 1.
        Files that cannot be read are in `unread`, and in its notes, with the comments that ignore nothing.

    Raises:
        UsageError: a path does not exist, or a rule or pattern is unknown.
    """
    given = texts("paths", paths)
    if fail_on not in ("error", "warning", "never"):
        raise UsageError(f"fail_on must be error, warning or never, not {fail_on!r}")
    rules = source_rules(select, ignore)
    reports = check_files(list(source_files(given, Exclusion.of(exclude, Path.cwd()))), rules)
    return source_result(name_of_paths(given), rules, reports, fail_on, texts("ignore", ignore))


def name_of_paths(paths: Sequence[str | os.PathLike[str]]) -> str:
    """What a report calls these files: the first of them, and how many more there are."""
    names = [os.fspath(path) for path in paths]
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def check_files(paths: Sequence[Path], rules: Sequence[Rule]) -> list[FileReport]:
    """Check files, on all cores where that pays."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    # A process is copied only where nothing but gradlint runs in it. Unlike those of `project.child`, the copies guard
    # nothing: this process would parse the files itself.
    with uncollected():  # it would walk each tree
        if len(paths) < MANY or cores < 2 or "tensorflow" in sys.modules or threading.active_count() > 1:
            return [check_file(path, rules) for path in paths]
        codes = tuple(rule.code for rule in rules)
        with ProcessPoolExecutor(min(cores, 8), mp_context=multiprocessing.get_context("fork")) as pool:
            return list(pool.map(_check_file, paths, [codes] * len(paths), chunksize=16))


def _check_file(path: Path, codes: tuple[str, ...]) -> FileReport:
    return check_file(path, tuple(rule for rule in ALL_RULES if rule.code in codes))


def check_text(text: str | bytes, name: str, rules: Sequence[Rule] | None = None) -> FileReport:
    """Check source that is in no file, as that of an editor; `name` is its path."""
    content = text.encode("utf-8") if isinstance(text, str) else text
    rules = source_rules() if rules is None else rules
    try:
        return _checked(parse(content, name), rules)
    except SourceError as error:
        return FileReport(broken=(str(error),))


def check_file(path: Path, rules: Sequence[Rule]) -> FileReport:
    """Check one file; what is broken about it is in the report."""
    name = str(path)
    try:
        if path.suffix == ".py":
            content = content_of(path, LARGEST)
            if not _INTERESTING.search(content):
                if b"\0" in content:
                    raise SourceError(f"{name}: source code cannot contain null bytes")
                return _unread(content, name)
            return _checked(parse(content, name), rules)
        return _checked(read_source(path, name), rules)
    except OSError as error:
        return FileReport(broken=(f"{name}: {error.strerror or error}",))
    except SourceError as error:
        return FileReport(broken=(str(error),))


def _unread(content: bytes, name: str) -> FileReport:
    """A file without anything of interest; only that it is Python is made sure of, cheaply."""
    try:
        compile(content, name, "exec", dont_inherit=True, flags=0x400)  # PyCF_ONLY_AST: nothing is run
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        try:
            parse(content, name)
        except SourceError as error:
            return FileReport(broken=(str(error),))
    return FileReport()


def _checked(source: Source, rules: Sequence[Rule]) -> FileReport:
    found: list[Finding] = []
    crashed: list[SkippedRule] = []
    try:
        cells = {number: (line.cell, line.cell_line) for number, line in source.lines.items()}
        module = Module(source.path, source.text, source.tree, cells)
    except RecursionError:
        return FileReport(broken=(f"{source.path}: nested too deeply", *source.broken))
    for rule in rules:
        if rule.source is None:
            continue
        try:
            found.extend(rule.source(module))
        except RecursionError:
            return FileReport(broken=(f"{source.path}: nested too deeply", *source.broken))
        except Exception as error:  # a bug of the rule must not hide what the others find
            crashed.append(SkippedRule(rule.code, f"{source.path}: {type(error).__name__}: {error}"))
    module.release()
    found.sort(key=lambda finding: (finding.cause.line or 0, finding.evidence.get("column") or 0, finding.code))
    kept, unused, ignored = _without_ignored(found, comments(source.text), source, rules)
    return FileReport(
        tuple(_in_notebook(each, source) for each in kept), source.broken, unused, tuple(crashed), ignored
    )


def _in_notebook(finding: Finding, source: Source) -> Finding:
    line = source.lines.get(finding.cause.line or 0)
    if line is None:
        return finding
    evidence = {**finding.evidence, "cell": line.cell, "cell_line": line.cell_line}
    if finding.column is not None:
        before = source.text.split("\n")[(finding.cause.line or 1) - 1][: finding.column - 1]
        column = line.column + len(json.dumps(before, ensure_ascii=False)) - 1
        evidence |= {"column": column, "cell_column": finding.column}
    text = source.text.split("\n")[(finding.cause.line or 1) - 1].strip()
    cause = replace(finding.cause, line=line.line, cell=line.cell, cell_line=line.cell_line, text=text)
    return replace(finding, cause=cause, evidence=evidence)


def _without_ignored(
    found: Sequence[Finding], ignoring: Sequence[Comment], source: Source, rules: Sequence[Rule]
) -> tuple[list[Finding], tuple[str, ...], int]:
    used: set[int] = set()
    kept = []
    for finding in found:
        fitting = [index for index, comment in enumerate(ignoring) if _fits(comment, finding)]
        used.update(fitting)
        if not fitting:
            kept.append(finding)
    unused = []
    ran = [rule.code for rule in rules]
    for index, comment in enumerate(ignoring):
        if index in used:
            continue
        line = source.lines.get(comment.line)
        where = f"{source.path}:{line.line if line is not None else comment.line}"
        try:
            if not were_applied(codes_matching(comment.codes or ("GL",)), ran):
                continue
        except UsageError as error:
            unused.append(f"{where}: {error}")
            continue
        what = f"[{', '.join(comment.codes)}]" if comment.codes else ""
        name = "ignore-file" if comment.whole else "ignore"
        unused.append(f"{where}: `# gradlint: {name}{what}` fits no finding; {advice(_meant_by(comment, kept))}")
    return kept, tuple(unused), len(found) - len(kept)


def _meant_by(comment: Comment, left: Sequence[Finding]) -> str:
    """The rule that a comment which fits nothing was likely meant for: one that speaks where it stands."""
    there = [finding for finding in left if comment.whole or finding.cause.line in comment.covers]
    return likely_rule(comment.codes[0], there) if comment.codes else ""


def were_applied(codes: Iterable[str], ran: Iterable[str]) -> bool:
    """Whether all rules of source among these were applied; where one was not, it may have what an ignore is for."""
    meant = {rule.code for rule in ALL_RULES if rule.source is not None}.intersection(codes)
    return bool(meant) and meant.issubset(ran)


def _fits(comment: Comment, finding: Finding) -> bool:
    if not comment.whole and finding.cause.line not in comment.covers:
        return False
    if not comment.codes:
        return True
    return any(
        code.lower() == finding.name or (code[:2].upper() == "GL" and finding.code.startswith(code.upper()))
        for code in comment.codes
    )


def source_files(
    paths: Iterable[str | os.PathLike[str]], exclusion: Exclusion, *, is_strict: bool = False
) -> Iterator[Path]:
    """The files that paths stand for, each once: files as given, those of folders sorted.

    Args:
        paths: files and folders.
        exclusion: what to leave out of folders.
        is_strict: leave it out where it is named, too.

    Raises:
        UsageError: a path does not exist, or a folder has nothing to check.
    """
    seen: set[Path] = set()
    for given in paths:
        path = Path(given)
        if path.is_dir():
            candidates: Iterable[Path] = list(exclusion.files(path, SUFFIXES))
            if not candidates:
                raise UsageError(f"{path} is a folder without Python files or notebooks to check; name a file in it")
        elif path.exists():
            candidates = [] if is_strict and exclusion.leaves_out(path) else [path]
        else:
            raise UsageError(f"{path} does not exist{close_to(path)}")
        for each in candidates:
            if each not in seen:
                seen.add(each)
                yield each


def source_result(
    target: str, rules: Sequence[Rule], reports: Sequence[FileReport], fail_on: str, ignored: Sequence[str]
) -> Result:
    """One result for all files.

    Args:
        target: what they are called.
        rules: that were applied.
        reports: of the files.
        fail_on: as for a check.
        ignored: the rules that were not to be.
    """
    found = [finding for report in reports for finding in report.findings]
    found.sort(key=lambda each: (each.cause.file or "", each.cause.line or 0, each.code))
    by_comments = sum(report.ignored for report in reports)
    notes = [line for report in reports for line in (*report.broken, *report.unused)]
    if by_comments:
        notes.append(f"{count(by_comments, 'finding')} ignored by comments")
    notes += left_out([code for code in ignored if any(rule.source for rule in rules_matching(code))])
    return Result(
        target=target,
        model=count(len(reports), "source file"),
        sample="",
        loss="",
        depth="source",
        findings=tuple(found),
        rules=tuple(rule.code for rule in rules),
        notes=tuple(notes),
        unread=tuple(line for report in reports for line in report.broken),
        misfits=tuple(line for report in reports for line in report.unused),
        fail_on=fail_on,
        crashed=tuple(each for report in reports for each in report.crashed),
        catalogue=tuple(rule.info for rule in rules),
    )
