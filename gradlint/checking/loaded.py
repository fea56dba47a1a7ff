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
        """The lines that set `trainable` to False, of a layer or as an argument."""
        lines = set()
        for node in self.nodes:
            targets = node.targets if isinstance(node, ast.Assign) else ()
            is_set = any(isinstance(target, ast.Attribute) and target.attr == "trainable" for target in targets)
            is_given = isinstance(node, ast.keyword) and node.arg == "trainable"
            value = node.value if isinstance(node, (ast.Assign, ast.keyword)) and (is_set or is_given) else None
            if isinstance(value, ast.Constant) and value.value is False:
                lines.add(value.lineno)
        return frozenset(lines)

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
        function = self._functions.get(node)
        names = {
            target.id: name
            for part in (ast.walk(function) if function is not None else self.nodes)
            if isinstance(part, ast.Assign) and isinstance(part.value, ast.Call) and (name := _name_given(part.value))
            for target in part.targets
            if isinstance(target, ast.Name)
        }
        return {
            key: names[value.id]
            for part, value in zip(node.keys, node.values, strict=True)
            if (key := _text(part)) is not None and isinstance(value, ast.Name) and value.id in names
        }

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
