"""GL201 zero-gradient: the gradient is exactly zero from an operation on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Finding, Severity
from gradlint.passes.blocks import Block, Why
from gradlint.passes.where import cause_of
from gradlint.rule import Rule
from gradlint.rules.wording import block_evidence, victims

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.facts import Facts

DOC = """\
TODO
"""


_EXPLANATIONS = {
    Why.STEP: "{op} is a step function, its gradient is zero everywhere",
    Why.CLIPPING: "{op} selects the other operand for every element",
    Why.ZERO_FACTOR: "{op} multiplies by zeros",
    Why.ZERO_SCHEDULE: "{op} multiplies by a variable that is zero and not trained",
    Why.ZERO_ACTIVATION: "the other operand of {op} is zero for this sample",
    Why.CANCELLATION: "the gradients that meet before {op} cancel out",
    Why.CUSTOM: "the custom gradient returns zeros",
    Why.OTHER: "{op} hands on a gradient of exactly zero",
}


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per place that no more specific rule explains."""
    if facts.flow is None:
        return
    for block in facts.blocks:
        if block.why not in _EXPLANATIONS:
            continue
        message = _EXPLANATIONS[block.why].format(op=block.op.type)
        if block.why is not Why.CUSTOM and block.is_wrong(facts.lying):
            message = f"the gradient of {block.op.type} is zero although the loss changes with its operand"
        message += f": {victims(block.inputs, block.variables)} with zero gradient"
        severity = Severity.WARNING if _is_serious(block, facts) else Severity.INFO

        yield RULE.finding(
            message,
            severity=severity,
            inputs=block.inputs,
            variables=tuple(variable.path for variable in block.variables),
            cause=cause_of(facts.flow, block.position),
            evidence=block_evidence(block),
            position=block.position,
        )


def _is_serious(block: Block, facts: Facts) -> bool:
    """Whether a zero is more than a property of this sample or of the mathematics."""
    wrong = block.is_wrong(facts.lying)
    if block.why is Why.CUSTOM:
        return not wrong  # A gradient of one's own may differ from the slope on purpose.
    if wrong:
        return True
    if block.is_flat_loss:
        return False
    match block.why:
        case Why.ZERO_ACTIVATION | Why.ZERO_SCHEDULE:
            return False
        case Why.STEP:
            return True
        case _:
            return bool(block.keys)


RULE = Rule(
    code="GL201",
    name="zero-gradient",
    severity=Severity.WARNING,
    advice="Look at the values that go into the operation; scale or shift them, or replace the operation.",
    doc=DOC,
    check=check,
)
