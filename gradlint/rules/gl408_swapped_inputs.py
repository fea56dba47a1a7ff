"""GL408 swapped-inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.rule import KEYS, Need, Rule
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gradlint.finding import Finding
    from gradlint.load.spec import InputSpec
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports a model whose dict of inputs has its keys crossed: the key `a` feeds the Input named `b`,
while `b` is itself a key of the same dict and feeds `a`, or a longer round of the same kind.

## Why it matters

In a dict the key wins over the Input's name; Keras warns once, while the model is built. Data under
`a` runs through the tower that was written for `b`. When the shapes agree nothing fails, and the
model trains on swapped inputs.

## Example

```python
token = keras.Input((4,), name="token")
segment = keras.Input((4,), name="segment")
model = keras.Model({"segment": token, "token": segment}, out)     # GL408
```

## What to do

Make every key equal to the name of its Input.

## Known limits

A key that differs from the name, where the name is no other key, is a mere alias and no finding.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """One finding per round of crossed keys."""
    if facts.spec is None:
        return
    levels: dict[str, dict[str, str]] = {}
    for entry in facts.spec.inputs or ():
        folder, key = _split(entry)
        levels.setdefault(folder, {})[key] = entry.name
    for folder, names in levels.items():
        for round_ in _rounds(names):
            keys = tuple(f"{folder}{key}" for key in round_)
            pairs = ", ".join(f"the key {key!r} feeds the Input named {names[key]!r}" for key in round_)
            yield RULE.finding(
                f"the model's dict of inputs is crossed: {pairs}",
                inputs=keys,
                evidence={"keys": list(keys), "names": [names[key] for key in round_]},
            )


def _split(entry: InputSpec) -> tuple[str, str]:
    """The dict an input is in, and its key there."""
    folder, slash, key = entry.key.rpartition("/")
    return folder + slash, key


def _rounds(names: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Yields the cycles of key -> name -> key, each once, in the order of the dict, without fixed points."""
    done: set[str] = set()
    for start in names:
        path = [start]
        while (following := names[path[-1]]) in names and following not in path and following not in done:
            path.append(following)
        if len(path) > 1 and names[path[-1]] == start:
            yield tuple(path)
        done.update(path)


RULE = Rule(
    code="GL408",
    name="swapped-inputs",
    loses=Consequence.MISLED,
    advice="Make every key of the model's input dict equal to the name of its Input.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.INPUTS}),
    blames=KEYS,
)
