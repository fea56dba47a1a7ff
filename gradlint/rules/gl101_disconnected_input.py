"""GL101 disconnected-input: an input key from which no path leads to the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Finding, Severity
from gradlint.passes.drops import DropKind
from gradlint.rule import Rule
from gradlint.rules.wording import cause_of_drop, drop_evidence, listed, paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.facts import Facts

DOC = """\
TODO
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per group of inputs that are lost at the same place."""
    for drop in facts.drops:
        if not drop.inputs or drop.outputs or drop.kind is DropKind.DECISION:
            continue
        keys = listed(drop.inputs)
        if drop.op is None:
            message = f"nothing in the model reads {keys}"
        else:
            message = f"{keys} is computed into {drop.op.type} and then dropped: no path leads to the loss"
        if drop.variables:
            message += f", and {len(drop.variables)} trainable variables behind it are lost with it"
        yield RULE.finding(
            message,
            severity=Severity.INFO if drop.is_by_design else Severity.ERROR,
            inputs=drop.inputs,
            variables=paths(drop.variables),
            cause=cause_of_drop(drop),
            evidence=drop_evidence(drop),
            position=drop.position,
        )


RULE = Rule(
    code="GL101",
    name="disconnected-input",
    severity=Severity.ERROR,
    advice="Use the input in the model, or remove it from the model and the sample.",
    doc=DOC,
    check=check,
)
