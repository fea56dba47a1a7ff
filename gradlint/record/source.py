"""Which line of the user's code is at work, and which code is a library's."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import sys
import textwrap
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gradlint.record.step_record import Frame, Frames
from gradlint.upstream.libraries import file_of, is_library_file, is_own_file, is_rewritten, is_stand_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from types import CodeType, FrameType


def is_library_class(cls: type) -> bool:
    """Whether a layer's class is installed code: its user has no line to change in it."""
    module = sys.modules.get(cls.__module__)
    file = file_of(module)
    return file is not None and is_library_file(file)


# By the name, not by the code: to hash that takes longer than to walk the stack, and equal code may be of another file.
_is_of_library = functools.lru_cache(maxsize=4096)(is_library_file)


def is_library(file: str) -> bool:
    """Whether a file is a library's."""
    return _is_of_library(file)


def is_of_user(value: object) -> bool:
    """Whether a value is an object of the user's that holds attributes, or a module: no class and no function."""
    if not hasattr(value, "__dict__") or isinstance(value, type) or inspect.isroutine(value):
        return False
    if isinstance(value, ModuleType):
        file = file_of(value)
        return file is not None and not is_library_file(file)
    return not is_library_class(type(value))


def user_frame(
    frame: FrameType | None, root: str, known: tuple[CodeType, Frames] | None = None
) -> tuple[str | None, int | None]:
    """File and line of the innermost frame of the user's code.

    Args:
        frame: where to start.
        root: the file whose frame started the run; frames beyond it belong to whoever called the check.
        known: code that is running, and the user's frames above where it runs last.
    """
    while frame is not None and frame.f_code.co_filename != root:
        if known is not None and frame.f_code is known[0]:
            above = known[1][0] if known[1] else None
            if above is None:
                return None, None
            return _autograph_frame(root) if is_rewritten(above.file) else (above.file, above.line)
        if not _is_of_library(frame.f_code.co_filename):
            if is_rewritten(frame.f_code.co_filename):
                return _autograph_frame(root)
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return None, None


def frames_above(root: str) -> Frames:
    """The user's frames on the stack, innermost first, up to the one of a file."""
    found: list[Frame] = []
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename != root:
        # What AutoGraph has made of a function runs behind the line that gave it to TensorFlow.
        if not _is_of_library(frame.f_code.co_filename) and not is_rewritten(frame.f_code.co_filename):
            found.append(Frame(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_firstlineno))
        frame = frame.f_back
    return tuple(found)


def _autograph_frame(root: str) -> tuple[str | None, int | None]:
    from gradlint.upstream.observing import mapped_stack

    for file, line in reversed(mapped_stack()):
        if file == root:
            break
        if not is_library_file(file) and not is_rewritten(file):
            return file, line
    return None, None


def traceback_frame(error: BaseException) -> tuple[str | None, int | None]:
    """File and line of the innermost frame of the user's code on the way to an error."""
    found: tuple[str | None, int | None] = (None, None)
    traceback = error.__traceback__
    inside = False
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        # Frames before gradlint's own belong to whoever called the check.
        if is_own_file(file) and not is_stand_in(file):
            inside, found = True, (None, None)
        elif inside and not is_library_file(file):
            found = file, traceback.tb_lineno
        traceback = traceback.tb_next
    if found[0] is None or is_rewritten(found[0]):
        from gradlint.upstream.observing import frames_in_rewritten_code

        rewritten = frames_in_rewritten_code(error)
        found = next(((file, line) for file, line in rewritten if not is_library_file(file)), found)
    return found


def run_and_locate_return(layer: Any, run: Callable[[], Any]) -> tuple[Any, str | None, int | None]:
    """Run a layer and tell from which line of its `call` it returned.

    A trace function sees every call of a Python function, so this is used only in a second run, after a value
    was found to be dropped.
    """
    function = inspect.unwrap(getattr(type(layer), "call", None) or _nothing)
    code = getattr(function, "__code__", None)
    found: list[tuple[str, int]] = []

    def in_call(frame: FrameType, event: str, argument: object) -> Any:
        if event == "return":
            found.append((frame.f_code.co_filename, frame.f_lineno))
        return in_call

    def globally(frame: FrameType, event: str, argument: object) -> Any:
        return in_call if frame.f_code is code else None

    before = sys.gettrace()
    sys.settrace(globally)
    try:
        result = run()
    finally:
        sys.settrace(before)
    file, line = found[-1] if found else (None, None)
    return result, file, line


