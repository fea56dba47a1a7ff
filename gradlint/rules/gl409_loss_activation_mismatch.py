"""GL409 loss-activation-mismatch: last activation and loss that do not belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding, Severity
from gradlint.passes.heads import Head, heads
from gradlint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.facts import Facts

DOC = """\
TODO
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per output whose activation does not fit its built-in loss."""
    if facts.flow is None:
        return
    for head in heads(facts.flow):
        message = _mismatch(head)
        if message is not None:
            yield RULE.finding(
                message,
                cause=Cause(head.layer or None, head.op.type, head.op.file, head.op.line),
                evidence={"loss": head.loss.name, "activation": head.activation, "units": head.units},
                position=head.position,
            )


def _mismatch(head: Head) -> str | None:
    name, loss = head.output, head.loss.name
    binary = loss in ("binary_crossentropy", "binary_focal_crossentropy")
    categorical = loss.startswith(("categorical_", "sparse_categorical_")) and loss.endswith("crossentropy")
    if not (binary or categorical):
        return None
    if head.loss.from_logits:
        if head.activation is not None:
            return (
                f"output '{name}' ends in {head.activation}, but {loss} is told from_logits=True and applies it again"
            )
        return None
    if categorical and head.units == 1:
        return f"output '{name}' has one unit, over which {loss} is constant: binary_crossentropy is meant"
    if binary and head.activation == "Softmax" and head.units > 1:
        return f"output '{name}' is a softmax over {head.units} units, but {loss} takes each unit for itself"
    if head.low < 0.0 or head.high > 1.0 + 1e-6:
        return (
            f"output '{name}' ranges from {head.low:.3g} to {head.high:.3g}, but {loss} expects probabilities "
            "(from_logits is False)"
        )
    return None


RULE = Rule(
    code="GL409",
    name="loss-activation-mismatch",
    severity=Severity.WARNING,
    advice="Drop the activation and keep from_logits=True, or use sigmoid or softmax with from_logits=False.",
    doc=DOC,
    check=check,
)
