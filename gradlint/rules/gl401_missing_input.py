"""GL401 missing-input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.load.binding import weight_keys
from gradlint.load.spec import quoted
from gradlint.rule import SAMPLE, Need, Rule
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports every input of the model that the sample has no array for. When a spare key of the sample
looks like the missing one, it is named.

## Why it matters

Keras matches a dict with a model by name where it can and by position where it cannot. A renamed
key can end as an error about the shape of another input, or, when the shapes happen to agree, as
training on the wrong data: the branch behind the missing input learns from something else, or not
at all.

## Example

```python
model = keras.Model({"a": a, "b": b}, out)
sample = {"a": array_a, "bb": array_b, "y": labels}   # GL401: 'b' is not in the sample. Did you mean 'bb'?
```

## What to do

Rename the key in the sample, or tell gradlint which key is meant: `--map b=bb`. If the model can do
without the input, declare it so: `keras.Input(..., optional=True)`.

## Known limits

Subclassed models do not declare their inputs; for them a missing key shows only when the model
runs. A model with one input takes the one array of the sample that is no label, whatever its name.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """One finding per input without data."""
    binding = facts.binding
    if binding is None:
        return
    close = dict(binding.renamed)
    labels = {key for _, key in binding.labels} | {*weight_keys(binding)}
    keys = [array.key for array in facts.arrays if array.key not in labels]
    for key in binding.missing:
        hint = f". Did you mean {close[key]!r}?" if key in close else ""
        yield RULE.finding(
            f"the model's input {key!r} is not in the sample, which has {quoted(keys)}{hint}",
            inputs=(key,),
            evidence={"sample_keys": keys, "close_match": close.get(key)},
            advice="" if binding.unexpected else f"Put an array called {key!r} into the sample, too.",
        )


RULE = Rule(
    code="GL401",
    name="missing-input",
    loses=Consequence.FAILS,
    advice="Rename the sample's key, or pass --map INPUT=KEY.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.INPUTS}),
    blames=SAMPLE,
)
