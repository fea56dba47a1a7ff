"""GL204 constant-normalization: softmax or a normalization over one element: constant output, zero gradient."""

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
    """Yield one finding per layer that normalizes single elements."""
    if facts.flow is None:
        return
    for block in facts.blocks:
        if block.why not in (Why.SINGLE_ELEMENT_UNITS, Why.SINGLE_ELEMENT_DATA):
            continue
        of_units = block.why is Why.SINGLE_ELEMENT_UNITS
        severity = Severity.ERROR if of_units else Severity.INFO
        where = "a single unit" if of_units else "a single element of this sample"
        message = (
            f"{block.op.type} over {where} is constant: {victims(block.inputs, block.variables)} with zero gradient"
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
    code="GL204",
    name="constant-normalization",
    severity=Severity.ERROR,
    advice="Use sigmoid or a linear output for one unit; normalize over an axis with more than one element.",
    doc=DOC,
    check=check,
)
