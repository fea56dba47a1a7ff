"""What the layers of a live model pass on, and make besides, in bytes, before any of it is computed."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from gradlint.errors import ModelFileError
from gradlint.load.limits import refuse_beyond_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gradlint.load.limits import Limits
    from gradlint.load.model.live import Model

    Lengths = Callable[[Sequence[int | None]], tuple[int, ...]]


Call = tuple[Any, Any]
"""A layer or an operation, and the node of a functional model in which it is called."""


def refuse_large_outputs(name: str, model: Model, rows: int, limits: Limits, steps: int = 1) -> None:
    """Raises ModelFileError when what a functional model computes does not fit into memory.

    What layers pass on counts, what an attention and its like make besides, and what a recurrence makes at each step,
    since all of it is recorded; and very many steps are refused.

    Args:
        name: the model in the message.
        model: a live model; others than functional ones do not say.
        rows: length of the batch axis.
        limits: on the memory a check may take, and on the steps (`items`).
        steps: length of the second axis where the model leaves it open.
    """
    calls = tuple(_calls(model))

    def lengths(shape: Sequence[int | None]) -> tuple[int, ...]:
        return _lengths(shape, rows, steps)

    sizes = [
        (4 * math.prod(_lengths(tensor.shape, rows, 1)), operation.name)
        for operation, node in calls
        for tensor in getattr(node, "output_tensors", ())
    ]
    most, largest = max(sizes, default=(0, ""))
    # The largest is held with its gradient; of all, some may share their memory, as reshapes do.
    passed_on = max(most, sum(size for size, _ in sizes) // 4)
    refuse_beyond_memory(f"{name}: what its layers pass on (most of it {largest!r}) takes at least", passed_on, limits)
    for what, found in (
        ("what its layers make besides (most of it in {!r}) takes", _within(calls, lengths)),
        ("the steps of its loops (most of them in {!r}) take", _of_steps(name, calls, rows, lengths, limits)),
    ):
        first = found.most_common(1)[0][0] if found else ""
        refuse_beyond_memory(f"{name}: {what.format(first)} at least", found.total(), limits)


def _within(calls: Sequence[Call], lengths: Lengths) -> Counter[str]:
    """Bytes by layer of what layers make and do not pass on."""
    from gradlint.upstream.within import bytes_of_penalty, bytes_within, holds_more

    sizes: Counter[str] = Counter()
    known: dict[object, int] = {}  # a transformer has many blocks of one kind
    for operation, node in calls:
        if holds_more(operation):
            key = _kind_of_call(operation, node)
            if key not in known:
                known[key] = bytes_within(operation, node, lengths)
            sizes[operation.name] += known[key]
        judge = getattr(operation, "activity_regularizer", None)
        for tensor in node.output_tensors:
            sizes[operation.name] += bytes_of_penalty(judge, lengths(tensor.shape), tensor.dtype)
    layers = {id(operation): operation for operation, _ in calls}.values()
    variables = {id(each): each for layer in layers for each in getattr(layer, "trainable_variables", ())}
    for variable in variables.values():
        sizes[variable.path] += bytes_of_penalty(variable.regularizer, tuple(variable.shape), variable.dtype)
    return sizes


def _kind_of_call(operation: Any, node: Any) -> object:
    """What calls have in common that make the same; the call itself where nobody can tell."""
    try:
        config = {key: value for key, value in operation.get_config().items() if key != "name"}
    except NotImplementedError:
        return id(node)
    shapes = [tensor.shape for tensor in (*node.input_tensors, *node.output_tensors)]
    return type(operation), repr(config), repr(shapes)


def _of_steps(name: str, calls: Sequence[Call], rows: int, lengths: Lengths, limits: Limits) -> Counter[str]:
    """Bytes by layer of what recurrences make at their steps."""
    from gradlint.upstream.within import is_loop, loop_bytes

    sizes: Counter[str] = Counter()
    for operation, node in calls:
        if not is_loop(operation):
            continue
        for tensor in getattr(node, "input_tensors", ())[:1]:  # the others are states and masks
            shape = lengths(tensor.shape)
            number = shape[1] if len(shape) > 1 else 1
            if number > limits.items:
                raise ModelFileError(
                    f"{name}: layer {operation.name!r} takes {number:,} steps, and each is recorded; the limit is "
                    f"{limits.items:,}. Give a shorter sequence, or raise --limit items={number}"
                )
            sizes[operation.name] += loop_bytes(operation, rows, shape)
    return sizes


def _lengths(shape: Sequence[int | None], rows: int, steps: int) -> tuple[int, ...]:
    """A shape whose open axes have a length: those after the second count as one."""
    return tuple(length or (rows, steps, 1)[min(axis, 2)] for axis, length in enumerate(shape))


def _calls(model: Model) -> Iterator[Call]:
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
