"""Lists of variables in source, as tapes and optimizers are given them: what they are made of."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.source.expressions import settled
from gradlint.source.identity import key
from gradlint.source.names import VARIABLE_LISTS
from gradlint.source.values import Context, Kind, Value

if TYPE_CHECKING:
    from gradlint.source.module import Module


@dataclass(frozen=True, slots=True)
class Part:
    """What one stretch of a list of variables comes from: a model's own list, or one tensor.

    Attributes:
        value: the model, or the tensor.
        key: what tells it from others.
        is_model: whether it is a model's list.
        attribute: which list: `trainable_variables`, `weights`.
        subset: whether some were left out.
    """

    value: Value
    key: str
    is_model: bool
    attribute: str = ""
    subset: bool = False


def parts_of(module: Module, value: Value, context: Context = (), depth: int = 0) -> list[Part] | None:
    """What a list of variables is made of, in order; None when the file does not show it."""
    origin = settled(value)
    if depth > 20:
        return None
    match origin.kind:
        case Kind.PARAMETER if context:
            given = module.argument_for(context[-1], origin) if module.enters(context[-1], origin) else None
            return parts_of(module, given, context[:-1], depth + 1) if given is not None else None
        case Kind.ATTRIBUTE if origin.name in VARIABLE_LISTS:
            model = module.entered(origin.inputs[0], context)
            return [Part(model, key(model), True, origin.name)]
        case Kind.SEQUENCE:
            return _together([parts_of(module, each, context, depth + 1) for each in origin.inputs])
        case Kind.OPERATION if origin.name == "Add":
            return _together([parts_of(module, each, context, depth + 1) for each in origin.inputs])
        case Kind.OPERATION if origin.name == "*":
            return parts_of(module, origin.inputs[0], context, depth + 1)
        case Kind.UPDATE if origin.name in ("append", "extend"):
            return _together([parts_of(module, each, context, depth + 1) for each in origin.inputs])
        case Kind.CALL if origin.name in ("builtins.list", "builtins.tuple", "tensorflow.nest.flatten"):
            first = origin.argument(0)
            return parts_of(module, first, context, depth + 1) if first is not None else None
        case Kind.CALL if origin.name in ("itertools.chain",):
            return _together([parts_of(module, each, context, depth + 1) for each in origin.arguments])
        case Kind.CALL if origin.name in ("tensorflow.Variable", "keras.Variable"):
            return [Part(origin, key(origin), False)]
        case Kind.COMPREHENSION:
            return _comprehended(module, origin, context, depth)
        case Kind.ITEM:
            inner = parts_of(module, origin.inputs[0], context, depth + 1)
            if inner and len(inner) == 1 and inner[0].is_model:
                return [Part(inner[0].value, inner[0].key, True, inner[0].attribute, subset=True)]
            return None
        case Kind.ATTRIBUTE | Kind.CALL:
            return [Part(origin, key(origin), False)]
        case Kind.CONSTANT | Kind.NAME | Kind.OPERATION | Kind.PARAMETER:
            return [Part(origin, key(origin), False)]
        case _:
            return None


def _comprehended(module: Module, value: Value, context: Context, depth: int) -> list[Part] | None:
    node = value.node
    if isinstance(node, ast.DictComp) or not isinstance(node, (ast.ListComp, ast.GeneratorExp)):
        return None
    element = settled(value.inputs[0])
    while element.kind is Kind.ATTRIBUTE and element.name in ("value", "_value"):
        element = settled(element.inputs[0])
    if element.kind is not Kind.ELEMENT or len(node.generators) != 1:
        return None
    inner = parts_of(module, element.inputs[0], context, depth + 1)
    if inner is None or not node.generators[0].ifs:
        return inner
    return [Part(each.value, each.key, each.is_model, each.attribute, subset=True) for each in inner]


def _together(lists: list[list[Part] | None]) -> list[Part] | None:
    found: list[Part] = []
    for each in lists:
        if each is None:
            return None
        found.extend(each)
    return found
