"""What a training step of one's own leaves out: the losses of the layers, the scale of half precision."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from gradlint.source.expected import is_test
from gradlint.source.expressions import settled
from gradlint.source.identity import key, position
from gradlint.source.names import is_library, last, words
from gradlint.source.pairs import applied_questions
from gradlint.source.values import Kind, Scope, Value
from gradlint.source.variables import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.source.module import Module, Question

_READS_LOSSES = words("losses get_losses_for compute_loss compiled_loss add_metric _compute_losses")
_NAMES_LOSSES = re.compile(r"""["']losses["']|regulari[sz]ation_loss""")
_POLICY_SETTERS = ("set_global_policy", "set_dtype_policy", "set_policy", "set_floatx")
_SCALES = re.compile(r"scaled?_?loss|loss_?scal|unscale|get_scaled|scale_loss|grad(ient)?_scal", re.IGNORECASE)


def steps_without_losses(module: Module) -> Iterator[tuple[Value, int]]:
    """Losses of training steps that leave out the regularisers of their own model, with the line of the first one."""
    if "regularizer" not in module.text:
        return
    regularised = [call for call in module.calls if _is_regularised(call)]
    if not regularised:
        return
    if _reads_losses(module):
        return
    applied = applied_questions(module)
    reported: set[int] = set()
    for question in module.questions:
        if id(question.call) not in applied or id(question.call) in reported or question.sources is None:
            continue
        parts = parts_of(module, question.sources, question.context) or []
        for part in parts:
            first = next((call for call in regularised if part.is_model and _is_in(module, call, part.value)), None)
            if first is not None:
                reported.add(id(question.call))
                yield _loss_of(question), position(first)[0]
                break


def _reads_losses(module: Module) -> bool:
    """Whether the file reads what layers add to a loss, in whatever step; `keras.losses` is a module."""
    if _NAMES_LOSSES.search(module.text):
        return True
    return any(name in module.text for name in _READS_LOSSES) and any(
        isinstance(node, ast.Attribute) and node.attr in _READS_LOSSES and not _is_of_library(module, node)
        for node in ast.walk(module.tree)
    )


def _is_of_library(module: Module, node: ast.expr) -> bool:
    """Whether something hangs on a name that the file imports from a library."""
    while isinstance(node, ast.Attribute):
        node = node.value
    bound = module.scope.bindings.get(node.id, ()) if isinstance(node, ast.Name) else ()
    return bool(bound) and all(each.kind is Kind.NAME and is_library(f"{each.name}.") for each in bound)


def _loss_of(question: Question) -> Value:
    target = settled(question.target) if question.target is not None else question.call
    return target if target.kind in (Kind.CALL, Kind.OPERATION) and target.node is not None else question.call


def _is_regularised(call: Value) -> bool:
    if not call.name.startswith("keras.layers."):
        return False
    for name in ("kernel_regularizer", "bias_regularizer", "activity_regularizer", "embeddings_regularizer"):
        given = call.keyword(name)
        if given is not None and (
            isinstance(given.literal, str) or settled(given).name.startswith("keras.regularizers.")
        ):
            return True
    return False


def _is_in(module: Module, layer: Value, model: Value) -> bool:
    """Whether a model is built with a layer: by its arguments, by its class, or by the function that makes it."""
    scope: Scope | None = layer.place.scope
    within: list[Scope] = []
    while scope is not None and scope.kind != "module":
        within.append(scope)
        if scope.owner is not None:
            within.append(scope.owner)
        scope = scope.parent
    stack, seen = [settled(model)], set[int]()
    while stack and len(seen) < 500:
        each = settled(stack.pop())
        if id(each) in seen:
            continue
        seen.add(id(each))
        if each is layer:
            return True
        own = module.class_scope(each) if each.kind is Kind.CALL else module.receiver_class(each)
        if own is not None:
            if any(part in within for part in module.family(own)):
                return True
            for part in module.family(own):
                for path, bound in part.bindings.items():
                    stack.extend(bound if path.startswith("self.") else ())
        made = module.function_of(each) if each.kind is Kind.CALL else None
        if made is not None and made in within:
            return True
        stack.extend(each.inputs)
        stack.extend(module.attribute_bindings(each))
    return False


def unscaled_losses(module: Module) -> Iterator[tuple[Value, str]]:
    """Questions of loops that never scale their loss although the file asks for half precision, and how it does."""
    if not any(name in module.text for name in ("LossScaleOptimizer", *_POLICY_SETTERS)):
        return
    wrapped = [
        call for call in module.calls if last(call.name) == "LossScaleOptimizer" and call.name.startswith("keras.")
    ]
    policies = [call for call in module.calls if _sets_half_precision(call)]
    if not wrapped and not policies:
        return
    if _SCALES.search(re.sub(r"LossScaleOptimizer|loss_scale_optimizer", "", module.text)):
        return
    applied = applied_questions(module)
    reported: set[int] = set()
    for question in module.questions:
        if id(question.call) not in applied or id(question.call) in reported or is_test(module, question.call):
            continue
        reported.add(id(question.call))
        if wrapped and _is_applied_by(module, question, wrapped):
            yield question.call, "the optimizer is a LossScaleOptimizer"
        elif policies and not wrapped:
            yield question.call, "the policy is mixed_float16"


def _sets_half_precision(call: Value) -> bool:
    if last(call.name) not in _POLICY_SETTERS:
        return False
    if not call.name.startswith("keras.") or any(True for _ in call.place.guards):
        return False
    given = settled(call.arguments[0]) if call.arguments else None
    if (
        given is not None
        and given.kind is Kind.CALL
        and last(given.name) in ("Policy", "DTypePolicy")
        and given.arguments
    ):
        given = settled(given.arguments[0])
    return given is not None and given.literal in ("mixed_float16", "float16")


def _is_applied_by(module: Module, question: Question, wrapped: list[Value]) -> bool:
    """Whether a wrapped optimizer is the one that gets the gradients of a question."""
    from gradlint.source.pairs import sources_of

    makers = {key(each) for each in wrapped}
    for call in module.calls:
        if call.callee.kind is Kind.ATTRIBUTE and call.callee.name in ("apply_gradients", "apply"):
            if id(question.call) in sources_of(call):
                optimizer = settled(call.callee.inputs[0])
                bound = [settled(each) for each in module.attribute_bindings(optimizer)] or [optimizer]
                return all(key(each) in makers for each in bound)
    return False
