"""Whole numbers of an input that arithmetic makes all the same: what they told is gone, and no gradient says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.record.terms import Region, is_float

if TYPE_CHECKING:
    from gradlint.flow import Flow


def levelling(flow: Flow) -> dict[str, int]:
    """The first operation of the model that makes all numbers of an input equal, by the key of the input.

    It is a suspicion alone: the loss may read the numbers on another way.
    """
    found: dict[str, int] = {}
    whole = {record.key for record in flow.recording.inputs if not is_float(record.dtype)}
    for position, op in enumerate(flow.recording.ops):
        if op.is_levelling and op.region is Region.MODEL:
            for key in flow.keys_behind(position) & whole:
                found.setdefault(key, position)
    return found
