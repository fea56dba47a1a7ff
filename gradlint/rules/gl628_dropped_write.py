"""GL628 dropped-write: what is written into a TensorArray is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.rule import Rule
from gradlint.severity import Certainty, Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports calls of `write`, `scatter`, `split` and `unstack` of a `tf.TensorArray` whose result nobody takes.

## Why it matters

They return the array with the new elements. In a graph, as `tf.function` and `fit` make one, the old array stays as it
was: what is stacked in the end is zeros, and nothing that was computed in the loop learns. Only in eager mode the old
array is changed as well.

## Example

```python
steps = tf.TensorArray(tf.float32, size=length)
for t in tf.range(length):
    state = cell(state)
    steps.write(t, state)                            # GL628
return steps.stack()
```

```python
    steps = steps.write(t, state)
```

## What to do

Bind the name anew with what the call returns.

## Known limits

Only arrays that the same function makes, and calls that stand alone as a statement. It is a warning, since code that
never runs in a graph does without.
"""


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per call whose result nobody takes."""
    from gradlint.source.arrays import dropped_writes

    for call, method in dropped_writes(module):
        yield RULE.in_source(
            module, call, f"nobody takes what `{method}` returns: in a graph the array stays as it was before"
        )


RULE = Rule(
    code="GL628",
    name="dropped-write",
    loses=Consequence.VARIABLES,
    certainty=Certainty.IN_SAMPLE,
    advice="Bind the name anew: `array = array.write(index, value)`.",
    doc=DOC,
    source=source,
    since="0.2.0",
)
