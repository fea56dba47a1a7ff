"""From Keras's serialised form of a model to its `ModelSpec`: layers, inputs, outputs, loss. Without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gradlint.load.serialized import as_dict, is_builtin, is_layer, layer_name, serialized_objects
from gradlint.load.spec import InputSpec, LayerSpec, ModelSpec, Shape, Structure


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
        {"layers": body} if isinstance(body, list) else as_dict(body)
    )  # Keras 2.0 Sequential: a list
    layers = tuple(_layer_specs(inner, ""))
    own = {layer.name: layer for layer in layers if "/" not in layer.path}
    inputs: tuple[InputSpec, ...] | None = None
    structure: Structure | None = None
    outputs: list[tuple[str, str]] = []
    if "input_layers" in inner:
        used = {name for layer in own.values() for name in layer.inbound}
        outputs = [(key or name, name) for key, name in _leaves(_in_order(inner.get("output_layers")))]
        inputs, structure = _functional_inputs(inner["input_layers"], own, used | {name for _, name in outputs})
    elif own and "build_config" not in inner and str(config.get("class_name")) == "Sequential":
        outputs = [(list(own)[-1],) * 2]
        first = next(iter(own.values()))
        if first.class_name == "InputLayer":
            entry = _input_spec(first.name, first, used=True)
            inputs, structure = (entry,), entry.key
    if inputs is None:
        inputs, structure = _built_inputs(as_dict(config.get("build_config")).get("input_shape"))
    compile_config = as_dict(config.get("compile_config"))
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
        optimizer=_own_optimizer(compile_config),
        compiled=bool(compile_config),
        is_builtin_only=bool(layers)
        and all(is_builtin(entry) for _, entry in serialized_objects(config, skip="compile_config")),
    )


def _own_optimizer(compile_config: Mapping[str, object]) -> object:
    """The compiled optimizer with its schedule, if all of it is Keras's own."""
    optimizer = compile_config.get("optimizer")
    parts = [part for _, part in serialized_objects({"optimizer": optimizer})]
    return optimizer if parts and all(map(is_builtin, parts)) else None


def _layer_specs(inner: Mapping[str, object], prefix: str) -> Iterator[LayerSpec]:
    """Yields the layers under a configuration: the list of a model's, or layers kept as arguments.

    Wrappers (`Bidirectional`, `TimeDistributed`, RNN cells) and subclassed models keep their layers as
    plain arguments; Keras's own path of such a layer starts with its owner's, as here.
    """
    entries = inner.get("layers")
    if isinstance(entries, list):
        members = [entry for entry in map(as_dict, entries) if entry.get("class_name")]
        names = {layer_name(entry) for entry in members}
        previous: tuple[str, ...] = ()
        for entry in members:
            if "inbound_nodes" in entry:
                previous = tuple(dict.fromkeys(prefix + name for name in _histories(entry["inbound_nodes"], names)))
            yield from _layer_spec(entry, prefix, previous)
            previous = (prefix + layer_name(entry),)  # Sequential: each layer is called on the one before
        return
    for value in inner.values():
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, Mapping) and isinstance(part.get("class_name"), str) and is_layer(part):
                yield from _layer_spec(part, prefix, ())


def _layer_spec(entry: Mapping[str, object], prefix: str, inbound: tuple[str, ...]) -> Iterator[LayerSpec]:
    config = entry.get("config")
    inner = as_dict(config)
    name, registered = layer_name(entry), entry.get("registered_name")
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


def _histories(node: object, names: set[str]) -> Iterator[str]:
    """Yields the names of the layers whose outputs a node's arguments mention, in order.

    Keras 3 writes `__keras_tensor__` objects with a `keras_history`; Keras 2 wrote bare
    `[layer, node, tensor]` or `[layer, node, tensor, kwargs]` lists, at any depth.
    """
    if isinstance(node, Mapping):
        history = as_dict(node.get("config")).get("keras_history")
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


def _in_order(part: object) -> object:
    """Outputs in the order in which Keras flattens them, and takes a list of labels: those of a dict by their keys."""
    if isinstance(part, Mapping):
        return {key: _in_order(value) for key, value in sorted(part.items())}
    return part if _is_leaf(part) or not isinstance(part, (list, tuple)) else [_in_order(inner) for inner in part]


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
    name = as_dict(as_dict(part).get("config")).get("name") if isinstance(part, Mapping) else part
    return name if isinstance(name, str) else "float32"
