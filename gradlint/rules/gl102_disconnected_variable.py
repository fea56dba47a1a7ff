"""GL102 disconnected-variable: trainable variables that the loss does not depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding, Severity
from gradlint.passes.drops import DropKind
from gradlint.rule import Rule
from gradlint.rules.wording import cause_of_drop, counted, drop_evidence, paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.facts import Facts

DOC = """\
TODO
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per place where variables are left out."""
    for drop in facts.drops:
        if drop.inputs or drop.outputs or not drop.variables or drop.kind is DropKind.DECISION:
            continue
        what = counted(len(drop.variables), "trainable variable")
        match drop.kind:
            case DropKind.UNREAD_LAYER:
                blamed = drop.variables[0].blamed
                caller = {None: "nothing", "": "the model"}.get(blamed, f"'{blamed}'")
                negation = "calls" if blamed is None else "never calls"
                message = f"{what} of '{drop.layer}' cannot learn: {caller} {negation} it"
            case DropKind.UNREAD:
                them = "it" if len(drop.variables) == 1 else "them"
                message = f"{what} of '{drop.layer}' cannot learn: nothing reads {them}"
            case _:
                op = drop.op.type if drop.op is not None else "an operation"
                message = f"{what} of '{drop.layer}' cannot learn: the result of {op} is dropped"
        if drop.reason:
            message += f" ({drop.reason})"
        yield RULE.finding(
            message,
            severity=Severity.INFO if drop.is_by_design else Severity.ERROR,
            variables=paths(drop.variables),
            cause=cause_of_drop(drop),
            evidence=drop_evidence(drop),
            position=drop.position,
        )
    for entry in facts.derivative_only:
        yield RULE.finding(
            f"'{entry.variable.path}' has no gradient: the model uses only a derivative, in which it disappears",
            severity=Severity.INFO,
            variables=(entry.variable.path,),
            cause=Cause(layer=entry.variable.layer),
        )


RULE = Rule(
    code="GL102",
    name="disconnected-variable",
    severity=Severity.ERROR,
    advice="Call the layer or use the variable on the way to the loss, or do not create it.",
    doc=DOC,
    check=check,
)
