"""GL106 output-without-loss: an output that no loss reads, with variables that only it would train."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.rule import Need, Rule
from gradlint.rules.wording import drop_finding, listed, victims
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.drops import Drop
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports outputs of the model that no loss reads, when trainable variables or inputs have no other way to
the loss.

## Why it matters

The layers that only this output would train keep their initial weights. It happens when a model with
several outputs is compiled with a loss dict that lacks one of them, and when a custom loss takes
`outputs[0]` of three.

## Example

```python
model = keras.Model(x, {"price": price, "risk": risk})
model.compile(loss={"price": "mse"})                          # GL106: 'risk' is read by no loss
```

```python
model.compile(loss={"price": "mse", "risk": "binary_crossentropy"})
```

## What to do

Give the output a loss, or let the custom loss read it. If it is there for inspection only, compile it
with loss `None` (or weight 0) to say so, or freeze the layers behind it.

## Known limits

An output that is compiled with loss `None` or weight 0 is reported as an info, which says so where the sample
brings labels for it all the same. An output behind which
every variable also reaches the loss by another way is not reported at all, nor is one behind frozen
layers. The finding is a warning when only variables are victims, and an error when an input key is one or nothing
else learns.
Without a compiled loss and labels for it, the loss is a random projection of all outputs, which reads
each of them, so nothing is reported.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per group of outputs behind which something cannot learn."""
    recording = facts.recording
    if recording is None:
        return
    for drop in facts.drops:
        if not drop.outputs:
            continue
        declined = all(output.is_declined for output in drop.outputs)
        names = listed(tuple(output.name for output in drop.outputs))
        one = len(drop.outputs) == 1
        if declined:
            what = f"{'has' if one else 'have'} no loss, as compiled"
            if labelled := _labelled_in_vain(facts, drop):
                what += f", although the sample brings labels for {'it' if one else listed(labelled)}"
        else:
            what = f"{'is' if one else 'are'} read by no loss"
        message = f"output{'' if one else 's'} {names} {what}: {victims(drop.inputs, drop.variables)} without gradient"
        found = drop_finding(RULE, facts, drop, message)
        yield replace(
            found,
            cause=replace(found.cause, file=recording.loss.file, line=_line(facts, drop)),
            evidence={**found.evidence, "outputs": [output.name for output in drop.outputs]},
        )


def _line(facts: Facts, drop: Drop) -> int | None:
    """The line of a loss of the user's own that reads the output in vain, or else the one that makes the loss."""
    recording = facts.recording
    if recording is None:
        return None
    made = recording.tensors[recording.loss.tensor].producer if recording.loss.tensor is not None else None
    ops = (drop.op, recording.ops[made] if made is not None else None)
    return next((op.loss_line for op in ops if op is not None and op.loss_line), recording.loss.line)


def _labelled_in_vain(facts: Facts, drop: Drop) -> tuple[str, ...]:
    """Outputs for which the sample brings labels, and for which the user compiled no loss.

    An output of weight 0 has a loss, which asks for labels.
    """
    recording = facts.recording
    if recording is None:
        return ()
    labelled = {label.output for label in recording.labels if label.output}
    with_loss = {function.output for function in recording.loss.functions}
    return tuple(output.name for output in drop.outputs if output.name in labelled - with_loss)


RULE = Rule(
    code="GL106",
    name="output-without-loss",
    loses=Consequence.NOTHING_LEARNS,
    advice="Give the output a loss, let the loss read it, or compile it with loss None to say that it is meant.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.RETURNS}),
)
