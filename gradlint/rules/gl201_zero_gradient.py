"""GL201 zero-gradient: the gradient is exactly zero from an operation on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding
from gradlint.operations import Trait, has
from gradlint.passes.consequences import severity_of_block
from gradlint.passes.heads import is_from_mismatch
from gradlint.passes.reasons import Why
from gradlint.rule import Need, Rule
from gradlint.rules.wording import blocks_in_words, listed, paths, victims
from gradlint.severity import Certainty, Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.flow import Flow
    from gradlint.passes.blocks import Block
    from gradlint.passes.derivatives import ZeroDerivative
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports the operation from which on the gradient is exactly zero, when no more specific rule (GL202,
GL203, GL204, GL207, GL305) explains it: step functions such as sign, values clipped for every element,
multiplication by zeros, integers that make zeros of all data, a slice that leaves out all that one of the joined
parts put in, gradients that cancel out, if only up to rounding (one gate over the sum of one gate), a custom
gradient that returns zeros. Also a derivative that a step or a model itself takes by its values (the second one of
a physics-informed network of rectifiers), where it is zero at every point.

## Why it matters

A gradient of zero is no missing gradient: Keras and TensorFlow are silent, `None` checks pass, and the
variables behind the operation do not move.

## Example

```python
x = keras.layers.Dense(16)(inputs)
x = keras.ops.sign(x)                             # GL201: the slope of a step is zero
out = keras.layers.Dense(1)(x)
```

```python
x = keras.ops.tanh(x)                             # a soft sign
```

```python
x = keras.layers.Rescaling(1 / 255, dtype="uint8")(images)     # GL201: in whole numbers, 1/255 is 0
```

## What to do

Look at the values that go into the operation (`operand_min` and `operand_max` in the evidence). Scale or
shift them into the range in which the operation has a slope, or replace it by a smooth one.

## Known limits

A zero counts only if it stays zero in the sample and in every probe (perturbed inputs, after one small
step of every variable); with `--probes 0` the sample alone decides. A zero that goes away under
perturbation is kept only where finite differences of the loss contradict it. Where the values decide, the
sample is then replaced by random data of its own scale, of a deviation of 1, and of ten times its scale: the
evidence says on which of them a gradient passes. Zeros that an operation makes of all of them are reported
there.

The finding is an error when nothing learns any more, or an input key loses every path together with what is
trainable behind it, and whenever trainable variables stand behind a step function, a custom gradient that
returns zeros where there is no slope to measure, data that are made zeros, or a joined part that is left out.
What only this sample shows (a zero activation, a single
step where the model takes any number, no probes) is a warning at most. Variables beside an open path
are a warning when no other data gives them a gradient, and an info when some do or that was not tried. It is
an info as well when the zero may be meant (a weight or a schedule of zero beside what learns, a custom
gradient that differs from the measured slope), when the bounds of a quantizer clip nothing, or when the loss
itself is flat for this sample, as a satisfied margin is. Zeros of mathematics, such as a bias right before
BatchNormalization, mostly are sums of tiny numbers, not exact zeros, and pass. Of a kernel, such a sum is reported
where it is below 1e-5 of the largest gradient and proves to be rounding alone: 1.7 times the loss has another gradient
than 1.7 times its own, also on random data with other weights. Half precision is left out there.
"""


_EXPLANATIONS = {
    Why.STEP: "{op} is a step function, its gradient is zero everywhere",
    Why.CLIPPING: "{op} selects the other operand for every element",
    Why.ZERO_FACTOR: "{op} multiplies by zeros",
    Why.ZERO_SCHEDULE: "{op} multiplies by a variable that is zero and not trained",
    Why.ZERO_ACTIVATION: "the other operand of {op} is zero for this sample",
    Why.ZERO_CONSTANT: "the other operand of {op} is zero whatever goes into the model",
    Why.ZEROED: "{op} makes zeros of whatever goes in, of random numbers too",
    Why.CANCELLATION: "the gradients of the ways that meet in {op} cancel out",
    Why.ROUNDING: "the gradients of the ways that meet in {op} cancel out up to rounding",
    Why.LEFT_OUT: "{op} leaves out a whole part of what was joined before",
    Why.BOUNDS: "{op} clips no element, and its bounds get no gradient then",
    Why.CUSTOM: "the custom gradient returns zeros",
    Why.OTHER: "{op} hands on a gradient of exactly zero",
}

