"""GL410 impossible-labels: labels that a loss cannot mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.starting import cause_of_target, class_without_unit, is_impossible, targets
from gradlint.record.terms import BINARY, CATEGORICAL, CTC, SPARSE
from gradlint.rule import COMPILED, Need, Rule
from gradlint.severity import Certainty, Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Cause, Finding
    from gradlint.passes.facts import Facts
    from gradlint.passes.starting import WithoutUnit
    from gradlint.record.start import Target

DOC = """\
## What it does

Reports labels that cannot be those that the compiled cross-entropy expects: outside of [0, 1] under a binary one (-1
and 1 among them), fractions, negative numbers or classes that do not exist under a sparse one, rows that do not sum to
one under a categorical one, negative counts under a Poisson loss, more letters than steps under CTC.

## Why it matters

The loss is still a number, and has a gradient. With a label of 2 the binary cross-entropy has no lower bound, a
fraction is cut to the class below, and a row that sums to three asks for three times the probability that there is.

## Example

```python
y = np.where(is_cat, 1.0, -1.0)
model.compile(loss="binary_crossentropy")                                   # GL410
```

```python
y = np.where(is_cat, 1.0, 0.0)
```

## What to do

Binary: labels 0 and 1, or `hinge` for -1 and 1. Sparse: whole numbers from 0 to the number of units less one;
`ignore_class=-1` for rows without a class. Categorical: `keras.utils.to_categorical`, or divide by the sum; several
classes at once are sigmoids under `binary_crossentropy`.

## Known limits

Rows whose sample weight is zero are left out, as are rows of zeros under a categorical cross-entropy, and classes that
`ignore_class` names. Rows with a single number that is not one (an advantage times a one-hot row) are a warning.
Classes above those of an output of one unit are GL409's. Only losses of Keras's own are looked at.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per array of labels that its loss cannot mean."""
    flow = facts.flow
    if flow is None:
        return
    if flow.recording.failure is None:
        for target in targets(flow):
            yield from _of(target, *cause_of_target(flow, target))
    elif (ended := class_without_unit(flow)) is not None and not ended.wants_units:
        labels = f"labels '{ended.target.key}'" if ended.target is not None else "labels"
        classes = f"0 to {ended.units - 1}"
        yield RULE.finding(
            f"{labels} hold {ended.label}, and the prediction has units for the classes {classes} alone",
            cause=ended.cause,
            evidence={"label": ended.label, "units": ended.units},
            advice=_advice_on_class(ended, classes),
        )


def _advice_on_class(ended: WithoutUnit, classes: str) -> str:
    """Labels that count from 1 end where the classes do; what is below or far above them marks something."""
    target, label = ended.target, ended.label
    if label == ended.units and (target is None or (target.low >= 1.0 and target.high == label)):
        return f"Classes count from 0: where these labels are 1 to {label}, subtract 1; else give a unit to each class."
    if 0 <= label <= ended.units:
        return f"Give a unit to each class, or labels from {classes}."
    return (
        f"Give a unit to each class, or labels from {classes}; what {label} marks can be left out of the loss: "
        f"ignore_class={label}."
    )


def _advice(target: Target) -> str:
    """What to do about labels that the loss can be told apart from; empty where the rule's advice says it."""
    if target.loss in BINARY and target.whole == 1.0:
        if (target.low, target.high) == (-1.0, 1.0):
            return "Give 0 and 1, such as (y + 1) / 2, or keep -1 and 1 and take the loss hinge."
        if (target.low, target.high) == (1.0, 2.0):
            return "The two classes are 0 and 1: subtract 1 from the labels."
        return "For several classes take a unit each, softmax and sparse_categorical_crossentropy; for two, 0 and 1."
    if target.loss in BINARY:
        return "Scale the labels to 0 to 1, or take a loss for amounts, such as mse."
    if target.loss == CTC:
        return "Give the prediction a step for each letter, and one between equal ones: pool or stride less there."
    if target.loss == SPARSE and target.whole < 1.0:
        return "A class is a whole number; for amounts take a loss of amounts, such as mse, and a unit without softmax."
    return ""


def _of(target: Target, cause: Cause, position: int) -> Iterator[Finding]:
    why = is_impossible(target)
    if why is None:
        return
    yield RULE.finding(
        f"labels '{target.key}' {why} by {target.loss}",
        severity=severity_of(RULE.loses, Certainty.IN_SAMPLE if _is_weighted(target) else Certainty.CERTAIN),
        cause=cause,
        evidence={"loss": target.loss, "label_min": target.low, "label_max": target.high},
        advice=_advice(target),
        position=position,
    )


def _is_weighted(target: Target) -> bool:
    """Whether rows are one-hot times a number: what policy gradients are written as."""
    return target.loss in CATEGORICAL and target.singles == 1.0 and target.whole < 1.0


RULE = Rule(
    code="GL410",
    name="impossible-labels",
    loses=Consequence.MISLED,
    advice="Give the labels that the loss expects, or the loss that expects these labels.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES}),
    blames=COMPILED,
)
