"""GL406 batch-size-mismatch."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gradlint.finding import Cause
from gradlint.load.binding import weight_keys
from gradlint.passes.rows import uneven_rows
from gradlint.record.terms import Region
from gradlint.rule import SAMPLE, Need, Rule
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.load.spec import ModelSpec
    from gradlint.passes.facts import Facts

BATCH_CHANGING = frozenset(
    {
        "Concatenate", "Dot", "Einsum", "Matmul", "Repeat", "Reshape", "Squeeze", "Stack", "Take",
        "Tensordot", "Tile", "Transpose", "ExpandDims", "SegmentMax", "SegmentSum", "Moveaxis",
        "Swapaxes", "Ravel",
    }
)  # fmt: skip
"""`keras.ops` that may work across the first axis, unlike the layers of the same name: a similarity matrix
of 3 queries and 5 documents is no mistake."""

DOC = """\
## What it does

Compares the length of the first axis of the model's inputs, and of labels and sample weights when
the compiled loss is Keras's own.

## Why it matters

Row i of every input and of every label belongs to the same example. With different lengths a layer
that joins two branches fails, naming itself and not the array; or, when one length is 1, the row is
broadcast to the whole batch, and every example is trained with the same one.

## Example

```python
sample = {"image": zeros((8, 32, 32, 3)), "text": zeros((8, 20)), "y": zeros((7,))}    # GL406: 'y' has 7
```

## What to do

Cut all arrays from the same rows; look for a filter, a `drop_remainder` or a shuffle that one of
them missed.

## Known limits

Graph and ragged models take arrays of different lengths on purpose. So before the run, the rule is silent when
the model has custom layers, or operations that work across the batch axis, and it leaves out inputs
with a fixed batch size and inputs with one axis only. Of such models it speaks when the loss has failed
on two of the lengths, or a layer that joins or pairs two inputs, and names that layer.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for all arrays of one sample."""
    met = uneven_rows(facts)
    if lengths := met or _on_paper(facts):
        (usual, votes), (_, second), *_ = Counter(lengths.values()).most_common(2)
        culprits = [key for key, length in lengths.items() if length != usual or votes == second]
        failure = facts.recording.failure if met and facts.recording is not None else None
        is_layer = failure is not None and failure.region is Region.MODEL
        yield RULE.finding(
            "the arrays of one batch differ in length: "
            + ", ".join(f"{key!r} has {length}" for key, length in lengths.items()),
            inputs=tuple(culprits),
            cause=Cause(failure.layer, failure.op, failure.file, failure.line) if failure and is_layer else Cause(),
            evidence={"keys": list(lengths), "lengths": list(lengths.values())},
            advice=_BEFORE_THEY_MEET if is_layer else "",
        )


_BEFORE_THEY_MEET = (
    "Cut all arrays from the same rows; where they differ on purpose, bring them to one length before they are joined."
)


def _on_paper(facts: Facts) -> dict[str, int]:
    """Lengths that no model of Keras's own layers takes, by key; empty where they agree, or may differ."""
    spec, binding = facts.spec, facts.binding
    if spec is None or binding is None or not spec.is_builtin_only or _mixes_examples(spec):
        return {}
    shapes = {array.key: array.shape for array in facts.arrays}
    keys = [key for input_key, key in binding.inputs if _has_free_batch(spec, input_key)]
    if spec.has_builtin_loss:
        keys += [key for _, key in binding.labels]
        keys += weight_keys(binding)
    lengths = {key: length for key in keys if shapes.get(key) and (length := shapes[key][0]) is not None}
    return lengths if len(set(lengths.values())) > 1 else {}


def _mixes_examples(spec: ModelSpec) -> bool:
    return any(layer.module.startswith("keras.src.ops") and layer.class_name in BATCH_CHANGING for layer in spec.layers)


def _has_free_batch(spec: ModelSpec, input_key: str) -> bool:
    """False where the first axis may be no batch: `Input(())` and a flat `batch_shape=(None,)` look alike."""
    entry = spec.input(input_key)
    return entry is not None and entry.declared and len(entry.shape) >= 2 and entry.shape[0] is None


RULE = Rule(
    code="GL406",
    name="batch-size-mismatch",
    loses=Consequence.FAILS,
    advice="Cut all arrays from the same rows.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.INPUTS}),
    blames=SAMPLE,
)
