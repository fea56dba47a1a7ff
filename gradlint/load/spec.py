"""What a model and a sample look like on paper: plain nouns, read without TensorFlow.

The same `ModelSpec` comes from the `config.json` of a `.keras` file, from the attributes of a legacy
`.h5` file, and from a live model, because all three are Keras's one serialisation format.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from gradlint.errors import UsageError

Shape: TypeAlias = "tuple[int | None, ...]"
Structure: TypeAlias = "str | dict[str, Structure] | list[Structure]"
T = TypeVar("T")

LABEL = "y"
"""Key of the labels of a model with one output; `y:<output>` names one of several."""
SAMPLE_WEIGHT = "sample_weight"
LABEL_NAMES = ("label", "labels", "target", "targets", "y_true")
"""What people call the labels of a model with one output."""
INPUT_NAMES = ("x", "X", "input", "inputs", "feature", "features", "data")
"""What people call the input of a model with one."""
UNNAMED = ("arr_0", "arr_1", "arr_2")
"""What NumPy calls the arrays of `np.savez(path, x, y, sample_weight)`."""
MOST_COMPARED = 10_000
"""Pairs of keys that are compared for likeness; thousands of either would take minutes, and be no slip."""
RENAMED_CUTOFF = 0.6
"""Similarity from which a spare sample key is taken for a misspelt input; difflib's own default."""


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
    compiled: bool = False
    is_builtin_only: bool = False

    @property
    def has_builtin_loss(self) -> bool:
        """True when every compiled loss is Keras's own, so that its demands on labels are known."""
        leaves = list(_loss_leaves(self.loss))
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
    """

    inputs: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    sample_weight: str | None = None
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()


def bind(
    spec: ModelSpec,
    arrays: Sequence[ArraySpec],
    mapping: Mapping[str, str] | None = None,
    targets: Sequence[tuple[str, str]] = (),
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
        targets: (output or "", sample key) of labels (`--target [OUTPUT=]KEY`); each replaces the label of
            that output.

    Raises:
        UsageError: `mapping` or `targets` name an input or a key that does not exist.
    """
    mapping = mapping or {}
    keys = [array.key for array in arrays]
    _refuse_unknown_names(spec, keys, mapping, targets)
    inputs = spec.inputs or ()
    reserved = {name for entry in inputs for name in (entry.key, entry.name)} | set(mapping.values())
    labels = _labels(spec, [key for key in keys if key not in reserved], targets)
    label_keys = {key for _, key in labels}
    weight = next((key for key in keys if key == SAMPLE_WEIGHT and key not in reserved | label_keys), None)
    if len(keys) > 1 and set(keys) == set(UNNAMED[: len(keys)]) and not reserved & set(keys) and not labels:
        if len(inputs) == len(spec.outputs) == 1:
            labels, label_keys = (("", UNNAMED[1]),), {UNNAMED[1]}
            weight = UNNAMED[2] if len(keys) > 2 else None
    if not labels and not any(entry.declared for entry in inputs):
        weight = None  # Keras knows no weights without labels: this is an input that the model reads by itself.
    data = [key for key in keys if key not in label_keys and key != weight]

    taken = _matches(inputs, data, mapping)
    if any(entry.key not in taken for entry in inputs if not entry.declared) or spec.inputs is None:
        # An undeclared input is a guess from the shapes the model was built with: a sample that does not
        # fit the guess says more about the guess.
        return Binding(tuple((key, key) for key in data), labels, weight)
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
    )


def pack_inputs(spec: ModelSpec, values: Mapping[str, T]) -> object:
    """Arranges values by input key as the model takes them: one value, a list, or nested dicts and lists.

    A model that does not say how its inputs are nested gets the one value, or a dict of several. An
    optional input without a value becomes None.
    """
    structure = spec.structure
    if structure is None or not set(values) <= set(structure_keys(structure)):
        return next(iter(values.values())) if len(values) == 1 else dict(values)

    def pack(part: Structure) -> object:
        if isinstance(part, str):
            return values.get(part)
        if isinstance(part, dict):
            return {name: pack(inner) for name, inner in part.items()}
        return [pack(inner) for inner in part]

    return pack(structure)


def structure_keys(structure: Structure) -> Iterator[str]:
    """Yields the leaves of a structure, depth first."""
    if isinstance(structure, str):
        yield structure
    else:
        for part in structure.values() if isinstance(structure, dict) else structure:
            yield from structure_keys(part)