def definition_of(cls: type, method: str) -> tuple[str | None, int | None]:
    """File and line where a class defines a method."""
    code = getattr(inspect.unwrap(getattr(cls, method, None) or _nothing), "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code is not None else (None, None)


def _nothing() -> None:
    """Stands in for a method that a class does not have."""


def attribute_line(owner: Any, value: Any) -> tuple[str | None, int | None]:
    """File and line where the class of `owner` puts `value` into an attribute of itself, or into a list in one."""
    names, in_list = set(), set()
    for name, held in vars(owner).items():
        if held is value:
            names.add(name)
        elif isinstance(held, (list, tuple, dict)):
            parts = held.values() if isinstance(held, dict) else held
            in_list |= {name for part in parts if part is value}
    for cls in _user_classes(owner):
        file, lines, tree = _parsed(cls)
        nodes = list(ast.walk(tree)) if tree is not None else []
        grown: list[ast.AST] = [node for node in nodes if isinstance(node, ast.Call) and _grown(node) in in_list]
        of_class = [node for node in grown if type(value).__name__ in ast.unparse(node)]
        made = of_class or grown or [node for node in nodes if _assigned(node) & (names | in_list)]
        if made:
            return file, lines + getattr(made[0], "lineno", 0) - 1
    return None, None


def _grown(call: ast.Call) -> str:
    """The attribute in which a list grows by a call: `self.layers.append(...)`."""
    function = call.func
    grows = isinstance(function, ast.Attribute) and function.attr in ("append", "extend", "insert")
    owner = function.value if isinstance(function, ast.Attribute) and grows else None
    return owner.attr if isinstance(owner, ast.Attribute) else ""


def _assigned(node: ast.AST) -> set[str]:
    """The attributes that an assignment gives a value to, also item by item."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    flat = [part for target in targets for part in getattr(target, "elts", [target])]
    flat = [part.value if isinstance(part, ast.Subscript) else part for part in flat]
    return {part.attr for part in flat if isinstance(part, ast.Attribute)}


def _user_classes(owner: Any) -> list[type]:
    return [cls for cls in type(owner).__mro__ if not is_library_class(cls)]


def assigns(owner: Any, name: str) -> bool:
    """Whether a class of the user's gives an attribute of `owner` its value."""
    trees = (_parsed(cls)[2] for cls in _user_classes(owner))
    return any(name in _assigned(node) for tree in trees if tree is not None for node in ast.walk(tree))


def reads(owner: Any, name: str) -> bool:
    """Whether a module of the user's classes may read an attribute of `owner`, by name or by `getattr`.

    What another class in it reads of its own `self` is an attribute of its own objects.
    """
    classes = _user_classes(owner)
    own = {cls.__name__ for cls in classes}
    for cls in classes:
        tree = tree_of(_parsed(cls)[0] or "")
        if tree is not None and any(_may_read(node, name) for node in _not_of_others(tree, own)):
            return True
    return False


def _may_read(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == name and isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.Name) and node.id in ("getattr", "attrgetter", "vars")


def _not_of_others(tree: ast.AST, own: Collection[str], others: frozenset[str] = frozenset()) -> Iterator[ast.AST]:
    """What is in a tree, without what classes other than these ask their own objects for.

    Args:
        tree: a part of a module.
        own: names of the classes whose attributes are asked for.
        others: names that stand for an object of another class around.
    """
    for node in ast.iter_child_nodes(tree):
        inner = others
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.args.args:
            first = node.args.args[0].arg
            is_of_other = isinstance(tree, ast.ClassDef) and tree.name not in own
            inner = others | {first} if is_of_other else others - {first}
        if _asks(node, others):
            continue
        yield node
        yield from _not_of_others(node, own, inner)


def _asks(node: ast.AST, names: Collection[str]) -> bool:
    """Whether an expression asks for an attribute of what a name stands for: `self.norm`, `getattr(self, key)`."""
    asked: ast.AST | None = node.value if isinstance(node, ast.Attribute) else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "vars"):
        asked = node.args[0] if node.args else None
    return isinstance(asked, ast.Name) and asked.id in names


@functools.lru_cache(maxsize=256)
def reads_key(cls: type, key: str) -> bool:
    """Whether a class of the user's takes something by this key, as out of a dict: `inputs["image"]`."""
    for base in cls.__mro__:
        tree = None if is_library_class(base) else _parsed(base)[2]
        for node in ast.walk(tree) if tree is not None else ():
            asked = [node.slice] if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) else []
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "pop"):
                asked = node.args[:1]
            if any(isinstance(part, ast.Constant) and part.value == key for part in asked):
                return True
    return False


def is_assigned(owner: Any, names: Sequence[str]) -> bool:
    """Whether the file of the user's that defines the class of `owner` assigns to a variable in one of its attributes.

    A weight that anneals is a variable as well, and trainable unless somebody says otherwise.
    """
    for cls in _user_classes(owner):
        tree = tree_of(_parsed(cls)[0] or "")
        for node in ast.walk(tree) if tree is not None else ():
            held = node.value if isinstance(node, ast.Attribute) and node.attr.startswith("assign") else None
            if isinstance(held, ast.Attribute) and held.attr in names:
                return True
    return False


