"""GL501 batch-leak: the output of one sample depends on the input of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding, Severity
from gradlint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.facts import Facts

DOC = """\
TODO
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding where the samples of a batch begin to mix, in inference mode."""
    recording = facts.recording
    if recording is None or recording.leak is None:
        return
    leak = recording.leak
    yield RULE.finding(
        f"{leak.type} mixes the samples of the batch: an output of one sample depends on '{leak.input}' of another",
        inputs=(leak.input,),
        cause=Cause(leak.layer or None, leak.type, leak.file, leak.line),
        evidence={"output_sample": leak.sample, "depends_on": list(leak.samples)},
    )


RULE = Rule(
    code="GL501",
    name="batch-leak",
    severity=Severity.ERROR,
    advice="Keep the batch axis first and untouched: never let -1 of a reshape, or axis=0, take it in.",
    doc=DOC,
    check=check,
)
