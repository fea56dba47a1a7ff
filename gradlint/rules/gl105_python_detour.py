"""GL105 python-detour: values leave TensorFlow on the way to the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Finding, Severity
from gradlint.passes.where import cause_of
from gradlint.rule import Rule
from gradlint.rules.wording import cut_evidence, is_detour, victims

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.facts import Facts

DOC = """\
TODO
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per place where values pass through NumPy or a Python function."""
    if facts.flow is None:
        return
    for cut in facts.cuts:
        if not is_detour(cut.op.type):
            continue
        how = "numpy_function" if cut.op.type == "PyFunc" else "NumPy"
        yield RULE.finding(
            f"values leave TensorFlow through {how}, where no tape follows: "
            f"{victims(cut.inputs, cut.variables)} without gradient",
            severity=Severity.ERROR if cut.variables else Severity.WARNING,
            inputs=cut.inputs,
            variables=tuple(variable.path for variable in cut.variables),
            cause=cause_of(facts.flow, cut.position),
            evidence=cut_evidence(facts.flow, cut),
            position=cut.position,
        )


RULE = Rule(
    code="GL105",
    name="python-detour",
    severity=Severity.ERROR,
    advice="Write the computation with keras.ops or TensorFlow operations, or give it a tf.custom_gradient.",
    doc=DOC,
    check=check,
)
