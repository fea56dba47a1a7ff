"""GL108 nothing-trainable: no trainable variable is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Finding, Severity
from gradlint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.facts import Facts

DOC = """\
TODO
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding when every variable of the model is frozen."""
    recording = facts.recording
    if recording is None or recording.failure is not None:
        return
    frozen = [variable for variable in recording.variables if variable.tracked]
    if not frozen or any(variable.trainable for variable in recording.variables):
        return
    compiled = facts.spec is None or facts.spec.compiled
    yield RULE.finding(
        f"none of the model's {len(frozen)} float variables is trainable",
        severity=Severity.ERROR if compiled else Severity.INFO,
        variables=tuple(variable.path for variable in frozen),
        evidence={"variables": len(frozen), "compiled": compiled},
    )


RULE = Rule(
    code="GL108",
    name="nothing-trainable",
    severity=Severity.ERROR,
    advice="Set trainable=True on the layers that should learn, before compile().",
    doc=DOC,
    check=check,
)
