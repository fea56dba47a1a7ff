"""Repairs that hold: each is checked again, and kept only when its finding is gone and nothing new is there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.checking.source import check_text
from gradlint.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gradlint.checking.source import FileReport
    from gradlint.finding import Finding
    from gradlint.fixing.repairs import Repair
    from gradlint.rule import Rule

FIXABLE = frozenset({"GL601", "GL603", "GL611", "GL614"})
"""Rules of which some findings have a repair."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """What became of a file.

    Attributes:
        content: its bytes, repaired.
        fixed: the findings that are gone, as they were when their turn came.
        unsafe: how many more have a repair that may change more than the finding is about.
    """

    content: bytes
    fixed: tuple[Finding, ...] = ()
    unsafe: int = 0


@dataclass(frozen=True, slots=True)
class Repaired:
    """A file with one finding repaired.

    Attributes:
        content: its bytes.
        is_safe: nothing is changed but what the finding is about.
        report: what is found in it now.
    """

    content: bytes
    is_safe: bool
    report: FileReport


def fix_one(content: bytes, name: str, finding: Finding, rules: Sequence[Rule], before: FileReport) -> Repaired | None:
    """The file with one finding repaired; None where there is no repair that holds.

    Args:
        content: of the file.
        name: its path.
        finding: to repair.
        rules: what to look for.
        before: what they find in this content.
    """
    if finding.code not in FIXABLE or not name.endswith(".py"):
        return None
    repair = _repairs()(content, finding)
    if repair is None:
        return None
    after = repair.module.bytes
    report = check_text(after, name, rules)
    return Repaired(after, repair.is_safe, report) if _holds(before, report, finding) else None


def fixed(
    content: bytes, name: str, rules: Sequence[Rule], *, unsafe: bool, is_meant: Callable[[Finding], bool]
) -> Fixed:
    """Repair what can be repaired, one finding after the other.

    Args:
        content: of the file.
        name: its path.
        rules: what to look for.
        unsafe: repair what may change more than the finding is about.
        is_meant: whether a finding is to stay.

    Raises:
        UsageError: LibCST is not installed.
    """
    done: list[Finding] = []
    left: set[tuple[str, int]] = set()
    risky = 0
    report = check_text(content, name, rules)
    while True:
        waiting = [f for f in report.findings if not is_meant(f) and (f.code, f.cause.line or 0) not in left]
        if not waiting:
            return Fixed(content, tuple(done), risky)
        finding = waiting[0]
        found = fix_one(content, name, finding, rules, report)
        if found is None or not (found.is_safe or unsafe):
            left.add((finding.code, finding.cause.line or 0))
            risky += found is not None
            continue
        content, report = found.content, found.report
        done.append(finding)
        left.clear()  # lines have moved
        risky = 0


def _holds(old: FileReport, new: FileReport, finding: Finding) -> bool:
    if new.broken or len(new.unused) > len(old.unused):
        return False
    was, is_now = (Counter(each.code for each in report.findings) for report in (old, new))
    return is_now[finding.code] < was[finding.code] and is_now <= was


def _repairs() -> Callable[[bytes, Finding], Repair | None]:
    try:
        from gradlint.fixing.repairs import repair
    except ModuleNotFoundError as error:
        raise UsageError(
            f"--fix and --diff need {error.name}; install keras-gradlint with the extra 'fix', or libcst"
        ) from error
    return repair
