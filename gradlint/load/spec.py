"""What a model and a sample look like on paper: plain nouns, read without TensorFlow.

The same `ModelSpec` comes from the `config.json` of a `.keras` file, from the attributes of a legacy
`.h5` file, and from a live model, because all three are Keras's one serialisation format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from gradlint.load.serialized import builtin_losses

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Shape: TypeAlias = "tuple[int | None, ...]"
Structure: TypeAlias = "str | dict[str, Structure] | list[Structure]"
LABEL = "y"
"""Key of the labels of a model with one output; `y:<output>` names one of several."""
SAMPLE_WEIGHT = "sample_weight"
MOST_QUOTED, LONGEST_QUOTED = 20, 100
"""A message names so many keys, and the number of the others."""


_OF_X = "x/"


def place_of_input(number: int | str) -> str:
    """The key of an input of a model that names none, by its place in what `fit` takes: a list, a tuple, a dict."""
    return f"{_OF_X}{number}"


def name_in_x(key: str) -> str:
    """What a place in a dict is called there; any other key as it is."""
    return key.removeprefix(_OF_X)


def place_of_output(number: int) -> str:
    """The name of an output of a model that names none, by its place."""
    return f"output {number}"


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One tensor a model takes.

    Attributes:
        key: the key a sample uses: the dict key, nested levels joined by `/` (`user/age`, `ctx/0`);
            for list, tuple and single inputs the Keras Input's name.
        name: the Keras Input's own name, which may differ from `key`.
        shape: batch axis first; None where any size will do.
        dtype: Keras's name, such as `float32` or `string`.
        optional: the model also runs without it.
        used: some layer, or an output, consumes it.
        declared: the shape is a contract, written down by an Input; otherwise it is only what the
            model happened to be built with (subclassed models), good for a guess and not for a verdict.
    """

    key: str
    name: str
    shape: Shape
    dtype: str
    optional: bool = False
    used: bool = True
    declared: bool = True


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """One layer, sub-models' own layers included.

    Attributes:
        path: names from the model down, joined with `/`.
        name: the last part of `path`.
        class_name: `Dense`.
        module: `keras.layers`; empty when the file does not say (legacy files, `__main__`).
        registered_name: `package>Class` for custom classes, else None.
        inbound: paths of the layers whose outputs it is called on, in order, each once.
        config: the layer's own configuration, as JSON.
    """

    path: str
    name: str
    class_name: str
    module: str
    registered_name: str | None
    inbound: tuple[str, ...]
    config: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What a model says of itself.

    Attributes:
        name: the model's name.
        class_name: `Functional`, `Sequential` or the user's class.
        keras_version: version that wrote the file; empty when unknown.
        inputs: in the model's order; None when the configuration does not say (subclassed models).
        structure: how the inputs are nested, with their keys as leaves; None when `inputs` is.
        outputs: per output the key a sample's label uses: the dict key, nested levels joined by `/`, or
            the output layer's name.
        output_layers: per output the name of the layer it comes from (Keras's `output_names`).
        layers: in the file's order, a sub-model before its own layers.
        loss: the compiled loss as JSON, None when there is none.
        loss_weights: as compiled, as JSON.
        optimizer: the compiled optimizer as JSON, where all of it is Keras's own.
        compiled: the model was compiled.
        is_builtin_only: every layer, and every function in one, is Keras's own, and none carries code.
    """

    name: str
    class_name: str
    keras_version: str = ""
    inputs: tuple[InputSpec, ...] | None = None
    structure: Structure | None = None
    outputs: tuple[str, ...] = ()
    output_layers: tuple[str, ...] = ()
    layers: tuple[LayerSpec, ...] = ()
    loss: object = None
    loss_weights: object = None
    optimizer: object = None
    compiled: bool = False
    is_builtin_only: bool = False

    @property
    def has_builtin_loss(self) -> bool:
        """True when every compiled loss is Keras's own, so that its demands on labels are known."""
        leaves = list(builtin_losses(self.loss))
        return bool(leaves) and all(leaves)

    def input(self, key: str) -> InputSpec | None:
        """The input of that key, if the model has one."""
        return next((entry for entry in self.inputs or () if entry.key == key), None)


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """One array of a sample.

    Attributes:
        key: the sample's key.
        shape: None marks an axis whose rows differ in length (ragged tensors).
        dtype: NumPy's name; text of any kind is `string`.
        whole: every value of a float array is a whole number; None when the values were not read.
    """

    key: str
    shape: Shape
    dtype: str
    whole: bool | None = None


def structure_keys(structure: Structure) -> Iterator[str]:
    """Yields the leaves of a structure, depth first."""
    if isinstance(structure, str):
        yield structure
    else:
        for part in structure.values() if isinstance(structure, dict) else structure:
            yield from structure_keys(part)


def quoted(names: Sequence[str]) -> str:
    """Names in quotes with commas between, as messages show them: the first of many."""
    shown = ", ".join(map(quoted_name, names[:MOST_QUOTED])) or "nothing"
    return f"{shown} and {len(names) - MOST_QUOTED:,} more" if len(names) > MOST_QUOTED else shown


def quoted_name(name: str) -> str:
    """A name in quotes, as messages show it: the start of a long one."""
    return repr(name) if len(name) <= LONGEST_QUOTED else f"{name[:LONGEST_QUOTED]!r}..."
