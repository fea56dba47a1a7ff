"""GL101 disconnected-input: an input key from which no path leads to the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.load.binding import label_called
from gradlint.load.spec import LABEL, quoted
from gradlint.passes.consequences import is_left_by_step
from gradlint.passes.drops import DropKind
from gradlint.passes.where import cause_of
from gradlint.rule import Need, Rule
from gradlint.rules.wording import drop_finding, listed, received
from gradlint.severity import Certainty, Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports an input key whose values never reach the loss: nothing reads it, or what is computed from
it is dropped on the way. Inputs that are lost at the same operation come in one finding, with the
trainable variables that are lost with them.

## Why it matters

Each key of a dict is a branch of its own. A branch that the loss does not read gets no gradient,
its towers keep their initial weights, and the model trains as if that part of the data did not
exist. Keras is silent when an input is declared and not used.

## Example

```python
def call(self, inputs):
    left = self.left(inputs["model1"])
    right = self.right(inputs["model2"])
    return self.head(keras.ops.concatenate([left, left], axis=-1))   # GL101: 'model2' is dropped
```

```python
    return self.head(keras.ops.concatenate([left, right], axis=-1))
```

## What to do

Look at the line in the finding: it is the last operation that takes a value of this input, or the
`return` of the layer that leaves it behind. Use the value there, or remove the input from the model
and from the sample.

## Known limits

What counts is whether a value passes, not whether a gradient does: integer and string inputs are
covered too, and an input behind a non-differentiable operation is GL103's. Reading only the shape of
an input does not count as using it. Whole numbers that arithmetic makes all the same (`step // 1000`) are
lost as well, as an experiment confirms: rows of the input change places, and the loss stays as it is.
An input that only decides a branch or the length of a loop is
reported by GL103, one that ends in an output without a loss by GL106. When a sub-model has several
outputs and the model does not take the one in question, the finding is an info, as it
is for a model with its own `train_step` or `compute_loss` that is not compiled: they are not looked at
then. Only the run with
this sample is seen: an input used in a branch that the sample does not enter looks disconnected.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per group of inputs that are lost at the same place."""
    for drop in facts.drops:
        if not drop.inputs or drop.outputs or drop.kind is DropKind.DECISION:
            continue
        keys = listed(drop.inputs)
        if drop.op is None:
            reader = "the model's train_step" if is_left_by_step(facts, drop) else "the model"
            message = f"nothing in {reader} reads {keys}"
        elif drop.kind is DropKind.SHAPE:
            message = f"only the shape of what {keys} becomes is read, by {drop.op.type}: no path leads to the loss"
        else:
            fate = f"handed to '{drop.handed_to}', which does not read it" if drop.handed_to else ""
            fate = fate or f"dropped{received(drop)}"
            message = f"{keys} is computed into {drop.op.type} and then {fate}: no path leads to the loss"
        if drop.variables:
            message += f", and {len(drop.variables)} trainable variables behind it are lost with it"
        if drop.reason:
            message += f" ({drop.reason})"
        yield drop_finding(RULE, facts, drop, message, _if_labels(facts, drop.inputs) if drop.op is None else "")
    for key, position in facts.levelled.items():
        if facts.flow is not None:
            cause = cause_of(facts.flow, position)
            yield RULE.finding(
                f"'{key}' is lost in {cause.op}, which makes all of its numbers equal: the loss stays as it is when "
                "their rows change places",
                severity=severity_of(Consequence.BRANCH, Certainty.IN_SAMPLE),
                inputs=(key,),
                cause=cause,
                evidence={"kind": "levelled", "rows_matter": False},
                position=position,
                advice="Compute with floats where a fraction is meant, or with numbers that the sample reaches.",
            )


def _if_labels(facts: Facts, keys: Sequence[str]) -> str:
    """What else to do about keys that a model does not declare, and takes only because it declares none."""
    spec, binding, recording = facts.spec, facts.binding, facts.recording
    if spec is None or binding is None or recording is None:
        return ""
    if any((entry := spec.input(key)) is not None and entry.declared for key in keys):
        return ""
    labelled = {output for output, _ in binding.labels}
    outputs = [output.name for output in recording.outputs]
    lacking = [] if "" in labelled else [output for output in outputs if output not in labelled]
    if not lacking:
        return ""
    called = [LABEL if len(outputs) == 1 else label_called(key, lacking) for key in keys]
    names = quoted(called) if all(called) else f"one of {quoted([f'{LABEL}:{output}' for output in lacking])}"
    what = "it holds labels, call it" if len(keys) == 1 else "they hold labels, call them"
    return f"{RULE.advice} If {what} {names}."


RULE = Rule(
    code="GL101",
    name="disconnected-input",
    loses=Consequence.BRANCH,
    advice="Use the input in the model, or remove it from the model and the sample.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.INPUTS, Need.RETURNS, Need.EXPERIMENTS}),
)
