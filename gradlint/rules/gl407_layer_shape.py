"""GL407 layer-shape: a shape mismatch inside the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding, Severity
from gradlint.record.recording import Region
from gradlint.rule import Rule
from gradlint.rules.wording import listed, shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.facts import Facts

DOC = """\
TODO
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding when the run ended with a shape error."""
    recording = facts.recording
    if recording is None or recording.failure is None or recording.failure.kind != "shape":
        return
    failure = recording.failure
    where = f"layer '{failure.layer}'" if failure.region is Region.MODEL else "the loss"
    shapes = f" with tensors of shape {', '.join(shape(s) for s in failure.shapes)}" if failure.shapes else ""
    sources = f" (from {listed(failure.inputs)})" if failure.inputs else ""
    yield RULE.finding(
        f"{where} fails{shapes}{sources}: {failure.message}",
        inputs=failure.inputs,
        cause=Cause(failure.layer, failure.op, failure.file, failure.line),
        evidence={"error": failure.message, "shapes": [str(list(s)) for s in failure.shapes]},
    )


RULE = Rule(
    code="GL407",
    name="layer-shape",
    severity=Severity.ERROR,
    advice="Compare the shapes named in the message; add a Flatten, Reshape or pooling layer where they differ.",
    doc=DOC,
    check=check,
)
