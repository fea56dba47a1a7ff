"""What is wrong with the pairs that optimizers are given, and with the gradients that they are not given."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gradlint.source.expected import is_test
from gradlint.source.expressions import settled
from gradlint.source.identity import is_part_of, position
from gradlint.source.lineage import are_distinct, readers
from gradlint.source.makers import is_constant_tensor, is_optimizer
from gradlint.source.names import last, words
from gradlint.source.pairs import (
    Application,
    applications,
    applied_questions,
    differentiated,
    question_behind,
    sources_of,
    unturned,
)
from gradlint.source.paths import is_recorded
from gradlint.source.values import Kind, Value
from gradlint.source.variables import Part, parts_of
from gradlint.source.verdicts import is_variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.source.module import Module


def described(parts: list[Part]) -> str:
    """`generator.trainable_variables + …` as the source has it, as far as it is short."""
    names = []
    for part in parts:
        node = part.value.node
        names.append(ast.unparse(node) if isinstance(node, (ast.Name, ast.Attribute)) else "")
    return " + ".join(names) if names and all(names) and len(names) < 4 else ""


# Pairs of A's gradients and B's variables


def mismatched_pairs(module: Module) -> Iterator[tuple[Value, str]]:
    """Where gradients meet variables that they do not belong to, and what is wrong."""
    for application in applications(module):
        if application.gradients is None or application.variables is None or application.call.place.raises:
            continue
        where = _pairing_place(application)
        if _is_turned_round(module, application.gradients, application.variables):
            yield where, "one list is turned round, and the gradients meet the variables in the reverse order"
            continue
        if question_behind(application.variables) is not None and question_behind(application.gradients) is None:
            if parts_of(module, application.gradients) is not None and application.pairing is not None:
                yield where, "the pairs have the variable first and the gradient second"
            continue
        of, to = differentiated(module, application.gradients), parts_of(module, application.variables)
        if of is None or to is None or any(each.subset for each in (*of, *to)):
            continue
        if len(of) == len(to) and not [1 for a, b in zip(of, to, strict=True) if a.key != b.key]:
            continue
        if _are_distinct(module, of, to):
            yield where, "gradients of one set of variables are applied to another"


def _is_turned_round(module: Module, gradients: Value, variables: Value) -> bool:
    """Whether gradients meet the very variables that they were taken of, in the reverse order."""
    given, gradients_turned = unturned(gradients)
    asked = question_behind(given)
    sources = asked[0].argument(1, "sources") if asked is not None and asked[1] is None else None
    if sources is None:
        return False
    of, sources_turned = unturned(sources)
    to, variables_turned = unturned(variables)
    if (gradients_turned + sources_turned + variables_turned) % 2 == 0:
        return False
    first, second = parts_of(module, of), parts_of(module, to)
    if first is None or second is None or any(each.subset for each in (*first, *second)):
        return False
    is_several = len(first) > 1 or any(each.is_model for each in first)
    return is_several and [each.key for each in first] == [each.key for each in second]


def _pairing_place(application: Application) -> Value:
    """The `zip`, when it stands in a statement of its own."""
    call, pairing = application.call, application.pairing
    if pairing is None or not isinstance(call.node, ast.Call) or pairing.node is None:
        return call
    inside = any(part is pairing.node for part in ast.walk(call.node))
    return call if inside else pairing


def _are_distinct(module: Module, of: list[Part], to: list[Part]) -> bool:
    """Whether the two lists cannot be the same variables in the same order."""
    if {each.key for each in of} == {each.key for each in to}:
        return all(_is_certain(module, each) for each in (*of, *to))  # another order
    if len(of) != len(to):
        # Lists of several parts may be the one whole that holds them.
        return all(_differ(module, one, other) for one in of for other in to)
    return all(one.key == other.key or _differ(module, one, other) for one, other in zip(of, to, strict=True))


def _is_certain(module: Module, part: Part) -> bool:
    return part.is_model or is_variable(module, part.value)


def _differ(module: Module, one: Part, other: Part) -> bool:
    """Whether two parts are different objects that share nothing."""
    if one.key == other.key or is_part_of(one.key, other.key) or is_part_of(other.key, one.key):
        return False
    if one.is_model != other.is_model:
        return False
    if not one.is_model:
        return is_variable(module, one.value) and is_variable(module, other.value)
    return are_distinct(module, one.value, other.value)


# What is not pairs


def unpaired(module: Module) -> Iterator[tuple[Value, str]]:
    """Calls of `apply_gradients` that are not given pairs, and what they are given."""
    own = any(value.scope is not None and "apply_gradients" in value.scope.children for value in module.classes)
    for application in applications(module):
        call = application.call
        if call.callee.name != "apply_gradients" or call.place.raises:
            continue
        if own and not is_optimizer(module, call.callee.inputs[0]):
            continue
        given = call.arguments or [each for each in (call.keyword("grads_and_vars"),) if each is not None]
        if not given:
            continue
        first = settled(given[0])
        if len(given) >= 2 and first.kind is not Kind.COMPREHENSION and application.pairing is None:
            second = parts_of(module, given[1])
            if question_behind(first) is not None or (second and all(each.is_model for each in second)):
                if second is not None and not isinstance(settled(given[1]).literal, str):
                    yield call, "it is given gradients and variables as two arguments"
                    continue
        if len(given) == 1 and application.pairing is None and question_behind(first) is not None:
            yield call, "it is given gradients alone"
            continue
        if application.pairing is not None and application.gradients is not None:
            yield from _zip_of_one(module, application)


def _zip_of_one(module: Module, application: Application) -> Iterator[tuple[Value, str]]:
    pairing, gradients, variables = application.pairing, application.gradients, application.variables
    if pairing is None or gradients is None or variables is None or pairing.kind is not Kind.CALL:
        return
    origin = settled(gradients)
    asked = question_behind(origin)
    if asked is not None and asked[1] is None and origin is asked[0]:
        sources = asked[0].argument(1, "sources")
        if sources is not None and _is_one_tensor(module, sources):
            yield pairing, "`zip` walks over the rows of one tensor"
            return
    for each in origin.inputs if origin.kind is Kind.SEQUENCE else ():
        inner = question_behind(each)
        if inner is not None and inner[1] is None:
            parts = differentiated(module, each)
            if parts and all(part.is_model and not part.subset for part in parts):
                yield pairing, "`zip` gets a list with the list of gradients in it"
                return


def _is_one_tensor(module: Module, value: Value) -> bool:
    """Whether a value is one variable or tensor, and no list of them; of a parameter, in all calls of the function."""
    origin = settled(value)
    given: list[Value | None] = [origin]
    if origin.kind is Kind.PARAMETER:
        given = [module.argument_for(site, origin) for site in module.call_sites.get(id(origin.place.scope), ())]
    return bool(given) and all(
        each is not None and (is_variable(module, each) or is_constant_tensor(each)) for each in given
    )


def spent_pairs(module: Module) -> Iterator[tuple[Value, int]]:
    """Second readers of a `zip` of gradients, with the line of the first."""
    reported: set[int] = set()
    for value, first, second in module.again:
        if value.name != "builtins.zip" or value.kind is not Kind.CALL or id(second) in reported or second.place.raises:
            continue
        if any(question_behind(each) is not None for each in value.arguments):
            reported.add(id(second))
            # The iterable of a loop has no place of its own but that of the reader.
            yield second, position(first)[0]


def tensors_to_minimize(module: Module) -> Iterator[Value]:
    """Calls of `minimize` that get a tensor and no tape."""
    for call in module.calls:
        callee = settled(call.callee)
        if callee.kind is not Kind.ATTRIBUTE or callee.name != "minimize" or call.place.raises:
            continue
        if call.keyword("tape") is not None or len(call.arguments) > 4 or None in call.keywords:
            continue
        loss = call.argument(0, "loss")
        if loss is not None and is_optimizer(module, callee.inputs[0]) and is_tensor(module, loss):
            yield call


def is_tensor(module: Module, value: Value, depth: int = 0) -> bool:
    """Whether a value is a computed tensor for certain, and no function."""
    origin = settled(value)
    if depth > 5:
        return False
    if origin.kind in (Kind.OPERATION, Kind.COMPARISON):
        return origin.name not in ("*", "text", "Not") and any(
            is_tensor(module, each, depth + 1) or settled(each).kind is Kind.CALL for each in origin.inputs
        )
    if origin.kind is Kind.PHI:
        return bool(origin.inputs) and all(
            is_tensor(module, each, depth + 1) for each in origin.inputs if settled(each) is not origin
        )
    if origin.kind is not Kind.CALL:
        return False
    if origin.name:
        if origin.name.startswith(("tensorflow.", "keras.ops.", "keras.backend.", "keras.losses.")):
            return not last(origin.name)[:1].isupper() and last(origin.name) not in ("function", "get", "deserialize")
        return False
    scope = module.function_of(origin)
    if scope is not None:
        return bool(scope.returns) and all(is_tensor(module, each, depth + 1) for each in scope.returns)
    made = settled(origin.callee)
    if made.kind is Kind.ATTRIBUTE:
        bound = module.attribute_bindings(made)
        made = settled(bound[0]) if len(bound) == 1 else made
    return made.kind is Kind.CALL and made.name.startswith(("keras.losses.", "keras.Sequential", "keras.Model"))


# Gradients that are hidden, or dropped


def hidden_nones(module: Module) -> Iterator[tuple[Value, str]]:
    """Where missing gradients are hidden on their way to an optimizer, and how."""
    applied = applied_questions(module)
    for question in module.questions:
        given = question.call.argument(2, "unconnected_gradients")
        if given is None or id(question.call) not in applied or not _only_applied(module, question.call):
            continue  # added to other gradients, nothing is hidden
        if (
            last(given.name) == "ZERO"
            or given.literal == "zero"
            or (given.kind is Kind.ATTRIBUTE and given.name == "ZERO")
        ):
            yield question.call, "`unconnected_gradients=ZERO` hides the gradients that are None from the optimizer"
    appliers = [each for each in module.calls if _is_application(each)]
    candidates = module.values if appliers and module.questions and "None" in module.text else ()
    filters = [
        (value, what) for value in candidates if value.kind in _FILTERING and (what := _hides_none(module, value))
    ]
    for call in appliers if filters else ():
        inside = sources_of(call)
        guarded: set[int] = set()
        for value, what in filters:
            if id(value) in inside:
                guard = id(value.place.guards[-1]) if value.place.guards else id(value)
                if guard in guarded:
                    continue
                guarded.add(guard)
                yield value, f"{what} before the optimizer sees them"


def _is_application(call: Value) -> bool:
    callee = settled(call.callee)
    return callee.kind is Kind.ATTRIBUTE and callee.name in ("apply_gradients", "apply")


_FILTERING = frozenset({Kind.COMPREHENSION, Kind.UPDATE, Kind.CALL})


def _hides_none(module: Module, value: Value) -> str:
    """What a value does to the gradients of a tape that are None, if it leaves them out or replaces them."""
    node = value.node
    left_out = "pairs whose gradient is None are left out"
    if value.kind is Kind.COMPREHENSION and isinstance(node, (ast.ListComp, ast.GeneratorExp)):
        tests = [test for generator in node.generators for test in generator.ifs]
        what = left_out if any(_is_none_test(test) for test in tests) else ""
        if not what and _replaces_none(node.elt):
            what = "gradients that are None are replaced by zeros"
    elif value.kind is Kind.UPDATE and value.name in ("append", "extend"):
        what = left_out if value.place.loops and any(_is_none_test(guard) for guard in value.place.guards) else ""
    elif value.kind is Kind.CALL and value.name == "builtins.filter" and len(value.arguments) == 2:
        body = getattr(settled(value.arguments[0]).node, "body", None)
        what = left_out if isinstance(body, ast.expr) and _is_none_test(body) else ""
    else:
        return ""
    return what if what and _goes_through_gradients(module, value) else ""


def _replaces_none(element: ast.expr) -> bool:
    """Whether an element is `g if g is not None else tf.zeros_like(v)`."""
    for part in ast.walk(element):
        if isinstance(part, ast.IfExp) and isinstance(part.test, ast.Compare) and _is_none_test(part.test, ast.Is):
            instead = part.body if isinstance(part.test.ops[0], ast.Is) else part.orelse
            called = instead.func if isinstance(instead, ast.Call) else None
            if isinstance(called, (ast.Attribute, ast.Name)):
                return (called.attr if isinstance(called, ast.Attribute) else called.id) in ("zeros_like", "zeros")
            return isinstance(instead, ast.Constant) and instead.value in (0, 0.0)
    return False


def _is_none_test(test: ast.expr, *others: type[ast.cmpop]) -> bool:
    return any(
        isinstance(part, ast.Compare)
        and len(part.ops) == 1
        and isinstance(part.ops[0], (ast.IsNot, *others))
        and isinstance(part.comparators[0], ast.Constant)
        and part.comparators[0].value is None
        for part in ast.walk(test)
    )


def _goes_through_gradients(module: Module, value: Value) -> bool:
    inside = sources_of(value)
    return any(id(question.call) in inside for question in module.questions)


def unused_gradients(module: Module) -> Iterator[Value]:
    """Gradients of a model's variables that nothing reads."""
    reported: set[int] = set()
    for question in module.questions:
        call = question.call
        if id(call) in reported or question.method != "gradient" or call.place.raises or is_test(module, call):
            continue
        if call.place.scope.kind == "module" and not call.place.loops:
            continue
        if question.sources is None:
            continue
        parts = parts_of(module, question.sources, question.context)
        if not parts or not all(each.is_model or is_variable(module, each.value) for each in parts):
            continue
        if not _is_read(module, call) and not _is_dropped_on_purpose(call) and not _reads_all_names(module):
            reported.add(id(call))
            yield call


