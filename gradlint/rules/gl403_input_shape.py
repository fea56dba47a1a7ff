"""GL403 input-shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.facts import fed
from gradlint.rule import SAMPLE, Need, Rule
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.load.spec import ArraySpec, InputSpec, Shape
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Compares the shape of every array with the `keras.Input` it feeds: the number of axes, and each axis
whose size the Input fixes. The batch axis is left out.

## Why it matters

Each input of a model with several has its own shape, and the sample must keep to all of them. Keras
checks some of this when the model runs, but names the inner layer that failed; for nested inputs it
checks nothing, and a wrong axis may broadcast silently on its way to the loss.

## Example

```python
model = keras.Model({"sequence": keras.Input((10, 32)), "vector": keras.Input((32,))}, ...)
sample = {"sequence": zeros((8, 12, 32)), "vector": zeros((8, 32))}    # GL403: axis 1 is 12, not 10
sample = {"sequence": zeros((10, 32)), "vector": zeros((32,))}         # GL403: the batch axis is missing
```

## What to do

Bring the array to the shape of the Input, or write `None` in the Input for an axis that may have
any size.

## Known limits

Keras adds or drops a last axis of length 1 (`(8,)` for `Input((1,))`, `(8, 5, 1)` for
`Input((5,))`), and that is no finding. Axes of ragged tensors, and inputs of subclassed models,
which declare no shape, are not compared.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """One finding per array whose shape its input does not take."""
    wrong = [(e, a, fault) for e, a in fed(facts) if (fault := _fault(a.shape, e.shape))]
    for entry, array, fault in wrong:
        fits = [
            other for e, other, _ in wrong if not _fault(array.shape, e.shape) and not _fault(other.shape, entry.shape)
        ]
        # Where several could be meant, none is.
        swapped = f"; it fits where {fits[0].key!r} is, and the other way round" if len(fits) == 1 else ""
        label = _label_for(facts, entry) if not swapped else None
        if label is not None:
            swapped = f"; {label.key!r}, of shape {label.shape}, fits there: labels and inputs look exchanged"
        yield RULE.finding(
            f"{array.key!r} has shape {array.shape}, but the input takes {entry.shape}: {fault}{swapped}",
            inputs=(array.key,),
            evidence={"shape": str(array.shape), "expected": str(entry.shape)},
            advice=_INPUTS_FIRST if label is not None else _EXCHANGE if swapped else "",
        )


_EXCHANGE = "Let the two arrays change places; in a dict, by the names of the inputs, their order does not matter."
_INPUTS_FIRST = "Let labels and inputs change places: the inputs come first, as in (x, y)."


def _label_for(facts: Facts, entry: InputSpec) -> ArraySpec | None:
    """The labels of a model with one input, where they are what it takes."""
    binding = facts.binding
    if binding is None or len(binding.inputs) != 1 or len(binding.labels) != 1:
        return None
    array = next(array for array in facts.arrays if array.key == binding.labels[0][1])
    return None if _fault(array.shape, entry.shape) else array


def _fault(shape: Shape, expected: Shape) -> str:
    """What is wrong with a shape, empty when Keras takes it."""
    given = shape
    # `Functional._adjust_input_rank`, which runs before the axes are compared.
    if len(given) == len(expected) + 1 and given[-1] == 1:
        given = given[:-1]
    elif len(given) == len(expected) - 1 and expected[-1] == 1:
        given = (*given, 1)
    if len(given) != len(expected):
        if len(expected) == len(shape) + 1 and _agree(shape, expected[1:]):
            return "the batch axis is missing"
        return f"{_axes(len(shape))} instead of {len(expected)}"
    wrong = [
        f"axis {axis} is {have}, not {want}"
        for axis, (have, want) in enumerate(zip(given, expected, strict=True))
        if axis and have is not None and want is not None and have != want
    ]
    return ", ".join(wrong)


def _agree(shape: Shape, expected: Shape) -> bool:
    return all(have == want or None in (have, want) for have, want in zip(shape, expected, strict=True))


def _axes(count: int) -> str:
    return "1 axis" if count == 1 else f"{count} axes"


RULE = Rule(
    code="GL403",
    name="input-shape",
    loses=Consequence.FAILS,
    advice="Bring the array to the shape of the Input, or write None in the Input for an axis of any size.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.INPUTS}),
    blames=SAMPLE,
)
