"""GL305 half-precision-underflow: zero in float16, not in float32."""

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
    """Yield one finding per place where a float16 gradient falls below the smallest number of its type."""
    if facts.flow is None:
        return
    for block in facts.blocks:
        if block.why is not Why.UNDERFLOW:
            continue
        severity = Severity.WARNING if block.variables or block.keys else Severity.INFO
        message = (
            f"the gradient underflows in float16 at {block.op.type}: "
            f"{victims(block.inputs, block.variables)} with zero gradient"
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
    code="GL305",
    name="half-precision-underflow",
    severity=Severity.WARNING,
    advice="Use a LossScaleOptimizer, bfloat16, or keep this layer in float32.",
    doc=DOC,
    check=check,
)
