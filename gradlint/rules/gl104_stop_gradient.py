"""GL104 stop-gradient: every path is cut by an explicit stop_gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Finding, Severity
from gradlint.passes.twins import are_copies
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
    """Yield one finding per stop_gradient behind which something cannot learn."""
    if facts.flow is None:
        return
    for cut in facts.cuts:
        if cut.op.type not in ("StopGradient", "PreventGradient"):
            continue
        copies = are_copies(facts.flow, cut.variables)
        reason = " (copies of variables that learn, as in a target network)" if copies else ""
        yield RULE.finding(
            f"stop_gradient cuts every path: {victims(cut.inputs, cut.variables)} without gradient{reason}",
            severity=Severity.INFO if copies else Severity.WARNING,
            inputs=cut.inputs,
            variables=tuple(variable.path for variable in cut.variables),
            cause=cause_of(facts.flow, cut.position),
            evidence=cut_evidence(facts.flow, cut),
            position=cut.position,
        )


RULE = Rule(
    code="GL104",
    name="stop-gradient",
    severity=Severity.WARNING,
    advice="Stop the gradient of the target, not of the prediction; or set trainable=False to say that it is meant.",
    doc=DOC,
    check=check,
)
