"""GL207 zero-weights: a kernel of zeros blocks everything before it."""

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
    """Yield one finding per kernel of zeros that stays zero after an update."""
    if facts.flow is None:
        return
    for block in facts.blocks:
        if block.why is not Why.ZERO_WEIGHT or block.factor is None:
            continue
        others = [v for v in block.variables if v.values is None or v.values.zeros < 1.0]
        severity = Severity.WARNING if block.keys or others else Severity.INFO
        message = (
            f"'{block.factor.path}' is all zeros and stays so after an update: "
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
    code="GL207",
    name="zero-weights",
    severity=Severity.WARNING,
    advice="Initialise the kernel with small random values; only the end of a residual branch may start at zero.",
    doc=DOC,
    check=check,
)
