"""GL405 label-broadcast: labels and predictions of different shapes broadcast silently in the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding, Severity
from gradlint.rule import Rule
from gradlint.rules.wording import shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.facts import Facts

DOC = """\
TODO
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per label that meets a prediction of another shape."""
    for broadcast in facts.broadcasts:
        yield RULE.finding(
            f"labels '{broadcast.label.key}' {shape(broadcast.label_shape)} meet predictions "
            f"{shape(broadcast.prediction_shape)} in {broadcast.op.type} and broadcast to "
            f"{shape(broadcast.result_shape)}",
            inputs=(broadcast.label.key,),
            cause=Cause(broadcast.layer or None, broadcast.op.type, broadcast.op.file, broadcast.op.line),
            evidence={
                "label_shape": list(broadcast.label_shape),
                "prediction_shape": list(broadcast.prediction_shape),
                "result_shape": list(broadcast.result_shape),
            },
            position=broadcast.position,
        )


RULE = Rule(
    code="GL405",
    name="label-broadcast",
    severity=Severity.ERROR,
    advice="Give labels and predictions the same shape, for example y[:, None] or a Flatten before the loss.",
    doc=DOC,
    check=check,
)
