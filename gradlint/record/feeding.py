"""The batches that `fit` feeds, taken where it feeds them: the train function gets them as before."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.upstream import eager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PROBE = 20
"""Steps by which the time of a step is measured, before it is decided whether every batch is worth holding."""

_MOST_SHARE = 0.006
"""Share of a step's time that holding its batch may take: with looks, less than 2%."""


class _Handed:
    """Stands for an iterator that has one batch: for iterators that no dataset can replay."""

    def __init__(self, batches: Sequence[Any]) -> None:
        self._batches = deque(batches)

    def get_next(self) -> Any:
        return self._batches.popleft()

    __next__ = get_next

    def __iter__(self) -> _Handed:
        return self

    def get_next_as_optional(self) -> Any:
        return tf.experimental.Optional.from_value(self._batches.popleft())


class Feed:
    """Stands between `fit` and the train function of a model.

    Args:
        model: that `fit` trains.
        before: called with the number of a step, counted from 1; whether its batch is wanted.
        after: called with the number of the last step that ran, its batch or None, and the logs of the step.
        hold: keep the batches of the last two calls; None: where that takes at most a hundredth of the time.

    Attributes:
        step: the number of steps that ran.
        batches: of the last calls, the newest last.
        unseen: why batches cannot be had, or are not held; empty when they are.
    """

    def __init__(
        self,
        model: Any,
        before: Callable[[int, Callable[[], Any]], bool],
        after: Callable[[int, Any, Any], None],
        hold: bool | None,
    ) -> None:
        self._model, self._before, self._after = model, before, after
        self._hold = hold
        self._original: Callable[[Any], Any] = model.train_function
        self._queue: deque[Any] = deque()
        self._replay: tuple[Any, Any] | None = None
        self._times: list[float] = []
        self.step = 0
        self.per_call = max(1, int(model.steps_per_execution))
        self.batches: deque[tuple[int, Any]] = deque(maxlen=2)
        self.unseen = ""
        model.train_function = self._fed

    def close(self) -> None:
        """Give the model its own train function back, and let go of all batches."""
        if self._model.train_function == self._fed:
            self._model.train_function = self._original
        self.batches.clear()
        self._queue.clear()
        self._replay = None

    @property
    def holds(self) -> bool:
        """Whether every batch is kept until the next but one."""
        return bool(self._hold)

    def _fed(self, iterator: Any) -> Any:
        taken: list[Any] = []

        def batch() -> Any:
            if not taken:
                taken.extend(self._taken(iterator))
            return local(taken[-1])

        is_wanted = self._before(self.step + 1, batch)
        if (is_wanted or self._hold) and not taken:
            batch()
        started = time.perf_counter()
        logs = self._original(self._source(iterator, taken) if taken else iterator)
        self._weigh(time.perf_counter() - started)
        self.step += len(taken) if taken else self.per_call
        if taken and self._hold:
            self.batches.append((self.step, local(taken[-1])))
        self._after(self.step, local(taken[-1]) if taken and is_wanted else None, logs)
        return logs

    def _taken(self, iterator: Any) -> Iterator[Any]:
        for number in range(self.per_call):
            try:
                yield next(iterator)
            except (StopIteration, tf.errors.OutOfRangeError):
                if not number:
                    raise tf.errors.OutOfRangeError(None, None, "the data is at its end") from None
                return

    def _source(self, iterator: Any, taken: list[Any]) -> Any:
        """An iterator of the same kind, from which the train function reads what was taken."""
        if not isinstance(iterator, tf.data.Iterator):
            return _Handed(taken)
        if len(taken) < self.per_call:  # The replay must not wait for what does not come.
            return iter(tf.data.Dataset.from_generator(lambda: iter(taken), output_signature=iterator.element_spec))
        self._queue.extend(taken)
        if self._replay is None or self._replay[0] != iterator.element_spec:
            queue, spec = self._queue, iterator.element_spec

            def replayed() -> Iterator[Any]:
                while queue:  # It goes on when the train function asks, which it does after the next is here.
                    yield queue.popleft()

            dataset = tf.data.Dataset.from_generator(replayed, output_signature=spec).with_options(_one_at_a_time())
            self._replay = (spec, iter(dataset))
        return self._replay[1]

    def _weigh(self, seconds: float) -> None:
        """Decide, from the time that steps take, whether holding batches is worth it."""
        if self._hold is not None:
            return
        self._times.append(seconds)
        if len(self._times) == _PROBE:
            # What a replayed batch costs: a generator's turn, and the copy of its arrays.
            self._hold = _MOST_SHARE * float(np.median(self._times)) >= _HOLDING
            if not self._hold:
                self.unseen = "steps are so short that holding each batch would cost more than 0.6%: hold=True does it"


def _one_at_a_time() -> Any:
    """Options of a dataset that reads nothing ahead."""
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    options.experimental_optimization.inject_prefetch = False
    return options


_HOLDING = 0.0006
"""Seconds that a replayed batch takes, as measured on two cores."""


def local(batch: Any) -> Any:
    """The part of a batch that the first replica gets."""

    def first(value: Any) -> Any:
        values = getattr(value, "values", None)
        return values[0] if isinstance(values, (tuple, list)) and not tf.is_tensor(value) else value

    return keras.tree.map_structure(first, batch)


def is_finite(logs: Any) -> bool:
    """Whether the loss in the logs of a step, or any number where there is no loss, is finite."""
    if not isinstance(logs, dict):
        return True
    loss = logs.get("loss")
    numbers = [loss] if loss is not None else list(logs.values())
    return all(bool(np.isfinite(np.asarray(number)).all()) for number in numbers if _is_number(number))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.ndarray)) or eager.is_eager(value)
