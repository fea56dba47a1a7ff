"""GL203 saturated-activation: sigmoid, tanh or softmax so saturated that nothing passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Finding, Severity
from gradlint.passes.blocks import Why
from gradlint.passes.where import cause_of
from gradlint.rule import Rule
from gradlint.rules.wording import block_evidence, victims

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.facts import Facts

DOC = """\
TODO
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per layer whose squashing function has no slope left."""
    if facts.flow is None:
        return
    for block in facts.blocks:
        if block.why is not Why.SATURATION:
            continue
        severity = Severity.WARNING if block.keys and not block.is_flat_loss else Severity.INFO
        message = (
            f"{block.op.type} is saturated: values from {block.low:.3g} to {block.high:.3g} go in, and "
            f"{victims(block.inputs, block.variables)} without a usable gradient"
            if block.low is not None and block.high is not None
            else f"{block.op.type} is saturated: {victims(block.inputs, block.variables)} without a usable gradient"
        )

        yield RULE.finding(
            message,
            severity=severity,
            inputs=block.inputs,
            variables=tuple(variable.path for variable in block.variables),
            cause=cause_of(facts.flow, block.position),
            evidence=block_evidence(block),
            position=block.position,
        )


RULE = Rule(
    code="GL203",
    name="saturated-activation",
    severity=Severity.WARNING,
    advice="Scale the inputs (Normalization), use smaller initial weights, or an activation that does not saturate.",
    doc=DOC,
    check=check,
)
