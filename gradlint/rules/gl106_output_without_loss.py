"""GL106 output-without-loss: an output that no loss reads, with variables that only it would train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Finding, Severity
from gradlint.rule import Rule
from gradlint.rules.wording import cause_of_drop, drop_evidence, listed, paths, victims

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.facts import Facts

DOC = """\
TODO
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per group of outputs behind which something cannot learn."""
    recording = facts.recording
    if recording is None:
        return
    for drop in facts.drops:
        if not drop.outputs:
            continue
        declined = all(output.is_declined for output in drop.outputs)
        names = listed(tuple(output.name for output in drop.outputs))
        what = "has no loss, as compiled" if declined else "is read by no loss"
        yield RULE.finding(
            f"output {names} {what}: {victims(drop.inputs, drop.variables)} without gradient",
            severity=Severity.INFO if declined else Severity.ERROR if drop.inputs else Severity.WARNING,
            inputs=drop.inputs,
            variables=paths(drop.variables),
            cause=cause_of_drop(drop),
            evidence={**drop_evidence(drop), "outputs": [output.name for output in drop.outputs]},
            position=drop.position,
        )


RULE = Rule(
    code="GL106",
    name="output-without-loss",
    severity=Severity.WARNING,
    advice="Give the output a loss, let the loss read it, or compile it with loss None to say that it is meant.",
    doc=DOC,
    check=check,
)
