"""The modules of the user's that are loaded (a test, a script, what `--import` names), as syntax trees."""

from __future__ import annotations

import ast
import difflib
import functools
import os
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from gradlint.upstream.libraries import file_of, is_library_file

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"

WRITERS = frozenset({"dict", "savez", "savez_compressed"})
"""Functions whose keywords become the keys of a sample."""
MOST_STEPS = 4
"""How many calls an argument is followed through."""
MOST_FILES = 1024
"""How many files are kept from one check to the next. All are asked for in turn: of one more, none would be found
again, and to read the tests of a project takes longer than a check."""


@dataclass(frozen=True)
class Source:
    """One module of the user's as a syntax tree."""

    file: str
    tree: ast.Module
    lines: tuple[str, ...] = ()

    def line_of(self, places: Iterable[int]) -> int | None:
        """The line that is meant by some lines: the only one, or the first of those that all read the same."""
        found = sorted(set(places))
        read = {self.lines[line - 1].strip() for line in found if line <= len(self.lines)}
        return found[0] if len(found) == 1 or len(read) == 1 else None

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.tree))

    @cached_property
    def named(self) -> Mapping[str, tuple[ast.Call, ...]]:
        """The calls with `name="..."`, by that name."""
        found: dict[str, list[ast.Call]] = {}
        for node in self.nodes:
            if isinstance(node, ast.Call) and (name := _name_given(node)):
                found.setdefault(name, []).append(node)
        return {name: tuple(calls) for name, calls in found.items()}

    @cached_property
    def _patterns(self) -> tuple[tuple[re.Pattern[str], ast.Call], ...]:
        """The calls whose name is written out in part, `name=f"{side}_tower"`, with what it looks like."""
        calls = [(_name(node), node) for node in self.nodes if isinstance(node, ast.Call)]
        return tuple(
            (re.compile("".join(re.escape(_text(part) or "") or ".+" for part in name.values)), call)
            for name, call in calls
            if isinstance(name, ast.JoinedStr) and any(map(_text, name.values))
        )

    def calls_named(self, name: str) -> tuple[ast.Call, ...]:
        """The calls that give a name: as it is written, or else as far as it is."""
        return self.named.get(name) or tuple(call for pattern, call in self._patterns if pattern.fullmatch(name))

    @cached_property
    def inputs_of_any_name(self) -> frozenset[int]:
        """The lines that make an Input whose name the code computes, as in a loop over columns."""
        calls = (node for node in self.nodes if isinstance(node, ast.Call) and called(node) in ("Input", "InputLayer"))
        return frozenset(call.lineno for call in calls if (name := _name(call)) is not None and _text(name) is None)

    @cached_property
    def compiling(self) -> frozenset[int]:
        """The lines that compile a model with a loss."""
        calls = [node for node in self.nodes if isinstance(node, ast.Call) and called(node) == "compile"]
        return frozenset(c.lineno for c in calls if len(c.args) > 1 or any(k.arg == "loss" for k in c.keywords))

    def calls_of(self, function: str) -> tuple[ast.Call, ...]:
        """The calls of whatever has the name of a function, in its plain form."""
        return tuple(node for node in self.nodes if isinstance(node, ast.Call) and plain(called(node)) == function)

    def builds_by(self, call: ast.Call) -> bool:
        """Whether a call may be one of those that put a model together: what a class or a lambda holds is run later."""
        makes_inputs = any(isinstance(node, ast.Call) and called(node) == "Input" for node in self.nodes)
        later = (node for node in self.nodes if isinstance(node, (ast.ClassDef, ast.Lambda)))
        return makes_inputs and not any(part is call for node in later for part in ast.walk(node))

    def reader_of_others(self, key: str, others: Collection[str]) -> int | None:
        """The last line that reads the key most like one that nothing here reads, as in `inputs["user_id"]`."""
        reads: dict[str, list[int]] = {}
        for node in self.nodes:
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and (read := _text(node.slice)):
                reads.setdefault(read, []).append(node.lineno)
        alike = difflib.get_close_matches(key, [other for other in others if other in reads], n=1, cutoff=0.0)
        return max(reads[alike[0]]) if alike and key not in reads else None

    @cached_property
    def freezing(self) -> frozenset[int]:
        """The lines that set `trainable` to False: of what is compiled, or else of any layer or as an argument."""
        set_on = {line: owner for node in self.nodes for line, owner in self._frozen_by(node)}
        compiled = {
            (self._functions.get(node), ast.unparse(node.func.value))
            for node in self.nodes
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "compile"
        }
        return frozenset(line for line, owner in set_on.items() if owner in compiled) or frozenset(set_on)

    def _frozen_by(self, node: ast.AST) -> Iterator[tuple[int, tuple[ast.AST | None, str]]]:
        """The line at which a node freezes something, and that thing with the function around it.

        What goes through `model.layers` in a loop does it to the model.
        """
        if isinstance(node, ast.keyword) and node.arg == "trainable" and _is_false(node.value):
            yield node.value.lineno, (None, "")
        if isinstance(node, ast.Assign) and _is_false(node.value):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and target.attr == "trainable":
                    function = self._functions.get(node)
                    yield node.lineno, (function, self._looped_over(ast.unparse(target.value), node, function))

    def _looped_over(self, name: str, node: ast.AST, function: ast.AST | None) -> str:
        """Whose `layers` a loop around a node gives a name to, one after the other; the name itself outside of one."""
        for loop in ast.walk(function) if function is not None else self.nodes:
            if isinstance(loop, ast.For) and any(part is node for part in ast.walk(loop)):
                given = {part.id for part in ast.walk(loop.target) if isinstance(part, ast.Name)}
                layers = [p for p in ast.walk(loop.iter) if isinstance(p, ast.Attribute) and p.attr == "layers"]
                if name in given and len(layers) == 1:
                    return ast.unparse(layers[0].value)
        return name

    @cached_property
    def mappings(self) -> tuple[Mapping[str, int], ...]:
        """The line of each key, for each dict whose keys are all written out."""
        found = []
        for node in self.nodes:
            keys: dict[str | None, int] = {}
            if isinstance(node, ast.Dict):
                keys = {_text(key): key.lineno if key is not None else 0 for key in node.keys}
            elif isinstance(node, ast.Call) and called(node) in WRITERS:
                keys = {keyword.arg: keyword.value.lineno for keyword in node.keywords}
            if keys and None not in keys:
                found.append({key: line for key, line in keys.items() if key is not None})
        return tuple(found)

    @cached_property
    def _functions(self) -> Mapping[ast.AST, Function]:
        """The innermost function around each node."""
        return {
            inner: node
            for node in self.nodes
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            for inner in ast.walk(node)
            if inner is not node
        }

    def named_inputs(self, node: ast.Dict) -> dict[str, str]:
        """For each key of a dict, the name of the Input in the variable that it holds."""
        names = self._inputs_in(self._functions.get(node))
        return {
            key: names[value.id]
            for part, value in zip(node.keys, node.values, strict=True)
            if (key := _text(part)) is not None and isinstance(value, ast.Name) and value.id in names
        }

    def _inputs_in(self, function: ast.AST | None, steps: int = MOST_STEPS) -> dict[str, str]:
        """The variables of a function that hold what is made with `name="..."`, also by a function that returns it."""
        found: dict[str, str] = {}
        for part in self.nodes:
            if not isinstance(part, ast.Assign) or not isinstance(call := part.value, ast.Call):
                continue
            for target in part.targets if self._functions.get(part) is function else ():
                name = _name_given(call) if isinstance(target, ast.Name) else None
                given = [name] if name is not None else self._returned(call, steps)
                targets = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
                named = zip(targets, given, strict=False)
                found |= {one.id: name for one, name in named if isinstance(one, ast.Name) and name}
        return found

    def _returned(self, call: ast.Call, steps: int) -> list[str | None]:
        """The names given to what a function of this module returns, part by part, where it returns at one place."""
        made = [node for node in self.nodes if isinstance(node, ast.FunctionDef) and node.name == called(call)]
        if len(made) != 1 or not steps:
            return []
        returned = [node.value for node in ast.walk(made[0]) if isinstance(node, ast.Return) and node.value is not None]
        if len(returned) != 1:
            return []
        names, value = self._inputs_in(made[0], steps - 1), returned[0]
        parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value]
        return [names.get(part.id) if isinstance(part, ast.Name) else None for part in parts]

    def handed(self, expression: ast.AST, words: set[str], steps: int = MOST_STEPS) -> int | None:
        """The line of the only call that hands one of `words` to the parameter that an expression reads."""
        function = self._functions.get(expression)
        if function is None or not steps:
            return None
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        read = {part.id for part in ast.walk(expression) if isinstance(part, ast.Name)}
        parameters = [number for number, argument in enumerate(arguments) if argument.arg in read]
        if len(parameters) != 1:
            return None
        lines = set()
        for given in self._given(function, parameters[0], arguments[parameters[0]].arg):
            line = given.lineno if words & _words(given) else self.handed(given, words, steps - 1)
            if line is not None:
                lines.add(line)
        return lines.pop() if len(lines) == 1 else None

    def _given(self, function: Function, number: int, parameter: str) -> Iterator[ast.expr]:
        """What the calls of a function in this module, or else its default, give to a parameter."""
        positional = [*function.args.posonlyargs, *function.args.args]
        with_default = positional[len(positional) - len(function.args.defaults) :] + function.args.kwonlyargs
        defaults = zip(with_default, (*function.args.defaults, *function.args.kw_defaults), strict=True)
        default = next((value for argument, value in defaults if argument.arg == parameter), None)
        is_method = bool(positional) and positional[0].arg in ("self", "cls")
        name = self._constructed.get(function, function.name)
        for call in self.nodes:
            if isinstance(call, ast.Call) and called(call) == name:
                named = [keyword.value for keyword in call.keywords if keyword.arg == parameter]
                in_order = call.args[number - is_method :][:1] if number < len(positional) else []
                yield from (named or in_order or [value for value in (default,) if value is not None])

    @cached_property
    def _constructed(self) -> Mapping[ast.AST, str]:
        """The class that each `__init__` belongs to: that is the name it is called by."""
        return {
            function: node.name
            for node in self.nodes
            if isinstance(node, ast.ClassDef)
            for function in node.body
            if isinstance(function, ast.FunctionDef) and function.name == "__init__"
        }