def spec_from_config(config: Mapping[str, object], keras_version: str = "") -> ModelSpec:
    """Reads a model's serialised form.

    Args:
        config: what `config.json` of a `.keras` file holds, or `keras.saving.serialize_keras_object(model)`
            as JSON; legacy `.h5` configurations have the same outline.
        keras_version: version that wrote it.

    Returns:
        Everything that could be understood. Odd or missing parts give None or nothing, never an error:
        whether the model can be built is for Keras to say.
    """
    body = config.get("config")
    inner: Mapping[str, object] = (
        {"layers": body} if isinstance(body, list) else _as_dict(body)
    )  # Keras 2.0 Sequential: a list
    layers = tuple(_layer_specs(inner, ""))
    own = {layer.name: layer for layer in layers if "/" not in layer.path}
    inputs: tuple[InputSpec, ...] | None = None
    structure: Structure | None = None
    outputs: list[tuple[str, str]] = []
    if "input_layers" in inner:
        used = {name for layer in own.values() for name in layer.inbound}
        outputs = [(key or name, name) for key, name in _leaves(inner.get("output_layers"))]
        inputs, structure = _functional_inputs(inner["input_layers"], own, used | {name for _, name in outputs})
    elif own and "build_config" not in inner and str(config.get("class_name")) == "Sequential":
        outputs = [(list(own)[-1],) * 2]
        first = next(iter(own.values()))
        if first.class_name == "InputLayer":
            entry = _input_spec(first.name, first, used=True)
            inputs, structure = (entry,), entry.key
    if inputs is None:
        inputs, structure = _built_inputs(_as_dict(config.get("build_config")).get("input_shape"))
    compile_config = _as_dict(config.get("compile_config"))
    return ModelSpec(
        name=str(inner.get("name") or config.get("class_name") or ""),
        class_name=str(config.get("class_name") or ""),
        keras_version=keras_version,
        inputs=inputs,
        structure=structure,
        outputs=tuple(key for key, _ in outputs),
        output_layers=tuple(name for _, name in outputs),
        layers=layers,
        loss=compile_config.get("loss"),
        loss_weights=compile_config.get("loss_weights"),
        compiled=bool(compile_config),
        is_builtin_only=bool(layers)
        and all(is_builtin(entry) for _, entry in serialized_objects(config, skip="compile_config")),
    )


CODE_LAYERS = frozenset({"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"})
"""Keras's own layers whose behaviour comes from elsewhere."""


def is_builtin(entry: Mapping[str, object]) -> bool:
    """True when a serialised object is Keras's own and its behaviour is known from its class."""
    name, module = str(entry.get("class_name")), entry.get("module")
    if name.startswith("__") and name.endswith("__"):
        return name not in ("__lambda__", "__typespec__")
    if name in CODE_LAYERS or ">" in name:
        return False
    if name == "function":
        return isinstance(module, str) and module.split(".")[0] == "keras"
    if module is None and "module" not in entry:
        return False  # a legacy file names no modules: it may be anybody's class
    return isinstance(module, str) and module.split(".")[0] == "keras" and entry.get("registered_name") in (None, name)


_END = object()


