"""Layers that a layer holds and never calls: never built, they have no weights that anybody could miss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras

from gradlint.record import source
from gradlint.record.recording import IdleLayers
from gradlint.upstream.models import layers_inside, makes_weights

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.record.run import Run


class Idle(NamedTuple):
    """Layers in one attribute of a layer that the run has not called."""

    holder: Any
    layers: list[Any]
    called: int
    """How many others in the same attribute the run has called."""


def idle_layers(run: Run) -> list[Idle]:
    """What the user's layers hold and do not call, where something says that it is meant to be called.

    That are other layers of the same class in the same list, which are called and have weights; or that no code of the
    user's reads the attribute at all. A layer that is created for another setting of its holder is neither.
    """
    called = run.trace.calls.operations
    seen: set[int] = set()

    def walk(holder: Any) -> Iterator[Idle]:
        if id(holder) in seen:
            return
        seen.add(id(holder))
        inside = layers_inside(holder)
        if id(holder) in called and not source.is_library_class(type(holder)):
            yield from _held(holder, inside, called)
        for child in inside:
            yield from walk(child)

    return [found for owner in run.subject.owners if isinstance(owner, keras.Layer) for found in walk(owner)]


def _held(holder: Any, inside: list[Any], called: frozenset[int]) -> Iterator[Idle]:
    layers = {id(layer) for layer in inside}
    for name, value in vars(holder).items():
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else [value]
        held = [part for part in parts if id(part) in layers]
        idle = [part for part in held if id(part) not in called and not part.built]
        if not idle or not source.assigns(holder, name):
            continue
        kinds = {type(part) for part in held if id(part) in called and part.variables}
        # The entries of a dict are alternatives, those of a list come one after the other.
        siblings = [part for part in idle if type(part) in kinds and isinstance(value, (list, tuple))]
        if siblings:
            yield Idle(holder, siblings, len([part for part in held if id(part) in called]))
        elif not kinds and all(makes_weights(part) for part in idle) and not source.reads(holder, name):
            yield Idle(holder, idle, 0)


def described(run: Run, found: list[Idle]) -> tuple[IdleLayers, ...]:
    """What was found, one entry for each holder and line."""
    paths = {id(call.operation): call.layer for call in run.trace.calls.all}
    joined: dict[tuple[int, bool], list[Idle]] = {}
    for idle in found:
        joined.setdefault((id(idle.holder), idle.called > 0), []).append(idle)
    records = []
    for group in joined.values():
        holder = group[0].holder
        path = "" if holder is run.subject.model else paths[id(holder)]
        names = [f"{path}/{layer.name}".strip("/") for idle in group for layer in idle.layers]
        file, line = source.attribute_line(holder, group[0].layers[0])
        records.append(IdleLayers(path, tuple(names), sum(idle.called for idle in group), file, line))
    return tuple(records)
