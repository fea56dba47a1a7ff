"""GL107 variable-detour: values pass through the assignment and reading of a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Finding, Severity
from gradlint.passes.where import cause_of
from gradlint.rule import Rule
from gradlint.rules.wording import cut_evidence, victims

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.facts import Facts

DOC = """\
TODO
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per assignment through which values pass on their way to the loss."""
    if facts.flow is None:
        return
    for cut in facts.cuts:
        if not cut.op.type.startswith("Assign"):
            continue
        yield RULE.finding(
            "values are assigned to a variable and read back, which ends the tape's path: "
            f"{victims(cut.inputs, cut.variables)} without gradient",
            severity=Severity.ERROR if cut.variables else Severity.WARNING,
            inputs=cut.inputs,
            variables=tuple(variable.path for variable in cut.variables),
            cause=cause_of(facts.flow, cut.position),
            evidence=cut_evidence(facts.flow, cut),
            position=cut.position,
        )


RULE = Rule(
    code="GL107",
    name="variable-detour",
    severity=Severity.ERROR,
    advice="Pass the tensor on directly; assign to the variable only what the loss does not need.",
    doc=DOC,
    check=check,
)
