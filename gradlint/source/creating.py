"""Layers and variables that are made, or kept, where Keras does not find them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gradlint.source.expected import is_meant_to_fail
from gradlint.source.expressions import settled
from gradlint.source.makers import (
    LAYER_BASES,
    MODULE_BASES,
    is_layer_class,
    is_optimizer,
    is_weighted_layer,
    makes_variable,
)
from gradlint.source.names import last
from gradlint.source.pairs import applications
from gradlint.source.values import Kind, Scope, Value
from gradlint.source.variables import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.source.module import Module

RUNNING = frozenset({"call", "train_step", "test_step", "predict_step"})
"""Methods of a Keras model that run again and again."""
_CARRIERS = frozenset({"types.SimpleNamespace", "argparse.Namespace"})


def made_while_running(module: Module) -> Iterator[tuple[Value, str]]:
    """Layers with weights, and variables, that are made wherever the model runs, with the name of the function."""
    for call in module.calls:
        layer, variable = is_weighted_layer(call), makes_variable(call) or _adds_weight(call)
        if not (layer or variable) or call.place.raises or any(is_guard(test) for test in call.place.guards):
            continue
        function = _running_function(module, call.place.scope)
        if function is None or is_meant_to_fail(module, function):
            continue
        if variable and _is_declared_frozen(call):
            continue
        if layer and _is_cached(module, call):
            continue
        yield call, function.name


def optimizers_made_in_turns(module: Module) -> Iterator[Value]:
    """Optimizers with moments that a turn of a training loop makes and uses once, on a model that stays the same."""
    for application in applications(module):
        call = application.call
        made = settled(settled(call.callee).inputs[0])
        loop = call.place.loops[-1] if call.place.loops else None
        if (
            not isinstance(loop, (ast.For, ast.While))
            or not is_optimizer(module, made)
            or application.variables is None
        ):
            continue
        is_of_turn = made.kind is Kind.CALL and made.place.scope is call.place.scope and loop is _innermost(made)
        guards = {id(guard) for guard in call.place.guards}
        if not is_of_turn or last(made.name) == "SGD" or any(id(guard) not in guards for guard in made.place.guards):
            continue
        parts = parts_of(module, application.variables) or []
        if parts and all(each.is_model and _outlives(each.value, loop) for each in parts) and not _starts_anew(loop):
            yield made


def _innermost(value: Value) -> ast.AST | None:
    return value.place.loops[-1] if value.place.loops else None


def _outlives(model: Value, loop: ast.AST) -> bool:
    """Whether a model is the same one in every turn of a loop, by what the file shows."""
    origin = settled(model)
    while origin.kind is Kind.ATTRIBUTE:
        origin = settled(origin.inputs[0])
    return origin.kind in (Kind.PARAMETER, Kind.NAME) or (origin.kind is Kind.CALL and loop not in origin.place.loops)


def _starts_anew(loop: ast.AST) -> bool:
    """Whether something in a loop gives models other weights: each turn may be a training of its own."""
    return any(isinstance(part, ast.Attribute) and part.attr in _RESETS for part in ast.walk(loop))


_RESETS = frozenset({"set_weights", "load_weights", "assign", "clone_model", "from_config", "restore", "load_model"})


def _adds_weight(call: Value) -> bool:
    """Whether a call is `self.add_weight(…)`."""
    callee = settled(call.callee)
    if callee.kind is not Kind.ATTRIBUTE or callee.name not in ("add_weight", "add_variable"):
        return False
    owner = settled(callee.inputs[0])
    return owner.kind is Kind.PARAMETER and owner is owner.place.scope.self_parameter


def _running_function(module: Module, scope: Scope) -> Scope | None:
    """The method, or the compiled training step, that a scope is part of."""
    if scope.kind != "function":
        return None
    if scope.owner is None:
        step = scope.name.lstrip("_") in ("train_step", "train_one_step", "training_step")
        return scope if step and "tensorflow.function" in scope.decorators and scope.parent is module.scope else None
    if scope.name in RUNNING and is_layer_class(module, scope.owner):
        return scope
    if scope.name == "__call__" and is_layer_class(module, scope.owner, MODULE_BASES):
        return scope
    return None


def is_guard(test: ast.expr) -> bool:
    """Whether a condition asks if something was made already."""
    for part in ast.walk(test):
        if isinstance(part, ast.Constant) and part.value is None:
            return True
        if isinstance(part, ast.Name) and part.id in ("hasattr", "isinstance", "getattr"):
            return True
        if isinstance(part, ast.Attribute) and any(word in part.attr for word in ("built", "init", "created", "first")):
            return True
        if isinstance(part, ast.Name) and any(word in part.id for word in ("init", "first", "built")):
            return True
        if isinstance(part, ast.Compare) and isinstance(part.ops[0], (ast.NotIn, ast.In)):
            return True
        if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.Not) and isinstance(part.operand, ast.Attribute):
            return True
    return False


def _is_cached(module: Module, call: Value) -> bool:
    """Whether the layer goes into a container, or is handed to a function that may keep it."""
    for user in module.consumers.get(id(call), ()):
        if user.kind is Kind.CALL and settled(user.callee) is not call and user.kind is Kind.CALL:
            name = user.callee.name if user.callee.kind is Kind.ATTRIBUTE else last(user.name)
            if name in ("setattr", "setdefault"):
                return True
    return False


def _is_declared_frozen(call: Value) -> bool:
    given = call.keyword("trainable")
    return given is not None and given.literal is False


# Objects that Keras does not look into


def untracked(module: Module) -> Iterator[tuple[Value, str, str]]:
    """Attributes of layers that hide layers or variables, with the attribute and what it hides."""
    for each in module.classes:
        scope = each.scope
        if scope is None or not is_layer_class(module, scope, LAYER_BASES):
            continue
        if any(
            name in scope.children
            for name in ("trainable_variables", "trainable_weights", "weights", "_flatten_layers")
        ):
            continue
        for path, bound in list(scope.bindings.items()):
            name = path.removeprefix("self.")
            if not path.startswith("self.") or "." in name or "[" in name:
                continue
            for value in bound:
                hidden = _hides(module, value)
                if hidden and not _is_shared(module, scope, path, hidden):
                    yield value, name, hidden[0]
                    break
        yield from _behind_the_back(module, scope)


def _hides(module: Module, value: Value) -> tuple[str, ...]:
    """Attributes in which a plain object keeps layers with weights, or variables."""
    origin = settled(value)
    if origin.kind is not Kind.CALL or origin.place.raises:
        return ()
    if origin.name in _CARRIERS:
        named = zip(origin.keywords, origin.inputs[len(origin.inputs) - len(origin.keywords) :], strict=True)
        return tuple(name for name, each in named if name and _has_weights(module, each))
    plain = module.class_scope(origin)
    if plain is None or not _is_plain_class(plain):
        return ()
    found = []
    for path, bound in plain.bindings.items():
        name = path.removeprefix("self.")
        if path.startswith("self.") and "." not in name and "[" not in name and bound:
            if all(_has_weights(module, each) for each in bound):
                found.append(name)
    return tuple(found)


def _is_plain_class(scope: Scope) -> bool:
    node = scope.node
    if isinstance(node, ast.ClassDef) and (node.keywords or node.decorator_list):
        return False
    bases = [settled(base) for base in scope.bases]
    known = all(base.kind is Kind.NAME and base.name == "builtins.object" for base in bases)
    listed = any(
        name in scope.children for name in ("trainable_variables", "trainable_weights", "variables", "weights")
    )
    return known and not listed


def _has_weights(module: Module, value: Value, depth: int = 0) -> bool:
    """Whether a value is a layer with weights, a model, a variable, or a list of such."""
    origin = settled(value)
    if depth > 4:
        return False  # a class whose objects hold objects of the same class
    inside: list[Value] = []
    if origin.kind in (Kind.SEQUENCE, Kind.MAPPING, Kind.UPDATE):
        inside = origin.inputs
    elif origin.kind is Kind.COMPREHENSION:
        inside = origin.inputs[:1]
    elif origin.kind is Kind.CALL:
        if is_weighted_layer(origin) or makes_variable(origin):
            return True
        if origin.name in ("keras.Sequential", "keras.Model") and origin.arguments:
            return origin.name == "keras.Model" or _has_weights(module, origin.arguments[0], depth + 1)
        own = module.class_scope(origin)
        if own is not None and is_layer_class(module, own, LAYER_BASES):
            inside = [each for path, bound in own.bindings.items() if path.startswith("self.") for each in bound]
    return any(_has_weights(module, each, depth + 1) for each in inside)


def _is_shared(module: Module, scope: Scope, path: str, hidden: tuple[str, ...]) -> bool:
    """Whether the class reaches into the object to list what is in it."""
    name = path.removeprefix("self.")
    for value in module.values:
        if value.kind is not Kind.ATTRIBUTE or value.name not in (*hidden, "__dict__", "layers", "__class__"):
            continue
        base = settled(value.inputs[0])
        holder = base.name == name if base.kind is Kind.ATTRIBUTE else False
        if not holder and not (base.kind is Kind.CALL and any(base is settled(each) for each in scope.bindings[path])):
            continue
        for user in module.consumers.get(id(value), ()):
            called = user.kind is Kind.CALL and settled(user.callee) is value
            if not called and user.kind not in (Kind.ATTRIBUTE, Kind.ELEMENT, Kind.ITEM):
                return True
        if id(value) in module.kept:
            return True
    return False


def _behind_the_back(module: Module, scope: Scope) -> Iterator[tuple[Value, str, str]]:
    """`object.__setattr__(self, 'dense', Dense(4))` and `self.__dict__['dense'] = Dense(4)`."""
    for call in module.calls:
        if call.name == "builtins.object.__setattr__" and len(call.arguments) == 3 and call.place.scope.owner is scope:
            name = call.arguments[1].literal
            if isinstance(name, str) and _has_weights(module, call.arguments[2]):
                yield call, name, name
    for path, bound in scope.bindings.items():
        if path.startswith("self.__dict__["):
            for value in bound:
                if _has_weights(module, value):
                    yield value, path[len("self.__dict__[") + 1 : -2], "itself"