_ADVICE = {
    Why.STEP: "Use a smooth function in its place (tanh for sign), or a straight-through tf.custom_gradient.",
    Why.CLIPPING: "Widen the bounds, or scale what goes in, so that some elements lie between them.",
    Why.ZERO_FACTOR: "Leave the factor of zero out, or give it another value.",
    Why.ZERO_SCHEDULE: "Check after the schedule has raised the variable, or let it start above zero.",
    Why.ZERO_ACTIVATION: "Check with a sample in which the other operand is not all zeros.",
    Why.ZERO_CONSTANT: "A recurrent layer starts from zeros: give it more than one step, (batch, steps, features), or "
    "put a layer without recurrence in its place.",
    Why.ZEROED: "Compute with floats there: give the layer no integer dtype, and cast before you divide or round.",
    Why.CANCELLATION: "Detach one side of the difference (stop_gradient), so that the other one learns.",
    Why.ROUNDING: "Leave it out: its result is always the same. Or detach one of its operands (stop_gradient).",
    Why.LEFT_OUT: "Read the part that the slice leaves out, or do not join it.",
    Why.BOUNDS: "Nothing, as long as the bounds are meant to follow the values.",
    Why.CUSTOM: "Return the gradient of the operation from the custom gradient, or that of the identity.",
}

_CLIPPED = "Add a term that has a slope beyond the bound, such as the distance to it."


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per place that no more specific rule explains."""
    sliced = {unused.position for unused in facts.unused}

    def said(flow: Flow, block: Block) -> tuple[str, str] | None:
        if block.why not in _EXPLANATIONS or block.position in sliced:
            return None  # What a slice leaves out of an input is GL205's.
        if is_from_mismatch(flow, block.position):
            return None  # What the loss clips of an output without its activation is GL409's.
        if any(derivative.explains(flow, block) for derivative in facts.zero_derivatives):
            return None
        message = _EXPLANATIONS[block.why].format(op=block.op.type)
        if block.why not in (Why.CUSTOM, Why.BOUNDS, Why.ZEROED) and block.is_wrong(facts.lying):
            message = f"the gradient of {block.op.type} is zero although the loss changes with its operand"
        lost = victims(block.inputs, block.variables)
        is_clipped = block.why is Why.ZEROED and (
            has(block.op.type, Trait.BOUNDS) or has(block.op.type, Trait.RECTIFIES)
        )
        without = "without a gradient of any meaning" if block.why is Why.ROUNDING else "with zero gradient"
        return f"{message}: {lost} {without}", _CLIPPED if is_clipped else _ADVICE.get(block.why, "")

    yield from blocks_in_words(RULE, facts, said)
    for derivative in facts.zero_derivatives:
        mine = [block for block in facts.blocks if facts.flow is not None and derivative.explains(facts.flow, block)]
        yield _of_derivative(facts, derivative, mine)


def _of_derivative(facts: Facts, derivative: ZeroDerivative, mine: Sequence[Block]) -> Finding:
    order = "second derivative" if derivative.is_second else "derivative"
    why, advice = "", "Take the derivative of a value that depends smoothly on what it is taken by."
    if derivative.is_second and derivative.rectifiers:
        why = f": the rectifiers of {listed(derivative.rectifiers)} have none"
        advice = "Use an activation with a second derivative, such as tanh, swish or a sine."
    certainty = Certainty.CERTAIN if derivative.is_confirmed else Certainty.IN_SAMPLE
    inputs = tuple(dict.fromkeys(key for block in mine for key in block.inputs))
    variables = tuple(dict.fromkeys(variable for block in mine for variable in block.variables))
    lost = f"; with it {victims(inputs, variables)} without a gradient" if mine else ""
    severities = [severity_of_block(facts, block) for block in mine]
    return RULE.finding(
        f"the {order} that is taken here is zero at every point, and so is its part of the loss{why}{lost}",
        severity=max([severity_of(Consequence.UNHEARD, certainty), *severities], key=lambda severity: severity.order),
        inputs=inputs,
        variables=paths(variables),
        cause=Cause(derivative.op.layer or None, None, derivative.op.file, derivative.op.line),
        evidence={"why": "zero derivative", "rectifiers": list(derivative.rectifiers)},
        position=derivative.position,
        advice=advice,
    )


RULE = Rule(
    code="GL201",
    name="zero-gradient",
    loses=Consequence.NOTHING_LEARNS,
    advice="Look at the values that go into the operation; scale or shift them, or replace the operation.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.PROBES, Need.EXPERIMENTS}),
)
