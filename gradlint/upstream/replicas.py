"""One replica of a strategy, in place of all."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from gradlint.upstream import patching
from gradlint.upstream.names import value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_THREADED = (tf.distribute.MirroredStrategy, tf.distribute.MultiWorkerMirroredStrategy)
"""Strategies that run a function in a thread for each replica, where no tape of the caller's records."""


@contextlib.contextmanager
def one_replica(
    threaded: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
) -> Iterator[None]:
    """Let `strategy.run` call its function once, as the first replica and in this thread.

    A mirrored strategy starts a thread for each replica, in which nobody observes anything. The replicas do the same.
    What `run` gives is then the value of one replica, and `reduce` and `gather` take it for all there is.

    Args:
        threaded: entered around what would run in threads of its own.
    """
    strategy = value_of("StrategyBase")
    reduce, gather = strategy.reduce, tf.distribute.Strategy.gather

    def run(self: Any, fn: Any, args: Any = (), kwargs: Any = None, options: Any = None) -> Any:
        function = getattr(fn, "python_function", fn)
        given, named = value_of("select_replica")(0, (tuple(args), dict(kwargs or {})))
        around = threaded() if isinstance(self, _THREADED) else contextlib.nullcontext()
        with around, tf.distribute.ReplicaContext(self, 0):
            return function(*given, **named)

    def reduced(self: Any, reduce_op: Any, value: Any, axis: Any = None) -> Any:
        if _is_distributed(value):
            return reduce(self, reduce_op, value, axis)
        is_sum = "sum" in str(getattr(reduce_op, "value", reduce_op)).lower()
        along = tf.reduce_sum if is_sum else tf.reduce_mean
        return value if axis is None else tf.nest.map_structure(lambda part: along(part, axis=axis), value)

    def gathered(self: Any, value: Any, axis: Any) -> Any:
        return gather(self, value, axis) if _is_distributed(value) else value

    with (
        patching.patched(strategy, "run", run),
        patching.patched(strategy, "reduce", reduced),
        patching.patched(tf.distribute.Strategy, "gather", gathered),
    ):
        yield


def _is_distributed(value: Any) -> bool:
    """Whether a value has parts for several replicas."""
    return any(isinstance(part, tf.distribute.DistributedValues) for part in tf.nest.flatten(value))