def read_once(layer: Any, value: Any) -> tuple[str, int] | None:
    """File and line where `build` or `__init__` reads an attribute that no call has read; None where neither does."""
    names = {name for name, held in vars(layer).items() if held is value}
    for cls in _user_classes(layer):
        file, lines, tree = _parsed(cls)
        for function in ast.walk(tree) if tree is not None else ():
            if not isinstance(function, ast.FunctionDef) or function.name not in ("build", "__init__"):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and node.attr in names and file:
                    return file, lines + node.lineno - 1
    return None


def reads_only_when_given(layer: Any, value: Any) -> bool:
    """Whether `call` reads an attribute only in branches about an argument that is None by default.

    Such a variable waits for an optional argument: a mask token is used when a mask is given.
    """
    names = {name for name, held in vars(layer).items() if held is value}
    cls: type = type(layer)
    _, _, tree = _parsed(cls)
    if tree is None or not names:
        return False
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or function.name != "call":
            continue
        arguments = function.args
        optional = {argument.arg for argument in arguments.args[len(arguments.args) - len(arguments.defaults) :]}
        optional |= {argument.arg for argument in arguments.kwonlyargs}
        guarded = {
            id(inner)
            for node in ast.walk(function)
            if isinstance(node, (ast.If, ast.IfExp))
            and any(isinstance(part, ast.Name) and part.id in optional for part in ast.walk(node.test))
            for inner in ast.walk(node)
        }
        reads = [node for node in ast.walk(function) if isinstance(node, ast.Attribute) and node.attr in names]
        return bool(reads) and all(id(node) in guarded for node in reads)
    return False


def trains_in_turns(cls: type, method: str) -> bool:
    """Whether a method takes gradients, or chooses variables, under a condition: other calls may train others.

    Methods of the class that it calls are followed by their names.
    """
    methods: dict[str, ast.AST] = {}
    for base in cls.__mro__:
        tree = None if is_library_class(base) else _parsed(base)[2]
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                methods.setdefault(node.name, node)
    if method not in methods:
        return False
    training = {"gradient", "trainable_variables", "trainable_weights"}

    def names(node: ast.AST) -> set[str]:
        return {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}

    for _ in methods:  # What trains may be several calls away.
        training |= {name for name, node in methods.items() if name != method and names(node) & training}
    pending, seen = [method], set[str]()
    while pending:
        name = pending.pop()
        seen.add(name)
        pending.extend((names(methods[name]) & set(methods)) - seen)
        for node in ast.walk(methods[name]):
            if isinstance(node, ast.If):
                chosen: list[ast.AST] = [*node.body, *node.orelse]
            elif isinstance(node, ast.IfExp):
                chosen = [node.body, node.orelse]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHOICES:
                chosen = [*node.args, *(keyword.value for keyword in node.keywords)]
            elif isinstance(node, ast.Match):
                chosen = list(node.cases)
            else:
                continue
            if any(names(part) & training for part in chosen):
                return True
    return False


def chooses_what_trains(file: str, first: int) -> bool:
    """Whether a function takes gradients, or chooses variables, under a condition.

    Args:
        file: where it is defined.
        first: the line where it begins, with its decorators.
    """
    tree = tree_of(file)
    function = next(
        (
            node
            for node in (ast.walk(tree) if tree is not None else ())
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and first in (node.lineno, *(decorator.lineno for decorator in node.decorator_list))
        ),
        None,
    )
    training = {"gradient", "trainable_variables", "trainable_weights", "apply_gradients"}
    for node in ast.walk(function) if function is not None else ():
        chosen: list[ast.AST] = []
        if isinstance(node, ast.If):
            chosen = [*node.body, *node.orelse]
        elif isinstance(node, ast.IfExp):
            chosen = [node.body, node.orelse]
        names = {inner.attr for part in chosen for inner in ast.walk(part) if isinstance(inner, ast.Attribute)}
        if names & training:
            return True
    return False


@functools.lru_cache(maxsize=128)
def tree_of(file: str) -> ast.Module | None:
    """The syntax tree of a file; None where there is none."""
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError, RecursionError):
        return None


_CHOICES = frozenset({"cond", "switch", "case", "switch_case"})


@functools.lru_cache(maxsize=256)
def _parsed(cls: type) -> tuple[str | None, int, ast.AST | None]:
    """File, first line and syntax tree of a class; None where the source is not to be had."""
    try:
        lines, first = inspect.getsourcelines(cls)
        return inspect.getsourcefile(cls), first, ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return None, 0, None
