"""Keras's serialised objects, one by one: whose they are, and which layer they belong to. Without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
        elif part is None or isinstance(part, (str, int, float)):
            continue  # nearly all of a configuration, and to ask what a mapping is takes longer than all the rest
        elif isinstance(part, (list, tuple)):
            pending.append((path, iter(part)))
        elif isinstance(part, (dict, Mapping)):  # Python sees at once what is a `dict`
            if isinstance(part.get("class_name"), str):
                if part is not config and is_layer(part):
                    path = f"{path}/{layer_name(part)}".lstrip("/")
                yield path, part
            inner = part.values() if not skip else [part[key] for key in part if key != skip]
            pending.append((path, iter(inner)))


def is_layer(entry: Mapping[str, object]) -> bool:
    """True when a serialised object is a layer."""
    return "inbound_nodes" in entry or "trainable" in as_dict(entry.get("config"))


def as_dict(part: object) -> Mapping[str, object]:
    """The part itself where it is a mapping, else an empty one."""
    return part if isinstance(part, Mapping) else {}


def layer_name(entry: Mapping[str, object]) -> str:
    """The name of a serialised layer; its class's where it has none."""
    return str(entry.get("name") or as_dict(entry.get("config")).get("name") or entry.get("class_name"))


def builtin_losses(loss: object) -> Iterator[bool]:
    """Yields per compiled loss whether it is Keras's own."""
    if isinstance(loss, str):
        yield ">" not in loss
    elif isinstance(loss, Mapping):
        if "class_name" in loss and "config" in loss:
            yield is_builtin(loss)
        else:
            for value in loss.values():
                yield from builtin_losses(value)
    elif isinstance(loss, (list, tuple)):
        for value in loss:
            yield from builtin_losses(value)
