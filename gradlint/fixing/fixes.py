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


def fix_one(content: bytes, name: str, finding: Finding, rules: Sequence[Rule]) -> tuple[bytes, bool] | None:
    """The file with one finding repaired, and whether that is safe; None where there is no repair that holds."""
    if finding.code not in FIXABLE or not name.endswith(".py"):
        return None
    repair = _repairs()(content, finding)
    if repair is None:
        return None
    after = repair.module.bytes
    return (after, repair.is_safe) if _holds(content, after, name, finding, rules) else None


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
    while True:
        report: FileReport = check_text(content, name, rules)
        waiting = [f for f in report.findings if not is_meant(f) and (f.code, f.cause.line or 0) not in left]
        if not waiting:
            return Fixed(content, tuple(done), risky)
        finding = waiting[0]
        found = fix_one(content, name, finding, rules)
        if found is None or not (found[1] or unsafe):
            left.add((finding.code, finding.cause.line or 0))
            risky += found is not None
            continue
        content = found[0]
        done.append(finding)
        left.clear()  # lines have moved
        risky = 0


def _holds(before: bytes, after: bytes, name: str, finding: Finding, rules: Sequence[Rule]) -> bool:
    old, new = (check_text(content, name, rules) for content in (before, after))
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