def loaded(names: Iterable[str]) -> list[Source]:
    """The user's loaded modules that contain one of the names."""
    names, found = set(names), []
    for file in sorted({file_of(module) or "" for module in list(sys.modules.values())}):
        if not file.endswith(".py") or is_library_file(file) or not os.path.isfile(file):
            continue
        modified = os.path.getmtime(file)
        text = _text_of(file, modified)
        source = _source(file, modified) if any(name in text for name in names) else None
        if source is not None:
            found.append(source)
    return found


@functools.lru_cache(maxsize=MOST_FILES)
def _text_of(file: str, modified: float) -> str:
    try:
        with open(file, encoding="utf-8") as stream:
            return stream.read()
    except (OSError, ValueError):
        return ""


@functools.lru_cache(maxsize=MOST_FILES)
def _source(file: str, modified: float) -> Source | None:
    try:
        text = _text_of(file, modified)
        return Source(file, ast.parse(text), tuple(text.splitlines()))
    except (SyntaxError, ValueError, RecursionError):
        return None


def _text(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is_false(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def called(call: ast.Call) -> str:
    """The last part of what is called: `Dense` for `keras.layers.Dense(...)`."""
    return str(getattr(call.func, "attr", None) or getattr(call.func, "id", ""))


def _name(call: ast.Call) -> ast.expr | None:
    """What a call gives as `name`."""
    return next((keyword.value for keyword in call.keywords if keyword.arg == "name"), None)


def _name_given(call: ast.Call) -> str | None:
    return _text(_name(call))


def _words(expression: ast.AST) -> set[str]:
    """The names and constants in an expression."""
    found = [
        getattr(node, "id", None) or getattr(node, "attr", None) or str(getattr(node, "value", ""))
        for node in ast.walk(expression)
        if isinstance(node, (ast.Name, ast.Attribute, ast.Constant))
    ]
    return {plain(word) for word in found}


def plain(word: str) -> str:
    """One form for `GlorotUniform` and `glorot_uniform`."""
    return word.replace("_", "").lower()
