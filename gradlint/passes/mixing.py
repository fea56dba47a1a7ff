"""Whether an operation of the user's own could mix the samples of a batch: cheap to ask before it is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.record.terms import Region

if TYPE_CHECKING:
    from gradlint.flow import Flow
    from gradlint.load.spec import ModelSpec


def may_mix_samples(flow: Flow, spec: ModelSpec | None) -> bool:
    """Whether samples that are meant to be independent meet an operation that is not one of Keras's layers.

    Keras's own layers keep samples apart in inference mode, unless they are told to work along that axis. An input
    with a fixed first axis (the nodes of one graph) has no samples along it.
    """
    if spec is None or not spec.inputs:
        return False
    if any(not entry.shape or entry.shape[0] is not None for entry in spec.inputs):
        return False
    sizes = {record.shape[0] for record in flow.recording.inputs if record.shape}
    if len(sizes) != 1 or sizes <= {1}:
        return False
    size = sizes.pop()
    calls = flow.recording.calls
    own_spans = [(call.first, call.last) for call in calls if call.is_operation]
    if any(call.names_first_axis and call.last > call.first for call in calls):
        return True
    for position, op in enumerate(flow.recording.ops):
        if op.region is not Region.MODEL or not flow.keys_behind(position):
            continue
        if op.file is None and not any(first <= position < last for first, last in own_spans):
            continue
        taken = [index for index in op.inputs if flow.tensor(index).shape[:1] == (size,)]
        kept = all(flow.tensor(index).shape[:1] == (size,) for index in op.outputs)
        if taken and (not kept or has(op.type, Trait.ALONG_AXIS)):
            return True
    return False
