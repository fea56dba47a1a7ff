"""Phrases and evidence that the rules about training steps share; a rule decides, this only words it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.cells import line_in_words
from gradlint.finding import Cause
from gradlint.operations import NUMPY_CONVERSION
from gradlint.rules.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gradlint.finding import Evidence, Finding, Severity
    from gradlint.passes.facts import Facts
    from gradlint.passes.steps import StepFacts
    from gradlint.passes.unseen import Reason, Unseen
    from gradlint.record.recording import VariableRecord
    from gradlint.record.step_record import AskedSource, Frame, GradientCall
    from gradlint.rule import Rule


def unseen_for(facts: Facts, reason: Reason) -> tuple[Unseen, ...]:
    """What the tapes of a step miss for one reason; nothing where no step ran."""
    return facts.step.because(reason) if facts.step is not None else ()


def at(frame: Frame | None, layer: str = "", op: str | None = None) -> Cause:
    """A place in the user's code."""
    return Cause(layer or None, op, frame.file if frame else None, frame.line if frame else None)


def asked_of_nothing(facts: Facts) -> Iterator[tuple[GradientCall, tuple[VariableRecord, ...]]]:
    """The calls of a step that ask for the gradient of no variable, with the frozen ones that their targets read."""
    if facts.step is None or facts.flow is None:
        return
    for call in facts.step.record.calls:
        if call.sources or call.error is not None:
            continue
        behind = facts.flow.ancestors(call.targets)
        frozen = [v for v in facts.flow.recording.variables if not v.trainable and v.tracked and v.tensor in behind]
        if frozen:
            yield call, tuple(frozen)


def those(sources: Sequence[AskedSource]) -> str:
    """`4 trainable variables`, `'x'`, `the source`."""
    variables = [source.variable for source in sources if source.variable]
    tensors = [source.text for source in sources if not source.variable]
    parts = []
    if variables:
        parts.append(f"'{variables[0]}'" if len(variables) == 1 else counted(len(variables), "variable"))
    if tensors:
        named = [text for text in tensors if text]
        parts.append(f"'{named[0]}'" if len(tensors) == 1 and named else counted(len(tensors), "tensor"))
    return " and ".join(parts) or "the sources"


def target_of(entry: Unseen) -> str:
    """The target as it is written, or `the target`."""
    return f"'{entry.call.target_text}'" if entry.call.target_text else "the target"


def have(sources: Sequence[AskedSource]) -> str:
    """`has` or `have`."""
    return "has" if len(sources) == 1 else "have"


def missing(
    rule: Rule, facts: Facts, entry: Unseen, message: str, severity: Severity | None = None, advice: str = ""
) -> Finding:
    """A finding about gradients that a tape does not give."""
    step = facts.step
    evidence: Evidence = {
        "call": _line(entry.call.frames[0] if entry.call.frames else None),
        "method": entry.call.kind,
        "target": entry.call.target_text or None,
        "tape": _opened(step, entry),
        "gradient_norm_on_a_tape_over_all": entry.outer,
        "ends_in": crash_of(step),
    }
    return rule.finding(
        message,
        severity=severity,
        variables=entry.variables,
        # No operation of TensorFlow's, and no word of the user's.
        cause=at(entry.frame, entry.layer, None if entry.op == NUMPY_CONVERSION else entry.op),
        evidence=evidence,
        position=entry.position,
        advice=advice,
    )


def without_gradient(
    rule: Rule, facts: Facts, reason: Reason, why: Callable[[Unseen], str], advice: str = ""
) -> Iterator[Finding]:
    """One finding per call of a tape that gives none for a reason: `4 variables have no gradient: `, and why."""
    for entry in unseen_for(facts, reason):
        message = f"{those(entry.sources)} {have(entry.sources)} no gradient: {why(entry)}"
        yield missing(rule, facts, entry, message, advice=advice)


def crash_of(step: StepFacts | None) -> str | None:
    """The error that the step ends with."""
    crash = step.record.crash if step is not None else None
    return f"{crash.kind}: {crash.message}" if crash is not None else None


def _opened(step: StepFacts | None, entry: Unseen) -> str | None:
    number = entry.call.tape
    if step is None or number is None:
        return None
    frames = step.record.tapes[number].frames
    return _line(frames[0]) if frames else None


def _line(frame: Frame | None) -> str | None:
    return line_in_words(frame.file, frame.line) if frame is not None else None
