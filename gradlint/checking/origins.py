"""Which line of the user's loaded code creates a layer, chooses one of its arguments, or writes a key of the sample.

When a layer of a library runs, no line of the user's is at work, and an array has none at all: the line to change is
the one that made them. Keras does not keep it, so it is looked for in the source of the modules that are loaded (a
test, a script, what `--import` names). A line is named only where a single place can be meant, or where all that could
be meant for a layer read the same, as in two builders: then it is the first of them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from gradlint.checking.loaded import Source, called, loaded, plain
from gradlint.passes.drops import DropKind
from gradlint.rule import COMPILED, FREEZING, KEYS, SAMPLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gradlint.finding import Finding
    from gradlint.load.spec import LayerSpec
    from gradlint.passes.facts import Facts

Place: TypeAlias = "tuple[str, int]"

_OF_OPERATORS = frozenset(
    {
        *("add", "subtract", "multiply", "divide", "truediv", "truedivide", "floordivide", "mod", "power", "matmul"),
        *("negative", "absolute", "logicaland", "logicalor", "logicalxor", "logicalnot", "getitem"),
        *("equal", "notequal", "greater", "greaterequal", "less", "lessequal"),
    }
)
"""Operations that a symbolic tensor makes of an operator; for `round(x)`, the call has the name."""


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
        if finding.cause.file is not None and not self._is_made_elsewhere(finding):
            return None
        if blamed == COMPILED and (compiled := self._only(lambda source: source.compiling)) is not None:
            return compiled
        if blamed == FREEZING:  # Where the layer is made, nothing is wrong.
            return self._only(lambda source: source.freezing)
        if layer:
            found = self._argument(layer, blamed) or self._creation(layer) or self._computed_input(layer)
            found = found or self._operation(layer)
            return found or (self._reader_beside(layer) if finding.inputs == (layer,) else None)
        if blamed == KEYS:
            return self._crossed()
        if blamed == SAMPLE and len(finding.inputs) > 1:
            return self._key_of_several(finding.inputs)
        if len(finding.inputs) != 1:
            return None
        key = finding.inputs[0]
        if blamed == SAMPLE:
            return self._key(str(finding.evidence.get("close_match") or key))
        spec = self._facts.spec.input(key) if self._facts.spec is not None else None
        return self._creation(spec.name) or self._computed_input(spec.name) if spec is not None else None

    def _is_made_elsewhere(self, finding: Finding) -> bool:
        """Whether the line to change makes a layer, and is not the one that runs."""
        if finding.evidence.get("kind") == DropKind.SUBMODEL_OUTPUT.value:
            return True
        # Labels met predictions with fewer axes: where the model dropped one, the loss's own line is innocent.
        labels, predictions = finding.evidence.get("label_shape"), finding.evidence.get("prediction_shape")
        if not isinstance(labels, list) or not isinstance(predictions, list) or len(predictions) >= len(labels):
            return False
        recording = self._facts.recording
        if recording is None:
            return True
        made = [output.tensor for output in recording.outputs if output.tensor is not None]
        return not made or any(list(recording.tensors[index].shape) == predictions for index in made)

    def _reader_beside(self, key: str) -> Place | None:
        """Where the code of a model that reads keys, and not this one, reads the key that is most like it."""
        source = self._builder
        recording = self._facts.recording
        others = [record.key for record in recording.inputs if record.key != key] if recording is not None else []
        line = source.reader_of_others(key, others) if source is not None else None
        return (source.file, line) if source is not None and line is not None else None

    def _computed_input(self, name: str) -> Place | None:
        """The only line that makes an Input under a name that the code computes, where an Input has the name."""
        inputs = self._facts.spec.inputs or () if self._facts.spec is not None else ()
        is_input = any(entry.name == name for entry in inputs)
        return self._only(lambda source: source.inputs_of_any_name) if is_input else None

    def _only(self, lines_in: Callable[[Source], frozenset[int]]) -> Place | None:
        """The only line of its kind in the module that creates the model."""
        source = self._builder
        line = source.line_of(lines_in(source)) if source is not None else None
        return (source.file, line) if source is not None and line is not None else None

    # -- layers ----------------------------------------------------------------------------------------

    def _creation(self, layer: str) -> Place | None:
        """Where the layer, or the innermost one around it that is known, gets its name."""
        found = self._call(layer)
        return found[1] if found is not None else None

    def _call(self, layer: str) -> tuple[ast.Call, Place] | None:
        source = self._builder
        while source is not None and layer:
            calls = source.calls_named(layer.rpartition("/")[2])
            spec = self._by_path.get(layer)
            calls = tuple(call for call in calls if spec is not None and called(call) == spec.class_name) or calls
            line = source.line_of(call.lineno for call in calls)
            if line is not None:
                return next(call for call in calls if call.lineno == line), (source.file, line)
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

    def _operation(self, layer: str) -> Place | None:
        """The only call of the user's that can have made an operation of Keras's, `keras.ops.round(x)`, a layer.

        None for one that an operator makes as well, such as `x > 0`: the call may then be another.
        """
        spec = self._by_path.get(layer)
        if spec is None or "ops" not in spec.module.split(".") or plain(spec.class_name) in _OF_OPERATORS:
            return None
        function = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", spec.class_name).lower()
        sources = self._loaded({function, plain(function)})
        calls = [(source, call) for source in sources for call in source.calls_of(plain(function))]
        if len({(source.file, call.lineno) for source, call in calls}) != 1:
            return None
        source, call = calls[0]
        return (source.file, call.lineno) if source.builds_by(call) else None

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
            ((sum(bool(source.calls_named(name)) for name in names), source) for source in self._loaded(names)),
            key=lambda pair: -pair[0],
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

    def _key_of_several(self, keys: Sequence[str]) -> Place | None:
        """Where labels are written, of several arrays of the sample that do not agree; else the last of them."""
        binding = self._facts.binding
        labels = [key for _, key in binding.labels if key in keys] if binding is not None else []
        return self._key((labels or keys)[-1])

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


def _is_automatic(layer: LayerSpec) -> bool:
    stem = re.sub(r"_\d+$", "", layer.name)
    return plain(stem) == layer.class_name.lower() or layer.class_name == "InputLayer"


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
        found.add(plain(str(value)))
    return found | {"none"} if "linear" in found else found
