"""GL621 untracked-sublayer: a sublayer that Keras does not find."""

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

Reports layers or variables that a layer keeps where Keras does not look: in a plain Python object, or, for variables
of a `tf.Module`, outside of its attributes.

## Why it matters

Keras finds sublayers through the attributes of the layer. What hides in an object of another class is not in
`trainable_variables`: it runs, and never learns, and is not saved.

## Example

```python
class Branch:
    def __init__(self):
        self.dense = keras.layers.Dense(4)

class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.branch = Branch()                       # GL621: `dense` is not tracked
```

```python
class Branch(keras.layers.Layer):
    ...
```

## What to do

Make the holder a `keras.layers.Layer`, or keep the layers themselves in attributes.

## Known limits

Both classes must stand in the file, and the layer must not be assigned to an attribute elsewhere.
"""


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per attribute that hides layers from Keras."""
    from gradlint.source.creating import untracked

    for value, name, hidden in untracked(module):
        what = (
            "is kept where Keras does not look"
            if hidden in (name, "itself")
            else (f"is a plain Python object: Keras does not track its `{hidden}`")
        )
        yield RULE.in_source(module, value, f"`self.{name}` {what}")


RULE = Rule(
    code="GL621",
    name="untracked-sublayer",
    loses=Consequence.VARIABLES,
    certainty=Certainty.IN_SAMPLE,
    advice="Keep the layer in an attribute of the model, or in a list, tuple or dict there.",
    doc=DOC,
    source=source,
    since="0.2.0",
)
