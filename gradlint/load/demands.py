"""What a configuration asks for: weights, layers, names; and the refusal of what is beyond all measure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gradlint.errors import ModelFileError, UnsafeModelError
from gradlint.load.limits import LARGE, MOST_NAME, Limits, refuse_beyond_memory, size_text
from gradlint.load.serialized import serialized_objects

if TYPE_CHECKING:
    from pathlib import Path

    from gradlint.load.spec import ModelSpec
    from gradlint.load.weights import Weights

    pass


CALLS_PER_ITEM = 10
"""Tensors that layers are called on, for each layer that is allowed."""
UNEXPLAINED = 16
"""How many times the weights it holds a file may ask for: int4 weights take an eighth of what they stand for."""


def least_weights(config: Mapping[str, object]) -> tuple[int, str]:
    """Bytes of weights that a configuration asks for at the least, and the layer that asks for most.

    Only what a layer's own numbers say is counted, and the width of its input where the file gives it.
    """
    total, most, largest = 0, 0, ""
    for layer, entry in serialized_objects(config):
        inner = entry.get("config")
        if not isinstance(inner, Mapping) or str(entry.get("module", "keras")).split(".")[0] != "keras":
            continue
        size = 4 * _least_parameters(str(entry["class_name"]), inner, _width(entry.get("build_config")))
        total += size
        if size > most:
            most, largest = size, layer
    return total, largest


def _least_parameters(name: str, config: Mapping[str, object], width: int) -> int:
    def number(key: str) -> int:
        value = config.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0

    def product(key: str) -> int:
        value = config.get(key)
        parts = value if isinstance(value, (list, tuple)) else (value,)
        return math.prod(part for part in parts if isinstance(part, int) and part > 0)

    units = number("units")
    if name == "Dense":
        return units * width
    if name in ("Embedding", "ReversibleEmbedding"):
        return number("input_dim") * number("output_dim")
    if name in ("LSTM", "LSTMCell"):
        return 4 * units * (units + width)
    if name in ("GRU", "GRUCell"):
        return 3 * units * (units + width)
    if name in ("SimpleRNN", "SimpleRNNCell"):
        return units * (units + width)
    if name.startswith(("Conv", "SeparableConv")) and number("filters"):
        return number("filters") * (1 if name.startswith("Separable") else product("kernel_size"))
    if name in ("MultiHeadAttention", "GroupQueryAttention"):
        return number("num_heads") * number("key_dim") + number("num_query_heads") * number("head_dim")
    return 0


def _width(build_config: object) -> int:
    shape = build_config.get("input_shape") if isinstance(build_config, Mapping) else None
    last = shape[-1] if isinstance(shape, list) and shape else None
    return last if isinstance(last, int) and not isinstance(last, bool) and last > 0 else 1


def refuse_hostile_names(file: Path, config: Mapping[str, object], limits: Limits) -> None:
    """Raises for names that would be repeated beyond all measure: a long one before thousands of others, above all.

    Raises:
        UnsafeModelError: a path of names is too long, or there are too many layers, calls or inputs.
    """

    def refuse(number: int, what: str) -> UnsafeModelError:
        return UnsafeModelError(
            f"{file} has more than {number:,} {what}; pass --limit items=N to allow more, if you trust the file"
        )

    def refuse_long(length: int) -> None:
        if length > MOST_NAME:
            raise UnsafeModelError(
                f"{file}: the names on the way to a layer or an input have {length:,} characters together, more than "
                f"{MOST_NAME:,}"
            )

    layers = calls = 0
    for path, entry in serialized_objects(config):
        refuse_long(len(path))
        layers += "inbound_nodes" in entry
        calls += entry["class_name"] == "__keras_tensor__"
        if layers > limits.items:
            raise refuse(limits.items, "layers")
        if calls > CALLS_PER_ITEM * limits.items:
            raise refuse(CALLS_PER_ITEM * limits.items, "calls of layers")
    body, built = config.get("config"), config.get("build_config")
    own = [body.get(name) for name in ("input_layers", "output_layers")] if isinstance(body, Mapping) else []
    pending = [(0, part) for part in (*own, built.get("input_shape") if isinstance(built, Mapping) else None)]
    leaves = 0
    while pending:
        length, part = pending.pop()
        refuse_long(length)
        if isinstance(part, Mapping):
            pending += [(length + 1 + len(str(key)), inner) for key, inner in part.items()]
        elif isinstance(part, list):
            leaves += 1
            pending += [(length + 1, inner) for inner in part if isinstance(inner, (list, Mapping))]
        if leaves + len(pending) > CALLS_PER_ITEM * limits.items:
            raise refuse(CALLS_PER_ITEM * limits.items, "inputs and outputs")


def refuse_many_layers(file: Path, spec: ModelSpec, limits: Limits) -> None:
    """Raises ModelFileError for a model of more layers than are allowed."""
    if len(spec.layers) > limits.items:
        raise ModelFileError(
            f"{file} has {len(spec.layers):,} layers, more than the limit of {limits.items:,}; "
            f"pass --limit items={len(spec.layers)} to check it all the same"
        )


def refuse_oversized(file: Path, least: tuple[int, str], weights: Weights | None, limits: Limits) -> None:
    """Raises ModelFileError for a model that cannot be held, by what its file says."""
    asked, layer = least
    held = weights.size if weights is not None else asked
    if asked > LARGE and asked > UNEXPLAINED * max(held, 1):
        raise ModelFileError(
            f"{file}: its configuration asks for at least {size_text(asked)} of weights (most of them in {layer!r}), "
            f"but the file holds {size_text(held)}"
        )
    refuse_beyond_memory(f"{file}: its weights take at least", max(asked, held), limits)