def _is_read(module: Module, value: Value) -> bool:
    """Whether anything is made of a value, but for bindings that nobody reads in turn."""
    if id(value) in module.kept:
        return True
    return any(not _is_binding(user) or id(user) in module.kept for user in readers(module, value, _is_binding))


def _is_binding(value: Value) -> bool:
    return (value.kind is Kind.PHI and value.literal is None) or value.kind is Kind.PART


def _is_dropped_on_purpose(call: Value) -> bool:
    for name, bound in call.place.scope.bindings.items():
        if name.startswith("_") and any(settled(each) is call or call in each.inputs for each in bound):
            return True
    return False


def _reads_all_names(module: Module) -> bool:
    """Whether code of the file reads names by other means (`locals()`, `exec`)."""
    return any(
        each.name in ("builtins.locals", "builtins.exec", "builtins.eval", "builtins.vars", "builtins.globals")
        for each in module.calls
    )


def inner_questions(module: Module) -> Iterator[Value]:
    """Questions inside of the block of their own persistent tape whose answers are not differentiated again."""
    targets: set[int] | None = None
    reported: set[int] = set()
    for question in module.questions:
        call = question.call
        if not is_recorded(question.tape, call, ()) or id(call) in reported:
            continue
        if module.is_persistent(question.tape) is not True:
            continue
        if call.place.raises or len({id(block.tape) for block in call.place.blocks}) > 1:
            continue
        if targets is None:
            targets = {one for each in module.questions if each.target for one in sources_of(each.target)}
        if id(call) in targets:
            continue
        if id(call) in module.kept or not _only_applied(module, call):
            continue
        reported.add(id(call))
        yield call


_HARMLESS = words(
    """
    zip list tuple print len enumerate apply_gradients apply clip_by_global_norm clip_by_norm clip_by_value numpy append
    """
)

_HANDING_ON = frozenset(
    {Kind.PHI, Kind.PART, Kind.ITEM, Kind.SEQUENCE, Kind.ELEMENT, Kind.COMPREHENSION, Kind.ATTRIBUTE}
)


def _only_applied(module: Module, value: Value) -> bool:
    """Whether a gradient goes to an optimizer, or a log, and to nothing that may compute with it."""
    for user in readers(module, value, lambda user: not _ends_in(user)):
        is_harmless = _called(user) in _HARMLESS if user.kind is Kind.CALL else user.kind in _HANDING_ON
        if not is_harmless or (id(user) in module.kept and not _ends_in(user)):
            return False
    return True


def _called(call: Value) -> str:
    return last(call.name) if call.name else call.callee.name


def _ends_in(user: Value) -> bool:
    """Whether a value is taken in, and nothing comes out that holds it."""
    return user.kind is Kind.CALL and _called(user) in ("print", "apply_gradients", "apply", "len")