def serialized_objects(config: object, skip: str = "") -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yields (path of the layer it belongs to, serialised object) for every object in a configuration.

    The path is empty for the model itself. Iterative, so that a file cannot exhaust the stack; the order is
    the file's. Values under the key `skip` are left out.
    """
    # Iterators, not lists of what is left: a long list of empty ones would be copied at many times its size.
    pending: list[tuple[str, Iterator[object]]] = [("", iter((config,)))]
    while pending:
        path, parts = pending[-1]
        part = next(parts, _END)
        if part is _END:
            pending.pop()
        elif isinstance(part, Mapping):
            if isinstance(part.get("class_name"), str):
                if part is not config and _is_layer(part):
                    path = f"{path}/{_layer_name(part)}".lstrip("/")
                yield path, part
            pending.append((path, iter([part[key] for key in part if key != skip])))
        elif isinstance(part, (list, tuple)):
            pending.append((path, iter(part)))


def _is_layer(entry: Mapping[str, object]) -> bool:
    return "inbound_nodes" in entry or "trainable" in _as_dict(entry.get("config"))


# --- a functional or Sequential configuration -------------------------------------------------------


def _as_dict(part: object) -> Mapping[str, object]:
    return part if isinstance(part, Mapping) else {}


def _layer_specs(inner: Mapping[str, object], prefix: str) -> Iterator[LayerSpec]:
    """Yields the layers under a configuration: the list of a model's, or layers kept as arguments.

    Wrappers (`Bidirectional`, `TimeDistributed`, RNN cells) and subclassed models keep their layers as
    plain arguments; Keras's own path of such a layer starts with its owner's, as here.
    """
    entries = inner.get("layers")
    if isinstance(entries, list):
        members = [entry for entry in map(_as_dict, entries) if entry.get("class_name")]
        names = {_layer_name(entry) for entry in members}
        previous: tuple[str, ...] = ()
        for entry in members:
            if "inbound_nodes" in entry:
                previous = tuple(dict.fromkeys(prefix + name for name in _histories(entry["inbound_nodes"], names)))
            yield from _layer_spec(entry, prefix, previous)
            previous = (prefix + _layer_name(entry),)  # Sequential: each layer is called on the one before
        return
    for value in inner.values():
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, Mapping) and isinstance(part.get("class_name"), str) and _is_layer(part):
                yield from _layer_spec(part, prefix, ())


def _layer_spec(entry: Mapping[str, object], prefix: str, inbound: tuple[str, ...]) -> Iterator[LayerSpec]:
    config = entry.get("config")
    inner = _as_dict(config)
    name, registered = _layer_name(entry), entry.get("registered_name")
    class_name = str(entry.get("class_name"))
    yield LayerSpec(
        path=prefix + name,
        name=name,
        class_name=class_name,
        module=str(entry.get("module") or ""),
        registered_name=registered if isinstance(registered, str) and registered != class_name else None,
        inbound=inbound,
        config=inner,
    )
    yield from _layer_specs(inner, f"{prefix}{name}/")


def _layer_name(entry: Mapping[str, object]) -> str:
    return str(entry.get("name") or _as_dict(entry.get("config")).get("name") or entry.get("class_name"))


def _histories(node: object, names: set[str]) -> Iterator[str]:
    """Yields the names of the layers whose outputs a node's arguments mention, in order.

    Keras 3 writes `__keras_tensor__` objects with a `keras_history`; Keras 2 wrote bare
    `[layer, node, tensor]` or `[layer, node, tensor, kwargs]` lists, at any depth.
    """
    if isinstance(node, Mapping):
        history = _as_dict(node.get("config")).get("keras_history")
        if node.get("class_name") == "__keras_tensor__" and isinstance(history, (list, tuple)) and history:
            yield str(history[0])
        else:
            for value in node.values():
                yield from _histories(value, names)
    elif isinstance(node, (list, tuple)):
        if len(node) in (3, 4) and isinstance(node[0], str) and node[0] in names and isinstance(node[1], int):
            yield node[0]
        for value in node:
            yield from _histories(value, names)


def _is_leaf(part: object) -> bool:
    # Keras's own test (`map_tensors` in functional.py): a list of three that starts with a name. A list of
    # three inputs starts with a list.
    return isinstance(part, (list, tuple)) and len(part) == 3 and isinstance(part[0], str)


def _leaves(part: object, path: tuple[str, ...] = (), keyed: bool = False) -> Iterator[tuple[str, str]]:
    """Yields (key, layer name) per tensor of an `input_layers` or `output_layers` entry.

    The key is empty when no dict is on the way: then the layer's own name must serve.
    """
    if isinstance(part, (list, tuple)) and _is_leaf(part):
        yield ("/".join(path) if keyed else "", str(part[0]))
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from _leaves(value, (*path, str(key)), True)
    elif isinstance(part, (list, tuple)):
        for index, value in enumerate(part):
            yield from _leaves(value, (*path, str(index)), keyed or not _is_leaf(value))


def _functional_inputs(
    part: object, layers: Mapping[str, LayerSpec], used: set[str]
) -> tuple[tuple[InputSpec, ...], Structure]:
    keys = [(key or name, name) for key, name in _leaves(part)]
    inputs = {key: _input_spec(key, layers.get(name), name, name in used) for key, name in keys}
    leaves = iter(key for key, _ in keys)

    def structure(inner: object) -> Structure:
        if _is_leaf(inner):
            return next(leaves)
        if isinstance(inner, Mapping):
            return {str(key): structure(value) for key, value in inner.items()}
        return [structure(value) for value in inner] if isinstance(inner, (list, tuple)) else []

    return tuple(inputs.values()), structure(part)


def _input_spec(key: str, layer: LayerSpec | None, name: str = "", used: bool = True) -> InputSpec:
    config = layer.config if layer else {}
    shape = next((config[k] for k in ("batch_shape", "batch_input_shape") if config.get(k) is not None), None)
    return InputSpec(
        key=key,
        name=name or key,
        shape=_shape(shape) or (None,),
        dtype=_dtype_name(config.get("dtype")),
        optional=bool(config.get("optional")),
        used=used,
        declared=shape is not None,
    )


def _built_inputs(shapes: object) -> tuple[tuple[InputSpec, ...] | None, Structure | None]:
    """Inputs guessed from the shapes a model was built with, as `build_config` keeps them.

    The batch size, and perhaps other axes, are those of the first call, hence `declared=False`. Shapes by
    argument name (`shapes_dict`: a `call` with several arguments) are no structure that a sample could have.
    """
    found: dict[str, InputSpec] = {}

    def structure(part: object, path: tuple[str, ...]) -> Structure:
        if isinstance(part, (list, tuple)) and part and all(n is None or isinstance(n, int) for n in part):
            key = "/".join(path) or "x"
            found[key] = InputSpec(key, key, (None, *_shape(part)[1:]), "float32", declared=False)
            return key
        if isinstance(part, Mapping):
            return {str(key): structure(value, (*path, str(key))) for key, value in part.items()}
        if isinstance(part, (list, tuple)):
            return [structure(value, (*path, str(index))) for index, value in enumerate(part)]
        return []

    shape = structure(shapes, ())
    return (tuple(found.values()), shape) if found else (None, None)


def _shape(part: object) -> Shape:
    return tuple(n if type(n) is int else None for n in part) if isinstance(part, (list, tuple)) else ()


def _dtype_name(part: object) -> str:
    """Name of a dtype, which a file may hold as text or as a serialised `DTypePolicy`."""
    name = _as_dict(_as_dict(part).get("config")).get("name") if isinstance(part, Mapping) else part
    return name if isinstance(name, str) else "float32"


def _loss_leaves(loss: object) -> Iterator[bool]:
    """Yields per compiled loss whether it is Keras's own."""
    if isinstance(loss, str):
        yield ">" not in loss
    elif isinstance(loss, Mapping):
        if "class_name" in loss and "config" in loss:
            yield is_builtin(loss)
        else:
            for value in loss.values():
                yield from _loss_leaves(value)
    elif isinstance(loss, (list, tuple)):
        for value in loss:
            yield from _loss_leaves(value)


