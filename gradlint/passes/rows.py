"""Where a model gives its batch another number of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.record.recording import Region

if TYPE_CHECKING:
    from gradlint.flow import Flow

_MOST_STEPS = 10_000


def rows_changed(flow: Flow, layer: str) -> tuple[int, int, int] | None:
    """The operation after which the prediction of a layer no longer has the rows of the batch.

    Args:
        flow: one run.
        layer: path of the layer that made a prediction.

    Returns:
        Position, rows before and rows after; None when the prediction has the batch's rows.
    """
    batch = {record.shape[0] for record in flow.recording.inputs if record.shape}
    made = [
        index
        for op in flow.recording.ops
        if op.region is Region.MODEL and op.layer == layer
        for index in op.outputs
        if flow.tensor(index).shape
    ]
    if len(batch) != 1 or not made:
        return None
    (rows,) = batch
    tensor, after = made[-1], flow.tensor(made[-1]).shape[0]
    for _ in range(_MOST_STEPS):
        position = flow.tensor(tensor).producer
        if position is None or after == rows:
            return None
        before = next((index for index in flow.op(position).inputs if flow.keys_behind_tensor(index)), None)
        if before is None:
            return None
        length = flow.tensor(before).shape[0] if flow.tensor(before).shape else after
        if length == rows:
            return position, rows, after
        tensor, after = before, length
    return None
