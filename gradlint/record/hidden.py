"""Where objects of the user's keep layers and variables: Keras does not look into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from gradlint.record import source
from gradlint.record.recording import Hidden
from gradlint.upstream import eager

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DEEPEST = 6
"""Objects in objects; a helper that holds helpers is followed, a graph of objects is not."""
_MOST_PARTS = 1000
"""Of a list or a dict; more are data, and no layers."""


def hidden(layers: Iterable[tuple[str, Any]]) -> dict[int, Hidden]:
    """What objects keep that hang on layers of the user's and are none, by the id of the handle of each variable.

    Args:
        layers: with the path of each.
    """
    places: dict[int, Hidden] = {}
    for path, layer in layers:
        if source.is_library_class(type(layer)):
            continue
        for name, value in list(vars(layer).items()):
            for variable, holder in _below(value, None, set(), 0):
                key = eager.tensor_id(eager.handle_of(variable))
                if key not in places:
                    file, line = source.attribute_line(layer, holder)
                    if line is None:
                        file, line = source.attribute_line(layer, value)
                    places[key] = Hidden(path, name, type(holder).__name__, file, line)
    return places


def _below(value: Any, holder: Any, seen: set[int], depth: int) -> Iterator[tuple[Any, Any]]:
    """The variables in a value for which an object of the user's is passed, with the first such object."""
    if id(value) in seen or depth > _DEEPEST:
        return
    seen.add(id(value))
    if isinstance(value, (keras.Layer, keras.Variable, tf.Variable)):
        variables = value.weights if isinstance(value, keras.Layer) else [value]
        for variable in variables if holder is not None else ():
            if hasattr(eager.tf_variable(variable), "handle"):
                yield variable, holder
        return
    parts: list[Any] = []
    if isinstance(value, (list, tuple, dict)):
        if len(value) <= _MOST_PARTS:
            parts = list(value.values() if isinstance(value, dict) else value)
    elif source.is_of_user(value):
        holder, parts = value if holder is None else holder, list(vars(value).values())
    for part in parts:
        yield from _below(part, holder, seen, depth + 1)
