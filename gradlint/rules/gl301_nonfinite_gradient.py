"""GL301 nonfinite-gradient: NaN or infinity appears in the backward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Finding, Severity
from gradlint.passes.where import cause_of
from gradlint.rule import Rule
from gradlint.rules.wording import birth_evidence, victims

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.facts import Facts

DOC = """\
TODO
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per operation whose gradient function makes the first non-finite number."""
    if facts.flow is None:
        return
    for birth in facts.births:
        if not birth.backward or birth.op is None:
            continue
        span = f" at values from {birth.low:.3g} to {birth.high:.3g}" if birth.low is not None else ""
        yield RULE.finding(
            f"the gradient of {birth.op.type} is not finite{span}: "
            f"{victims(birth.inputs, birth.variables)} with NaN or infinity",
            inputs=birth.inputs,
            variables=tuple(variable.path for variable in birth.variables),
            cause=cause_of(facts.flow, birth.position),
            evidence=birth_evidence(birth),
            position=birth.position,
        )


RULE = Rule(
    code="GL301",
    name="nonfinite-gradient",
    severity=Severity.ERROR,
    advice="Keep the operand away from the point: add an epsilon inside, or guard both sides with tf.where.",
    doc=DOC,
    check=check,
)
