"""GL205 partly-used-input: slices of an input that never receive a gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding, Severity
from gradlint.rule import Rule
from gradlint.rules.wording import ranges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.facts import Facts

DOC = """\
TODO
"""


_AXES = {2: {1: "column"}, 3: {1: "time step", 2: "column"}}


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per input and axis with slices that nothing uses."""
    for unused in facts.unused:
        rank = len(next(r.shape for r in facts.recording.inputs if r.key == unused.key)) if facts.recording else 0
        noun = _AXES.get(rank, {}).get(unused.axis, f"slice of axis {unused.axis}")
        op = unused.op
        several = len(unused.slices) > 1
        yield RULE.finding(
            f"{noun}{'s' if several and rank in _AXES else ''} {ranges(unused.slices)} "
            f"of {unused.length} of '{unused.key}' "
            f"receive{'' if several else 's'} no gradient, in the sample and in every probe",
            severity=Severity.INFO if unused.is_last_step or op is None else Severity.WARNING,
            inputs=(unused.key,),
            cause=Cause(op.layer or None, op.type, op.file, op.line) if op is not None else Cause(),
            evidence={"axis": unused.axis, "slices": list(unused.slices), "length": unused.length},
            position=unused.position,
        )


RULE = Rule(
    code="GL205",
    name="partly-used-input",
    severity=Severity.WARNING,
    advice="Read the missing slices, or leave them out of the sample.",
    doc=DOC,
    check=check,
)
