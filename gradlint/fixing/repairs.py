"""One repair for each kind of finding that has one: a syntax tree and a place to another tree, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import libcst as cst
from libcst import matchers as m
from libcst.metadata import MetadataWrapper, PositionProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gradlint.finding import Finding

_PREDICTORS = ("predict", "predict_on_batch")
_ONLY_OF_PREDICT = frozenset({"verbose", "batch_size"})
"""Arguments of `predict` that do not change what comes out."""
_FUNCTIONS = (cst.FunctionDef, cst.Module, cst.ClassDef, cst.Lambda)


class Repair(NamedTuple):
    """A repaired module.

    Attributes:
        module: the syntax tree.
        is_safe: it changes nothing but what the finding is about.
    """

    module: cst.Module
    is_safe: bool = True


class Place:
    """A module with the positions of its parts, and the place of a finding in it."""

    def __init__(self, content: bytes, finding: Finding) -> None:
        wrapper = MetadataWrapper(cst.parse_module(content))
        self.module = wrapper.module
        self.line = finding.cause.line or 0
        self._positions = wrapper.resolve(PositionProvider)
        self._parents: dict[cst.CSTNode, cst.CSTNode] = {}
        self.nodes: list[cst.CSTNode] = []
        stack: list[cst.CSTNode] = [self.module]
        while stack:
            node = stack.pop()
            self.nodes.append(node)
            for child in node.children:
                self._parents[child] = node
                stack.append(child)

    def begins(self, node: cst.CSTNode) -> int:
        """The line of the first word of a node."""
        return self._positions[node].start.line

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes around a node, inner ones first."""
        while (parent := self._parents.get(node)) is not None:
            yield parent
            node = parent

    def function(self, node: cst.CSTNode) -> cst.CSTNode:
        """The function, or else the module, that a node is in."""
        return next(each for each in self.above(node) if isinstance(each, _FUNCTIONS))

    def beside(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """All nodes of the same function."""
        home = self.function(node)
        return (each for each in self.nodes if each is not self.module and self.function(each) is home)

    def calls(self, *names: str) -> list[cst.Call]:
        """The calls of methods of these names whose name stands on the finding's line."""
        return [
            node
            for node in self.nodes
            if isinstance(node, cst.Call)
            and isinstance(node.func, cst.Attribute)
            and node.func.attr.value in names
            and self.begins(node.func.attr) == self.line
        ]

    def changed(self, old: cst.CSTNode, new: cst.CSTNode) -> cst.Module | None:
        """The module with one node for another."""
        module = self.module.deep_replace(old, new)
        return module if isinstance(module, cst.Module) else None


def repair(content: bytes, finding: Finding) -> Repair | None:
    """The repair of a finding in the bytes of a file; None where there is none that is certain."""
    place = Place(content, finding)
    for attempt in REPAIRS.get(finding.code, ()):
        if (found := attempt(place)) is not None:
            is_whole = len(m.findall(found.module, m.Comment())) >= len(m.findall(place.module, m.Comment()))
            return found._replace(is_safe=found.is_safe and is_whole)  # a comment on what goes may matter
    return None


def _paired(place: Place) -> Repair | None:
    """`apply_gradients(g, v)` to `apply_gradients(zip(g, v))`."""
    for call in place.calls("apply_gradients"):
        if len(call.args) < 2 or any(each.keyword or each.star for each in call.args[:2]):
            continue
        first, second = call.args[0], call.args[1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        pairs = cst.Arg(cst.Call(cst.Name("zip"), [first, second]), comma=call.args[1].comma)
        return _of(place.changed(call, call.with_changes(args=[pairs, *call.args[2:]])))
    return None


def _list_of_pairs(place: Place) -> Repair | None:
    """`pairs = zip(g, v)` to `pairs = list(zip(g, v))`, where the finding reads `pairs` again."""
    here = [node for node in place.nodes if isinstance(node, cst.Name) and place.begins(node) == place.line]
    for name in here:
        bound = [
            node
            for node in place.beside(name)
            if isinstance(node, cst.Assign)
            and len(node.targets) == 1
            and m.matches(node.targets[0].target, m.Name(name.value))
            and place.begins(node) < place.line
        ]
        if len(bound) == 1 and m.matches(bound[0].value, m.Call(func=m.Name("zip"))):
            listed = cst.Call(cst.Name("list"), [cst.Arg(bound[0].value)])
            return _of(place.changed(bound[0], bound[0].with_changes(value=listed)))
    return None


def _persistent(place: Place) -> Repair | None:
    """`tf.GradientTape()` to `tf.GradientTape(persistent=True)`, for the tape that the finding asks."""
    for call in place.calls("gradient", "jacobian", "batch_jacobian"):
        asked = call.func.value if isinstance(call.func, cst.Attribute) else None
        if not isinstance(asked, cst.Name):
            continue
        items = [
            node
            for node in place.beside(call)
            if isinstance(node, cst.WithItem)
            and node.asname is not None
            and m.matches(node.asname.name, m.Name(asked.value))
            and isinstance(node.item, cst.Call)
            and place.begins(node) <= place.line
        ]
        if not items:
            continue
        opening = max(items, key=place.begins).item
        assert isinstance(opening, cst.Call)
        if any(each.star or each.keyword is None or each.keyword.value == "persistent" for each in opening.args):
            continue
        equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
        given = cst.Arg(cst.Name("True"), keyword=cst.Name("persistent"), equal=equal)
        return _of(place.changed(opening, opening.with_changes(args=[given, *opening.args])))
    return None


def _called(place: Place) -> Repair | None:
    """`model.predict(x)` to `model(x, training=True)`; unsafe where something of an array may be read afterwards."""
    for call in place.calls(*_PREDICTORS):
        assert isinstance(call.func, cst.Attribute)
        words = [each.keyword.value for each in call.args[1:] if each.keyword is not None]
        if not call.args or call.args[0].keyword or call.args[0].star or len(words) != len(call.args) - 1:
            continue
        if not _ONLY_OF_PREDICT.issuperset(words):
            continue
        equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
        training = {"value": cst.Name("True"), "keyword": cst.Name("training"), "equal": equal}
        first, last = call.args[0], call.args[-1].with_changes(**training)
        if len(call.args) == 1:
            first = first.with_changes(comma=cst.MaybeSentinel.DEFAULT, whitespace_after_arg=cst.SimpleWhitespace(""))
        module = place.changed(call, call.with_changes(func=call.func.value, args=[first, last]))
        return None if module is None else Repair(module, is_safe=not _is_read_as_array(place, call))
    return None


def _is_read_as_array(place: Place, call: cst.Call) -> bool:
    """Whether something is read of a result, or the name that it gets is read with a dot or an index."""
    around = list(place.above(call))
    if isinstance(around[0], (cst.Attribute, cst.Subscript)):
        return True
    assign = next((each for each in around if isinstance(each, cst.Assign)), None)
    if assign is None or assign.value is not call:
        return False
    names = {node.value for target in assign.targets for node in [target.target] if isinstance(node, cst.Name)}
    return len(names) != len(assign.targets) or any(
        isinstance(node, (cst.Attribute, cst.Subscript)) and m.matches(node.value, m.Name()) and _name(node) in names
        for node in place.beside(call)
    )


def _name(node: cst.Attribute | cst.Subscript) -> str:
    return node.value.value if isinstance(node.value, cst.Name) else ""


def _moved(place: Place) -> Repair | None:
    """A call of the model that stands directly before the block to the first line in it."""
    for line in place.nodes:
        if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
            continue
        if not isinstance(line.body[0], cst.Assign) or place.begins(line) > place.line:
            continue
        owner = next(place.above(line))
        body: Sequence[cst.CSTNode] = getattr(owner, "body", ())
        index = next((number for number, each in enumerate(body) if each is line), None)
        if index is None or index + 1 >= len(body) or not isinstance(owner, (cst.Module, cst.IndentedBlock)):
            continue
        block = body[index + 1]
        if not isinstance(block, cst.With) or not isinstance(block.body, cst.IndentedBlock):
            continue
        if not place.begins(line) <= place.line < place.begins(block):
            continue
        if any(
            node is not line and _binds_same(node, line) for node in place.nodes if _is_in(place, node, block.items)
        ):
            continue
        inner = block.body.with_changes(body=[line.with_changes(leading_lines=()), *block.body.body])
        below = block.with_changes(body=inner, leading_lines=[*line.leading_lines, *block.leading_lines])
        whole = [*body[:index], below, *body[index + 2 :]]
        if owner is place.module:
            return Repair(place.module.with_changes(body=whole))
        return _of(place.changed(owner, owner.with_changes(body=whole)))
    return None


def _is_in(place: Place, node: cst.CSTNode, items: Sequence[cst.WithItem]) -> bool:
    return any(each in items for each in place.above(node))


def _binds_same(node: cst.CSTNode, line: cst.SimpleStatementLine) -> bool:
    """Whether a name in the head of the block is one that the line binds."""
    if not isinstance(node, cst.Name):
        return False
    assign = cst.ensure_type(line.body[0], cst.Assign)
    return any(m.findall(target.target, m.Name(node.value)) for target in assign.targets)


def _of(module: cst.Module | None) -> Repair | None:
    return None if module is None else Repair(module)


REPAIRS: dict[str, tuple[Callable[[Place], Repair | None], ...]] = {
    "GL601": (_moved,),
    "GL603": (_called,),
    "GL611": (_persistent,),
    "GL614": (_paired, _list_of_pairs),
}
"""By code, what may repair it; the first that fits does."""
