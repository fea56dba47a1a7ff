"""Which line of the user's loaded code creates a layer, chooses one of its arguments, or writes a key of the sample.

When a layer of a library runs, no line of the user's is at work, and an array has none at all: the line to change is
the one that made them. Keras does not keep it, so it is looked for in the source of the modules that are loaded (a
test, a script, what `--import` names). A line is named only where a single place can be meant.
"""

from __future__ import annotations

import ast
import functools
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from gradlint.rule import KEYS, SAMPLE
from gradlint.upstream.libraries import file_of, is_library_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gradlint.finding import Finding
    from gradlint.load.spec import LayerSpec
    from gradlint.passes.facts import Facts

Place: TypeAlias = "tuple[str, int]"
Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"

WRITERS = frozenset({"dict", "savez", "savez_compressed"})
"""Functions whose keywords become the keys of a sample."""
MOST_STEPS = 4
"""How many calls an argument is followed through."""


class Origins:
    """Looks for the lines behind the findings of one check; nothing is read before the first question."""

    def __init__(
        self, facts: Facts, near: Callable[[], frozenset[str] | None] = lambda: None, *, has_keys: bool = True
    ) -> None:
        """Prepare to look.

        Args:
            facts: about the model and its run.
            near: gives the files to look in; None for all that are loaded.
            has_keys: somebody wrote the keys of the sample; else they are those of the model's inputs.
        """
        self._facts, self._files_near, self._has_keys = facts, near, has_keys

    def place(self, finding: Finding, blamed: str = "") -> Finding:
        """The finding with a file and a line, where they are known; a line that it has already stays.

        Args:
            finding: of any rule.
            blamed: what the rule blames (`Rule.blames`).
        """
        found = self._find(finding, blamed)
        if found is None:
            return finding
        return replace(finding, cause=replace(finding.cause, file=found[0], line=found[1]))

    def _find(self, finding: Finding, blamed: str) -> Place | None:
        layer = finding.cause.layer
        if finding.cause.file is not None and not _lost_an_axis(finding):
            return None
        if layer:
            return self._argument(layer, blamed) or self._creation(layer)
        if blamed == KEYS:
            return self._crossed()
        if len(finding.inputs) != 1:
            return None
        key = finding.inputs[0]
        if blamed == SAMPLE:
            return self._key(str(finding.evidence.get("close_match") or key))
        spec = self._facts.spec.input(key) if self._facts.spec is not None else None
        return self._creation(spec.name) if spec is not None else None

    # -- layers ----------------------------------------------------------------------------------------

    def _creation(self, layer: str) -> Place | None:
        """Where the layer, or the innermost one around it that is known, gets its name."""
        found = self._call(layer)
        return found[1] if found is not None else None

    def _call(self, layer: str) -> tuple[ast.Call, Place] | None:
        source = self._builder
        while source is not None and layer:
            calls = source.named.get(layer.rpartition("/")[2], ())
            if len(calls) == 1:
                return calls[0], (source.file, calls[0].lineno)
            if calls:
                return None
            layer = layer.rpartition("/")[0]
        return None

    def _argument(self, layer: str, argument: str) -> Place | None:
        """The call that hands a layer's argument to the function that creates the layer: `net("relu")`.

        None when the argument is written where the layer is created, or when another call could be meant.
        """
        found, source = self._call(layer), self._builder
        spec = self._by_path.get(layer)
        if not argument or found is None or source is None or spec is None:
            return None
        calls = [node for node in ast.walk(found[0]) if isinstance(node, ast.Call)]
        given = [keyword.value for node in calls for keyword in node.keywords if keyword.arg == argument]
        words = _words_of(spec.config, argument)
        line = source.handed(given[0], words) if len(given) == 1 and words else None
        return (source.file, line) if line is not None else None

    @cached_property
    def _layers(self) -> tuple[LayerSpec, ...]:
        return self._facts.spec.layers if self._facts.spec is not None else ()

    @cached_property
    def _by_path(self) -> Mapping[str, LayerSpec]:
        return {entry.path: entry for entry in reversed(self._layers)}

    @cached_property
    def _builder(self) -> Source | None:
        """The module that creates the model: the one that gives more of its names than any other, and at least half.

        Names that Keras gives by itself (`dense_1`) are nowhere in the code and do not count.
        """
        recording, spec = self._facts.recording, self._facts.spec
        names = {layer.name for layer in self._layers if not _is_automatic(layer)}
        if spec is not None:
            names |= {entry.name for entry in spec.inputs or ()}
        if not names and recording is not None:
            names = {call.layer.rpartition("/")[2] for call in recording.calls if call.layer}
        ranked = sorted(
            ((len(names & source.named.keys()), source) for source in self._loaded(names)), key=lambda pair: -pair[0]
        )
        if not ranked or 2 * ranked[0][0] < len(names) or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
            return None
        return ranked[0][1]

    @cached_property
    def _near(self) -> frozenset[str] | None:
        return self._files_near()

    def _loaded(self, names: set[str]) -> list[Source]:
        return [source for source in loaded(names) if self._near is None or source.file in self._near]

    # -- samples ---------------------------------------------------------------------------------------

    def _key(self, key: str) -> Place | None:
        """Where a dict that holds the keys of the sample, and this one among them, is written."""
        return self._written.get(key.partition("/")[0]) if self._has_keys else None

    @cached_property
    def _written(self) -> Mapping[str, Place | None]:
        """For each key, the place in the largest dict that holds it; None where two such dicts could be meant."""
        keys = {array.key.partition("/")[0] for array in self._facts.arrays}
        found: dict[str, tuple[int, set[Place]]] = {}
        for source in self._loaded(keys):
            for written in source.mappings:
                if 2 * len(written) <= len(keys) or not written.keys() <= keys:
                    continue
                for key, line in written.items():
                    size, places = found.get(key, (0, set()))
                    if len(written) > size:
                        found[key] = len(written), {(source.file, line)}
                    elif len(written) == size:
                        places.add((source.file, line))
        return {key: next(iter(places)) if len(places) == 1 else None for key, (_, places) in found.items()}

    def _crossed(self) -> Place | None:
        """Where a dict gives an Input a key that is not its name."""
        inputs = self._facts.spec.inputs or () if self._facts.spec is not None else ()
        crossed = {entry.key: entry.name for entry in inputs if entry.key != entry.name}
        source = self._builder
        places = {
            node.lineno
            for node in (source.nodes if source is not None else ())
            if source is not None and isinstance(node, ast.Dict)
            if crossed.items() <= source.named_inputs(node).items()
        }
        return (source.file, places.pop()) if source is not None and len(places) == 1 and crossed else None


