"""Operations that give variables new values, seen before they run."""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from gradlint.upstream import patching
from gradlint.upstream.eager import Tensor, is_value, text_of
from gradlint.upstream.names import member, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_READS = frozenset(
    {"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape", "VarIsInitializedOp", "DestroyResourceOp"}
)
"""Types of operations that take the handle of a variable and leave a value that can be given back as it is."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A variable by its handle, which is all that an operation gets of it."""

    handle: Tensor
    dtype: Any

    def read_value(self) -> Tensor | None:
        """What it holds, without a word to whoever waits for variables that are read; None before its first value."""
        if not bool(tf.raw_ops.VarIsInitializedOp(resource=self.handle)):
            return None
        return tf.raw_ops.ReadVariableOp(resource=self.handle, dtype=self.dtype)

    def assign(self, value: Tensor) -> None:
        """Give it a value."""
        tf.raw_ops.AssignVariableOp(resource=self.handle, value=value)


@contextlib.contextmanager
def on_write(callback: Callable[[Stored, bool], None]) -> Iterator[None]:
    """Call `callback(variable, is_certain)` before an operation runs that gives a variable a new value.

    Methods of variables, optimizers, generators and `tf.raw_ops` all end in an operation that takes the handle. What is
    not certain is a function that runs as a whole, and may just read.
    """
    fast, slow = value_of("run an operation in C"), value_of("execute")

    def look(op_type: str | bytes, operands: Iterable[Any]) -> None:
        writes = _writes(text_of(op_type))
        if writes is False:
            return
        for handle in _handles(operands):
            data = member(handle, "data of a handle")  # tables and iterators have none
            if data is not None and data.shape_and_type:
                callback(Stored(handle, tf.as_dtype(data.shape_and_type[0].dtype)), writes is True)

    # The names are of no importance: TensorFlow's own code calls both by position.
    def run_fast(context: Any, op_type: str, *operands: Any) -> Any:
        look(op_type, operands)
        return fast(context, op_type, *operands)

    def run_slow(handle: Any, device: Any, op_type: Any, operands: Any, *rest: Any) -> Any:
        look(op_type, operands)
        return slow(handle, device, op_type, operands, *rest)

    with patching.replaced("run an operation in C", run_fast), patching.replaced("execute", run_slow):
        yield


@functools.cache
def _writes(op_type: str) -> bool | None:
    """Whether operations of a type give the variables that they take new values; None where that cannot be told."""
    definition = value_of("definition of an operation")(op_type)
    if definition is None:  # a function of somebody's
        return None
    if any(operand.type_list_attr for operand in definition.input_arg):  # a call, a branch, a loop
        return None if definition.is_stateful else False
    takes = any(operand.type == tf.resource.as_datatype_enum for operand in definition.input_arg)
    return takes and op_type not in _READS


def _handles(operands: Iterable[Any]) -> Iterator[Tensor]:
    for operand in operands:
        if isinstance(operand, (list, tuple)):
            yield from _handles(operand)
        elif is_value(operand) and operand.dtype == tf.resource:
            yield operand
