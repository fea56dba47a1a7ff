"""What a picture of a model is made of: boxes and the links between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Box:
    """A layer, a sub-model, a chain of layers, an operation, an input, an output, or the loss.

    Attributes:
        id: unique among all pictures of a model.
        kind: `input`, `layer`, `op`, `chain`, `output`, `loss`, `port` (the world outside of a sub-model) or
            `unused` (variables that no operation reads).
        label: for people; from the model, so not safe to print.
        path: the layer's path, empty for what is no layer.
        about: the operations, or how many layers are folded.
        gradient: state of the gradient that arrives from the loss.
        norm: Euclidean norm of that gradient, over all tensors that leave the box.
        variables: how many of the box's trainable variables are in which state.
        findings: indices of the findings whose cause is in here.
        inside: the picture of what is folded, if anything.
        stops: the gradient stops somewhere inside.
    """

    id: str
    kind: str
    label: str
    path: str = ""
    about: str = ""
    gradient: GradientState = GradientState.UNKNOWN
    norm: float | None = None
    variables: Mapping[GradientState, int] = field(default_factory=dict)
    findings: tuple[int, ...] = ()
    inside: Picture | None = None
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """The tensors that pass from one box to another.

    Attributes:
        gradient: state of the gradient that comes back: that of the best tensor.
        norm: Euclidean norm of it; a tensor with other readers counts with the gradient from all of them.
        is_cut: the gradient stops here: more of it arrives at the target than leaves it, nothing reaches the
            source another way, and something behind it should learn.
    """

    source: str
    target: str
    gradient: GradientState
    norm: float | None = None
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes in the order of the forward pass, and the links between them."""

    boxes: tuple[Box, ...]
    links: tuple[Link, ...]


def all_pictures(picture: Picture) -> Iterable[tuple[Box, Picture]]:
    """Every picture inside of this one with the box it is folded into, outer ones first."""
    for box in picture.boxes:
        if box.inside is not None:
            yield box, box.inside
            yield from all_pictures(box.inside)


def total_norm(norms: Iterable[float | None]) -> float | None:
    """The Euclidean norm of several tensors together; None when that of none is known."""
    known = [norm for norm in norms if norm is not None]
    return math.hypot(*known) if known else None