def _lost_an_axis(finding: Finding) -> bool:
    """Labels met predictions with fewer axes: the model dropped one, and the loss's own line is innocent."""
    labels, predictions = finding.evidence.get("label_shape"), finding.evidence.get("prediction_shape")
    return isinstance(labels, list) and isinstance(predictions, list) and len(predictions) < len(labels)


def _is_automatic(layer: LayerSpec) -> bool:
    stem = re.sub(r"_\d+$", "", layer.name)
    return _plain(stem) == layer.class_name.lower() or layer.class_name == "InputLayer"


# -- source ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """One module of the user's as a syntax tree."""

    file: str
    tree: ast.Module

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
    def mappings(self) -> tuple[Mapping[str, int], ...]:
        """The line of each key, for each dict whose keys are all written out."""
        found = []
        for node in self.nodes:
            keys: dict[str | None, int] = {}
            if isinstance(node, ast.Dict):
                keys = {_text(key): key.lineno if key is not None else 0 for key in node.keys}
            elif isinstance(node, ast.Call) and _called(node) in WRITERS:
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
            if isinstance(call, ast.Call) and _called(call) == name:
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


@functools.lru_cache(maxsize=1024)
def _text_of(file: str, modified: float) -> str:
    try:
        with open(file, encoding="utf-8") as stream:
            return stream.read()
    except (OSError, ValueError):
        return ""


@functools.lru_cache(maxsize=256)
def _source(file: str, modified: float) -> Source | None:
    try:
        return Source(file, ast.parse(_text_of(file, modified)))
    except (SyntaxError, ValueError, RecursionError):
        return None


def _text(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _called(call: ast.Call) -> str:
    """The last part of what is called: `Dense` for `keras.layers.Dense(...)`."""
    return str(getattr(call.func, "attr", None) or getattr(call.func, "id", ""))


def _name_given(call: ast.Call) -> str | None:
    return next((_text(keyword.value) for keyword in call.keywords if keyword.arg == "name"), None)


# -- words: how the code and the saved configuration call one activation or initializer ------------------


def _words(expression: ast.AST) -> set[str]:
    """The names and constants in an expression."""
    found = [
        getattr(node, "id", None) or getattr(node, "attr", None) or str(getattr(node, "value", ""))
        for node in ast.walk(expression)
        if isinstance(node, (ast.Name, ast.Attribute, ast.Constant))
    ]
    return {_plain(word) for word in found}


def _words_of(config: object, argument: str) -> set[str]:
    """How code would call the value of an argument, in a layer's configuration or that of a layer inside it."""
    if isinstance(config, (list, tuple)):
        return set().union(*(_words_of(part, argument) for part in config))
    if not isinstance(config, Mapping):
        return set()
    found = set().union(*(_words_of(part, argument) for key, part in config.items() if key != argument))
    if argument in config:
        value = config[argument]
        if isinstance(value, Mapping):  # a serialized object, or a function of the user's
            value = value.get("config") if value.get("class_name") == "function" else value.get("class_name")
        found.add(_plain(str(value)))
    return found | {"none"} if "linear" in found else found


def _plain(word: str) -> str:
    """One form for `GlorotUniform` and `glorot_uniform`."""
    return word.replace("_", "").lower()
