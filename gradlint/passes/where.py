"""Where an operation is, in the terms of a finding's cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause
from gradlint.passes.labels import made_by
from gradlint.record.terms import Region

if TYPE_CHECKING:
    from gradlint.flow import Flow


def cause_of(flow: Flow, position: int) -> Cause:
    """The cause at an operation; in the loss, `layer` is the one whose prediction the operation reads."""
    op = flow.op(position)
    return Cause(layer_of(flow, position) or None, op.type, op.file, op.line)


def layer_of(flow: Flow, position: int) -> str:
    """Path of the layer an operation runs in, or whose prediction it reads."""
    op = flow.op(position)
    if op.region is Region.MODEL:
        return op.layer
    for index in op.inputs:
        layer = made_by(flow, index)
        if layer:
            return layer
    return ""
