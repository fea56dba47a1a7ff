"""GL404 input-dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Severity
from gradlint.passes.facts import fed
from gradlint.passes.where import cause_of
from gradlint.record.terms import Region
from gradlint.result import GradientState
from gradlint.rule import SAMPLE, Need, Rule
from gradlint.rules.wording import listed
from gradlint.severity import Certainty, Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.load.spec import ArraySpec, InputSpec
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Compares the dtype of every array with that of the `keras.Input` it feeds, and reports the pairs
that cannot work or that lose something: text for a numeric input and the reverse, complex numbers
for a real input, fractions for an integer input. Text as labels of one of Keras's own losses is
reported too.

## Why it matters

Keras casts every array to the dtype of its Input without a word. From float to integer the cast
drops the fraction, and no gradient passes it: the model sees other data than the sample holds, and
whatever was to learn before the cast does not. From complex to real it drops the imaginary part.

## Example

```python
model = keras.Model({"count": keras.Input((1,), dtype="int32")}, ...)
sample = {"count": np.array([[0.5], [1.7]], "float32")}     # GL404: becomes 0 and 1
```

## What to do

Declare the Input with the dtype that the data has, or convert the data on purpose before it reaches
the model; turn text into numbers inside the model with StringLookup or TextVectorization.

## Known limits

Integers for a float input, float64 for float32 and whole numbers stored as floats are fine. Before
the values are read (`--depth preflight`), floats for an integer input are a warning: they may be
whole.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """One finding per array whose dtype its input, or the loss, cannot use."""
    yield from _on_paper(facts)
    yield from _in_the_run(facts)


def _in_the_run(facts: Facts) -> Iterator[Finding]:
    """Findings about dtypes that only the run shows."""
    recording = facts.recording
    if recording is None or facts.flow is None:
        return
    failure = recording.failure
    if failure is not None and failure.kind == "dtype":
        layer = f"layer '{failure.layer}'" if failure.layer else "the model"
        where = layer if failure.region is Region.MODEL else failure.part
        yield RULE.finding(
            f"{where} fails over dtypes: {failure.message}",
            inputs=failure.inputs,
            cause=Cause(failure.layer, failure.op, failure.file, failure.line),
            evidence={"error": failure.message},
        )
    # Without a loss of its own a model is not here to be trained: what is asked of it is the gradient of its
    # inputs. One that turns every float input into whole numbers has none to give.
    absent = {record.key for record in facts.flow.float_inputs if record.gradient.state is GradientState.ABSENT}
    if recording.loss.kind != "surrogate" or not absent or len(absent) < len(recording.inputs):
        return
    for cut in facts.cuts:
        if cut.makes_discrete and cut.inputs and not cut.variables:
            yield RULE.finding(
                f"{listed(cut.inputs)} is float, but {cut.op.type} turns it into whole numbers: "
                "no input of this model has a gradient",
                severity=severity_of(Consequence.INPUT),
                inputs=cut.inputs,
                cause=cause_of(facts.flow, cut.position),
                evidence={"op": cut.op.type},
                position=cut.position,
            )


def _on_paper(facts: Facts) -> Iterator[Finding]:
    """Findings that the specification and the headers of the arrays decide."""
    for entry, array in fed(facts):
        if fault := _fault(array, entry):
            is_doubtful = _is_float(array.dtype) and array.whole is None and _is_integer(entry.dtype)
            yield _finding(
                f"{array.key!r} holds {array.dtype}, but the model's input takes {entry.dtype}: {fault}",
                array,
                severity_of(RULE.loses, Certainty.IN_SAMPLE if is_doubtful else Certainty.CERTAIN),
                entry.dtype,
            )
    if facts.spec is None or facts.binding is None or not facts.spec.has_builtin_loss:
        return
    labels = {key for _, key in facts.binding.labels}
    for array in facts.arrays:
        if array.key in labels and array.dtype == "string":
            yield _finding(
                f"the label {array.key!r} holds text, but the model's loss needs numbers",
                array,
                RULE.severity,
                advice="Number the classes: np.unique(y, return_inverse=True)[1], or keras.layers.StringLookup.",
            )


def _fault(array: ArraySpec, entry: InputSpec) -> str:
    """What goes wrong when the array becomes the input's dtype, empty when nothing does."""
    have, want = array.dtype, entry.dtype
    if (have == "string") != (want == "string"):
        return "text is no number" if have == "string" else "numbers are no text"
    if have.startswith("complex") and not want.startswith("complex"):
        return "the imaginary part is lost"
    if _is_float(have) and _is_integer(want) and array.whole is not True:
        what = "is lost" if array.whole is False else "of any number is lost"
        return f"the fraction {what}, and no gradient passes the cast"
    return ""


def _finding(
    message: str, array: ArraySpec, severity: Severity, expected: str | None = None, advice: str = ""
) -> Finding:
    return RULE.finding(
        message,
        severity=severity,
        inputs=(array.key,),
        evidence={"dtype": array.dtype, "expected": expected},
        advice=advice,
    )


def _is_float(dtype: str) -> bool:
    return dtype.startswith(("float", "bfloat"))


def _is_integer(dtype: str) -> bool:
    return dtype.startswith(("int", "uint"))


RULE = Rule(
    code="GL404",
    name="input-dtype",
    loses=Consequence.FAILS,
    advice="Declare the Input with the dtype of the data, or convert the data on purpose.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.INPUTS}),
    blames=SAMPLE,
)
