"""GL402 unexpected-input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.load.spec import LABEL, SAMPLE_WEIGHT, quoted
from gradlint.rule import SAMPLE, Need, Rule
from gradlint.severity import Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports every array of the sample that is neither an input of the model nor a label nor a sample
weight, and labels and weights for outputs that a functional model does not have.

## Why it matters

Keras does not drop an extra key. It flattens the dict in sorted order and takes the first arrays,
so that a key that sorts early (`ignore_feature` before `input_feature`) is fed to an input it was
never meant for. Keras warns about the structure, then fails on the shape of the wrong array, or
trains on it. Labels for an output that is not there end `fit` with an error about structures: they
are an error here, too.

## Example

```python
model = keras.Model({"input_feature": x}, out)
sample = {"ignore_feature": ids, "input_feature": values, "y": labels}    # GL402: 'ignore_feature'
```

## What to do

Take the array out of the dict before it reaches the model. If it is a label, call it `y` or
`y:<output>`, or pass `--target KEY`; if it is an input under another name, pass `--map INPUT=KEY`.

## Known limits

A spare key that looks like a missing input is reported once, as GL401. Subclassed models do not
declare their inputs, so nothing is unexpected for them.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """One finding per sample key that nothing takes."""
    spec, binding = facts.spec, facts.binding
    if spec is None or binding is None:
        return
    names = [entry.key for entry in spec.inputs or ()]
    renamed = {key for _, key in binding.renamed}  # GL401 names these as what was probably meant
    meant = dict(binding.meant)
    labelled = {output for output, _ in binding.labels}
    lacking = [f"{LABEL}:{output}" for output in spec.outputs if not labelled & {"", output}]
    for key in binding.unexpected:
        if key in renamed:
            continue
        is_stray = key.startswith((f"{LABEL}:", f"{SAMPLE_WEIGHT}:"))
        says = f"neither a label nor an input of the model, whose inputs are {quoted(names)}"
        if is_stray:
            says = f"for no output of the model, whose outputs are {quoted(spec.outputs)}"
        hint = f". Did you mean {meant[key]!r}?" if key in meant else ""
        if not hint and not is_stray and lacking:
            hint = f". If it holds labels, say of which output: {quoted(lacking)}"
        advice = ""
        if is_stray:
            name = f"{key!r} to {meant[key]!r}" if key in meant else f"{key!r} after one of them"
            advice = f"Rename {name}: labels go by the names of the outputs."
        yield RULE.finding(
            f"the sample's {key!r} is {says}{hint}",
            advice=advice,
            severity=severity_of(Consequence.FAILS if is_stray else Consequence.INPUT),
            inputs=(key,),
            evidence={"model_inputs": names},
        )


RULE = Rule(
    code="GL402",
    name="unexpected-input",
    loses=Consequence.FAILS,
    advice="Remove the key from the sample, or say what it is with --map INPUT=KEY or --target KEY.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.INPUTS}),
    blames=SAMPLE,
)
