"""Which layer a variable belongs to, and whose code decides whether it is used."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import keras

from gradlint.record import source
from gradlint.record.hidden import hidden
from gradlint.result import GradientState
from gradlint.upstream.models import layers_inside, variables_of_its_own

if TYPE_CHECKING:
    from gradlint.record.recording import Hidden, VariableRecord
    from gradlint.record.subject import Subject
    from gradlint.record.trace import Trace


class Owners:
    """Which layer a variable belongs to, and whose code decides whether it is used."""

    def __init__(self, subject: Subject, trace: Trace) -> None:
        self._called = {id(call.operation) for call in trace.calls.all}
        self._owner: dict[int, Any] = {}
        self._parent: dict[int, Any] = {}
        self._path: dict[int, str] = {}
        self._held: list[Any] = []
        for root in subject.owners:
            if isinstance(root, keras.Layer):
                self._walk(root, is_root=root is subject.model)
        for call in trace.calls.all:
            if call.layer:
                self._path.setdefault(id(call.operation), call.layer)

    def _walk(self, layer: Any, is_root: bool) -> None:
        self._held.append(layer)
        if is_root:
            self._path[id(layer)] = ""
        for variable in variables_of_its_own(layer):
            self._owner.setdefault(id(variable), layer)
        for child in layers_inside(layer):
            if id(child) not in self._parent:
                self._parent[id(child)] = layer
                self._walk(child, is_root=False)

    @cached_property
    def hidden(self) -> dict[int, Hidden]:
        """Where objects that hang on the layers keep variables from Keras, by the id of the handle of each."""
        return hidden((self._path.get(id(layer), str(getattr(layer, "path", ""))), layer) for layer in self._held)

    def describe(self, variable: Any, record: VariableRecord) -> VariableRecord:
        layer = self._owner.get(id(variable))
        if layer is None:
            return replace(record, layer=record.path.rpartition("/")[0])
        called = id(layer) in self._called
        blamed, child = layer, variable
        while id(blamed) not in self._called and id(blamed) in self._parent:
            blamed, child = self._parent[id(blamed)], blamed
        path = self._path.get(id(layer), record.path.rpartition("/")[0])
        record = replace(
            record,
            layer=path,
            owner_called=called,
            # A model that was named as one that should learn, and never ran, is nobody's design.
            blamed=self._path.get(id(blamed), getattr(blamed, "path", None)) if id(blamed) in self._called else None,
            blamed_is_library=id(blamed) in self._called and source.is_library_class(type(blamed)),
        )
        if record.gradient.state is GradientState.ABSENT and record.trainable:
            file, line = source.attribute_line(blamed, child)
            optional = source.reads_only_when_given(blamed, child)
            once = source.read_once(layer, variable) if called else None
            if once is not None:
                return replace(record, file=once[0], line=once[1], is_cached=True)
            record = replace(record, file=file, line=line, optional=optional)
        return record
