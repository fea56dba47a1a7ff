"""What a rule is: a code, a name, a documented check from facts to findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.finding import Cause, Evidence, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gradlint.passes.facts import Facts

SECTIONS = ("What it does", "Why it matters", "Example", "What to do", "Known limits")


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the catalogue.

    Attributes:
        code: `GL103`; never reused.
        name: says what is wrong and reads well after "allow".
        severity: the highest severity its findings have.
        advice: one line on what to do, shown under a finding.
        doc: Markdown with the five `SECTIONS` as level-2 headings.
        check: the rule itself.
    """

    code: str
    name: str
    severity: Severity
    advice: str
    doc: str
    check: Callable[[Facts], Iterable[Finding]]

    def finding(
        self,
        message: str,
        *,
        severity: Severity | None = None,
        inputs: tuple[str, ...] = (),
        variables: tuple[str, ...] = (),
        cause: Cause | None = None,
        evidence: Evidence | None = None,
        position: int = -1,
    ) -> Finding:
        """A finding of this rule; its severity unless another is given."""
        return Finding(
            self.code,
            self.name,
            severity or self.severity,
            message,
            inputs,
            variables,
            cause or Cause(),
            evidence or {},
            position,
        )
