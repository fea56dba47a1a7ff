"""GL202 dead-relu: a rectifier that is inactive for the whole sample and its probes."""

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


# A handful of units may all be inactive by the luck of the initialisation, as in a squeeze-and-excite bottleneck.
_FEW_UNITS = 8


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per layer whose rectifier lets nothing through."""
    if facts.flow is None:
        return
    for block in facts.blocks:
        if block.why is not Why.RECTIFIER:
            continue
        units = facts.flow.tensor(block.op.outputs[0]).shape[-1:] or (1,)
        serious = not block.is_flat_loss and (bool(block.keys) or units[0] > _FEW_UNITS)
        severity = Severity.WARNING if serious else Severity.INFO
        message = (
            f"{block.op.type} is inactive for all {block.size} elements of the sample and in every probe: "
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
    code="GL202",
    name="dead-relu",
    severity=Severity.WARNING,
    advice="Lower the learning rate or the bias, use another initialisation, or a leaky or linear activation.",
    doc=DOC,
    check=check,
)
