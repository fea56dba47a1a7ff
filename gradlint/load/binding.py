"""Which array of a sample goes to which input, label or weight of a model; and back into the model's nesting."""

from __future__ import annotations

import difflib
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from gradlint.errors import UsageError, alike
from gradlint.load.spec import (
    LABEL,
    SAMPLE_WEIGHT,
    ArraySpec,
    InputSpec,
    ModelSpec,
    Structure,
    quoted,
    structure_keys,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set

T = TypeVar("T")
LABEL_NAMES = ("y", "ys", "label", "labels", "target", "targets", "y_true", "output", "outputs", "ground_truth")
"""What people call the labels of a model with one output, in whatever case and for whichever split of the data."""
_SPLITS = ("train", "test", "val", "valid", "batch")
_LABEL_WORDS = {word for name in LABEL_NAMES for word in name.split("_")}.union(_SPLITS)
INPUT_NAMES = ("x", "xs", "input", "inputs", "feature", "features", "data")
"""What people call the input of a model with one."""
WEIGHT_NAMES = ("sample_weights", "weight", "weights", "w")
"""What people call sample weights."""
_WEIGHT_WORDS = frozenset({"sample", "weight", "weights"})
_WEIGHTS_OF = (f"{SAMPLE_WEIGHT}:", f"{SAMPLE_WEIGHT}/")
_SPLIT = re.compile(rf"_({'|'.join(_SPLITS)})$")
_BETWEEN = re.compile(r"[\W_]+")
UNNAMED = ("arr_0", "arr_1", "arr_2")
"""What NumPy calls the arrays of `np.savez(path, x, y, sample_weight)`."""
MOST_COMPARED = 10_000
"""Pairs of keys that are compared for likeness; thousands of either would take minutes, and be no slip."""
RENAMED_CUTOFF = 0.6
"""Similarity from which a spare sample key is taken for a misspelt input; difflib's own default."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Which array of the sample goes where; every sample key is in exactly one place.

    Attributes:
        inputs: (input key, sample key), in the model's order.
        labels: (output, sample key); the output is "" for the plain `y`.
        sample_weight: sample key of the weights.
        missing: keys of inputs without data, in the model's order.
        unexpected: sample keys nothing takes, in the sample's order.
        renamed: (input key, sample key) of a missing and an unexpected key that look like one another.
        weights: (output, sample key) of weights that an output has of its own.
        meant: (unexpected key, what it is probably meant to be called).
    """

    inputs: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    sample_weight: str | None = None
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    weights: tuple[tuple[str, str], ...] = ()
    meant: tuple[tuple[str, str], ...] = ()


def bind(
    spec: ModelSpec,
    arrays: Sequence[ArraySpec],
    mapping: Mapping[str, str] | None = None,
    targets: Sequence[tuple[str | None, str]] = (),
) -> Binding:
    """Matches the arrays of a sample with the inputs and the labels of a model.

    An input takes, in this order: the key that `mapping` gives; the key equal to its own (the dict key,
    which wins over the Keras name, as in Keras); the key equal to its Keras name; the key equal to
    the last part of its own, when only one input ends so. A model with one input takes the one
    array that is no label, whatever it is called. When the model does not say what its inputs are, every
    array that is no label is an input under its own key.

    Args:
        spec: the model.
        arrays: the sample.
        mapping: sample key per input key (`--map INPUT=KEY`).
        targets: (output or None, sample key) of labels (`--target [OUTPUT=]KEY`); each replaces the label of
            that output.

    Raises:
        UsageError: `mapping` or `targets` name an input or a key that does not exist.
    """
    mapping = mapping or {}
    asked = [(output or "", key) for output, key in targets]
    keys = [array.key for array in arrays]
    _refuse_unknown_names(spec, keys, mapping, asked)
    inputs = spec.inputs or ()
    reserved = {name for entry in inputs for name in (entry.key, entry.name)} | set(mapping.values())
    labels = _labels(spec, [key for key in keys if key not in reserved], asked)
    label_keys = {key for _, key in labels}
    weight = next((key for key in keys if key == SAMPLE_WEIGHT and key not in reserved | label_keys), None)
    if len(keys) > 1 and set(keys) == set(UNNAMED[: len(keys)]) and not reserved & set(keys) and not labels:
        if len(inputs) == len(spec.outputs) == 1:
            labels, label_keys = (("", UNNAMED[1]),), {UNNAMED[1]}
            weight = UNNAMED[2] if len(keys) > 2 else None
    if not labels and not any(entry.declared for entry in inputs):
        weight = None  # Keras knows no weights without labels: this is an input that the model reads by itself.
    weights = tuple((key[len(SAMPLE_WEIGHT) + 1 :], key) for key in keys if labels and key.startswith(_WEIGHTS_OF))
    if _is_of_keras(spec) and not weights and weight is None:
        lacking = [output for output, _ in labels if output]
        spare = [key for key in keys if key not in reserved | label_keys and _words(key) & _WEIGHT_WORDS]
        weights = tuple(_called_after_outputs(lacking, spare, _WEIGHT_WORDS).items())
    strays = _strays(spec, (*labels, *weights))
    labels = tuple(pair for pair in labels if pair[1] not in strays)
    weights = tuple(pair for pair in weights if pair[1] not in strays)
    bound = {weight} | {key for _, key in (*labels, *weights)}
    data = [key for key in keys if key not in bound]

    taken = _matches(inputs, data, mapping)
    if any(entry.key not in taken for entry in inputs if not entry.declared) or spec.inputs is None:
        # An undeclared input is a guess from the shapes the model was built with: a sample that does not
        # fit the guess says more about the guess.
        return Binding(tuple((key, key) for key in data), labels, weight, weights=weights)
    missing = tuple(entry.key for entry in inputs if entry.key not in taken and not entry.optional)
    used = set(taken.values())
    unexpected = tuple(key for key in data if key not in used)
    return Binding(
        inputs=tuple((entry.key, taken[entry.key]) for entry in inputs if entry.key in taken),
        labels=labels,
        sample_weight=weight,
        missing=missing,
        unexpected=unexpected,
        renamed=_renamed(missing, unexpected),
        weights=weights,
        meant=tuple(_meant(unexpected, spec, {output for output, _ in labels}, weight or weights)),
    )


def _strays(spec: ModelSpec, pairs: Iterable[tuple[str, str]]) -> set[str]:
    """Sample keys of labels and weights for outputs that the model does not have; `fit` refuses them."""
    if spec.class_name != "Functional" or len(spec.outputs) < 2:  # a class of the user's may know what to do with them
        return set()
    outputs = {"", *spec.outputs}
    return {key for output, key in pairs if output not in outputs}


def _meant(
    unexpected: Sequence[str], spec: ModelSpec, labelled: Set[str], has_weights: object
) -> Iterator[tuple[str, str]]:
    """What keys that nothing takes are probably meant to be: the labels of an output without any, or the weights."""
    lacking = [output for output in spec.outputs if not labelled & {"", output}]
    for key in unexpected if len(unexpected) * len(lacking) <= MOST_COMPARED else ():
        own = key.partition(":")[2] or key
        named = [output for output in lacking if output in own] or _alike(own, lacking)
        if not named and len(unexpected) == len(lacking) == 1 and key.startswith(f"{LABEL}:"):
            named = lacking  # labels of one output that is none, and one output without labels
        if _plain(key) in WEIGHT_NAMES and not has_weights:
            yield key, SAMPLE_WEIGHT
        elif lacking and len(spec.outputs) == 1:
            yield key, LABEL
        elif len(named) == 1:
            yield key, f"{LABEL}:{named[0]}"


def _alike(name: str, known: Sequence[str]) -> list[str]:
    """The name that is most like another, in whatever case."""
    lower = {other.lower(): other for other in reversed(known)}
    return [lower[other] for other in difflib.get_close_matches(name.lower(), lower, n=1)]


def label_called(key: str, outputs: Sequence[str]) -> str:
    """What a key would be called if it held labels of one of these outputs, `y:reg` for `y_reg`; empty if unclear."""
    return next((f"{LABEL}:{output}" for output in _called_after_outputs(outputs, [key], _LABEL_WORDS)), "")


def weight_keys(binding: Binding) -> tuple[str, ...]:
    """The sample keys of all weights."""
    plain = () if binding.sample_weight is None else (binding.sample_weight,)
    return (*plain, *(key for _, key in binding.weights))


def is_called_label(key: str) -> bool:
    """Whether a key is what people call the labels of a model with one output."""
    return _plain(key) in LABEL_NAMES


def _plain(key: str) -> str:
    """`X_train` as `x`."""
    return _SPLIT.sub("", key.lower())


def nesting(spec: ModelSpec, keys: tuple[str, ...]) -> Structure | None:
    """How a model nests these inputs; None when it does not say.

    A subclassed model that was built with a list of tensors does not name them: they come in the sample's order.
    """
    if spec.structure is None:
        return None
    leaves = list(structure_keys(spec.structure))
    if set(keys) <= set(leaves):
        return spec.structure
    flat = isinstance(spec.structure, list) and all(isinstance(part, str) for part in spec.structure)
    return list(keys) if flat and len(leaves) == len(keys) else None


def _refuse_unknown_names(
    spec: ModelSpec, keys: Sequence[str], mapping: Mapping[str, str], targets: Sequence[tuple[str, str]]
) -> None:
    names = {name for entry in spec.inputs or () for name in (entry.key, entry.name)}
    wrong = [f"--map names the sample key {key!r}" for key in mapping.values() if key not in keys]
    wrong += [f"--target names the sample key {key!r}" for _, key in targets if key not in keys]
    advice = f"the sample has {quoted(keys)}"
    lost = [key for key in (*mapping.values(), *(key for _, key in targets)) if key not in keys]
    hint = alike(lost[0], keys, repr) if lost else ""
    if spec.inputs is not None and (unknown := [name for name in mapping if name not in names]):
        wrong += [f"--map names the input {name!r}" for name in unknown]
        advice += f"; the model's inputs are {quoted([entry.key for entry in spec.inputs])}"
        hint = hint or alike(unknown[0], names, repr)
    if wrong:
        one = len(wrong) == 1
        raise UsageError(f"{' and '.join(wrong)}, which {'does' if one else 'do'} not exist: {advice}{hint}")


def _labels(spec: ModelSpec, keys: Sequence[str], targets: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """(output, sample key) of every label, in the order of the outputs, unknown outputs last."""
    times, outputs = Counter(spec.output_layers), set(spec.outputs)
    aliases = {name: key for key, name in zip(spec.outputs, spec.output_layers, strict=True) if times[name] == 1}
    found: dict[str, str] = {}
    for key in keys:
        if key == LABEL or key.startswith((f"{LABEL}:", f"{LABEL}/")):
            output = key[len(LABEL) + 1 :]
            found[output if output in outputs else aliases.get(output, output)] = key
    for key in keys:  # As in `fit(x, {"risk": …})`: labels go by their outputs, where no input is called so.
        output = aliases.get(key, key)
        if output in outputs and output not in found:
            found[output] = key
    if not targets and "" not in found and _is_of_keras(spec):
        lacking = [output for output in spec.outputs if output not in found]
        taken = set(found.values())
        found |= _called_after_outputs(lacking, [key for key in keys if key not in taken], _LABEL_WORDS)
    if not found and not targets and len(outputs) == 1:
        named = [key for key in keys if is_called_label(key)]
        found = {"": named[0]} if len(named) == 1 else {}
    for output, key in targets:
        found[output if output in outputs else aliases.get(output, output)] = key
    order = {output: place for place, output in enumerate(("", *spec.outputs))}
    return tuple(sorted(found.items(), key=lambda pair: (order.get(pair[0], len(order)), pair[0])))


def _called_after_outputs(outputs: Sequence[str], keys: Sequence[str], besides: Set[str]) -> dict[str, str]:
    """Sample key per output, for keys of its name with such words beside it: `y_reg`, `target-reg`, `y_train_Reg`.

    Whatever else a class of the user's own makes of such keys; a model of Keras's own has no other reading of them.
    """
    named, called = _by_words(outputs, besides), _by_words(keys, besides)
    return {found[0]: called[words][0] for words, found in named.items() if len(found) == len(called[words]) == 1}


def _by_words(names: Iterable[str], besides: Set[str]) -> dict[frozenset[str], list[str]]:
    found: dict[frozenset[str], list[str]] = defaultdict(list)
    for name in names:
        if words := _words(name) - besides:
            found[words].append(name)
    return found


def _words(name: str) -> frozenset[str]:
    return frozenset(_BETWEEN.split(name.lower())) - {""}


def _is_of_keras(spec: ModelSpec) -> bool:
    return spec.class_name in ("Functional", "Sequential")


def _matches(inputs: Sequence[InputSpec], data: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Sample key per input key."""
    taken: dict[str, str] = {}
    for entry in inputs:
        if key := mapping.get(entry.key, mapping.get(entry.name)):
            taken[entry.key] = key
    lasts = Counter(entry.key.rsplit("/", 1)[-1] for entry in inputs)

    def take(name: Callable[[InputSpec], str]) -> None:
        # One pass per kind of name, over all inputs: an exact key must win over another input's Keras name.
        spare = set(data) - set(taken.values())
        for entry in inputs:
            if entry.key not in taken and name(entry) in spare:
                taken[entry.key] = name(entry)

    def unique_last(entry: InputSpec) -> str:
        last = entry.key.rsplit("/", 1)[-1]
        return last if lasts[last] == 1 else entry.key

    take(lambda entry: entry.key)
    take(lambda entry: entry.name)
    take(unique_last)
    if len(inputs) == 1 and not taken:
        named = [key for key in data if _plain(key) in INPUT_NAMES]
        if len(data) == 1 or len(named) == 1:
            taken[inputs[0].key] = (named or data)[0]
    return taken


def _renamed(missing: Sequence[str], unexpected: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs a missing input with the spare sample key most like it; each key is used once."""
    spare, pairs = sorted(unexpected), []
    named = [key for key in spare if _plain(key) in INPUT_NAMES]
    if len(missing) == len(named) == 1:
        return ((missing[0], named[0]),)
    if len(missing) * len(spare) > MOST_COMPARED:
        return ()
    for key in missing:
        if close := difflib.get_close_matches(key, spare, n=1, cutoff=RENAMED_CUTOFF):
            pairs.append((key, close[0]))
            spare.remove(close[0])
    return tuple(pairs)