# --- binding ----------------------------------------------------------------------------------------


def _refuse_unknown_names(
    spec: ModelSpec, keys: Sequence[str], mapping: Mapping[str, str], targets: Sequence[tuple[str, str]]
) -> None:
    names = {name for entry in spec.inputs or () for name in (entry.key, entry.name)}
    wrong = [f"--map names the sample key {key!r}" for key in mapping.values() if key not in keys]
    wrong += [f"--target names the sample key {key!r}" for _, key in targets if key not in keys]
    advice = f"the sample has {quoted(keys)}"
    if spec.inputs is not None and (unknown := [name for name in mapping if name not in names]):
        wrong += [f"--map names the input {name!r}" for name in unknown]
        advice += f"; the model's inputs are {quoted(entry.key for entry in spec.inputs)}"
    if wrong:
        raise UsageError(f"{', '.join(wrong)}, which does not exist: {advice}")


def quoted(names: Iterator[str] | Sequence[str]) -> str:
    """Names in quotes with commas between, as messages show them."""
    return ", ".join(repr(name) for name in names) or "nothing"


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
    if not found and not targets and len(outputs) == 1:
        named = [key for key in keys if key in LABEL_NAMES]
        found = {"": named[0]} if len(named) == 1 else {}
    for output, key in targets:
        found[output if output in outputs else aliases.get(output, output)] = key
    order = {output: place for place, output in enumerate(("", *spec.outputs))}
    return tuple(sorted(found.items(), key=lambda pair: (order.get(pair[0], len(order)), pair[0])))


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
    if len(inputs) == 1 and not taken and len(data) == 1:
        taken[inputs[0].key] = data[0]
    return taken


def _renamed(missing: Sequence[str], unexpected: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs a missing input with the spare sample key most like it; each key is used once."""
    spare, pairs = sorted(unexpected), []
    named = [key for key in spare if key in INPUT_NAMES]
    if len(missing) == len(named) == 1:
        return ((missing[0], named[0]),)
    if len(missing) * len(spare) > MOST_COMPARED:
        return ()
    for key in missing:
        if close := difflib.get_close_matches(key, spare, n=1, cutoff=RENAMED_CUTOFF):
            pairs.append((key, close[0]))
            spare.remove(close[0])
    return tuple(pairs)
