"""What the layers of a live model pass on, in bytes, before any of it is computed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gradlint.errors import ModelFileError
from gradlint.load.limits import refuse_beyond_memory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.load.limits import Limits
    from gradlint.load.model.live import Model


def refuse_large_outputs(name: str, model: Model, rows: int, limits: Limits, steps: int = 1) -> None:
    """Raises ModelFileError when what the layers of a functional model pass on does not fit into memory.

    What a recurrence makes at each step counts too, since each is recorded; and very many steps are refused.

    Args:
        name: the model in the message.
        model: a live model; others than functional ones do not say.
        rows: length of the batch axis.
        limits: on the memory a check may take, and on the steps (`items`).
        steps: length of the second axis where the model leaves it open.
    """
    from gradlint.upstream.loops import is_loop, loop_bytes

    total, most, largest = 0, 0, ""
    in_loops, slowest, longest = 0, "", 0
    for operation, node in _calls(model):
        for tensor in getattr(node, "output_tensors", ()):
            size = 4 * math.prod(_lengths(tensor.shape, rows, 1))
            total += size
            if size > most:
                most, largest = size, operation.name
        if not is_loop(operation):
            continue
        for tensor in getattr(node, "input_tensors", ())[:1]:  # the others are states and masks
            shape = _lengths(tensor.shape, rows, steps)
            number = shape[1] if len(shape) > 1 else 1
            if number > limits.items:
                raise ModelFileError(
                    f"{name}: layer {operation.name!r} takes {number:,} steps, and each is recorded; the limit is "
                    f"{limits.items:,}. Give a shorter sequence, or raise --limit items={number}"
                )
            size = loop_bytes(operation, rows, shape)
            in_loops += size
            if size > longest:
                longest, slowest = size, operation.name
    # The largest is held with its gradient; of all, some may share their memory, as reshapes do.
    refuse_beyond_memory(
        f"{name}: what its layers pass on (most of it {largest!r}) takes at least", max(most, total // 4), limits
    )
    refuse_beyond_memory(
        f"{name}: the steps of its loops (most of them in {slowest!r}) take at least", in_loops, limits
    )


def _lengths(shape: Sequence[int | None], rows: int, steps: int) -> tuple[int, ...]:
    """A shape whose open axes have a length: those after the second count as one."""
    return tuple(length or (rows, steps, 1)[min(axis, 2)] for axis, length in enumerate(shape))


def _calls(model: Model) -> Iterator[tuple[Any, Any]]:
    """Yields (operation, node) for every symbolic call in a functional model, those inside of its parts included."""
    from gradlint.upstream.models import calls_of

    pending, seen = [model], set()
    while pending:
        part = pending.pop()
        for operation in getattr(part, "operations", None) or ():
            if id(operation) not in seen:
                seen.add(id(operation))
                yield from ((operation, node) for node in calls_of(operation))
                pending.append(operation)
