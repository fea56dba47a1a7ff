"""What the callback adds to an epoch: `python -m tests.benchmarks.fitting [PAIRS]`.

Two equal models are trained in one process, epoch by epoch in turn (bare, watched, watched, bare, …), so that whatever
else the machine does meets both; the median of the ratios, with the interval that holds it in 95 of 100 cases, is what
counts. CPU time says what is computed, wall time what is waited for. The first epoch, with the check of the first
batch, is told apart.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

import gradlint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ALLOWED = 1.02
WARM_UP = 2
"""Epochs of both before the first pair: the first one traces, and holds the check; the second still allocates."""


class Kept(gradlint.GradientCheck):
    """A callback for which several calls of `fit` are one training, without the time between them."""

    def on_train_begin(self, logs: Any = None) -> None:
        if self._watcher is None:
            super().on_train_begin(logs)
        else:
            self._watcher._started += time.perf_counter() - self._left

    def on_train_end(self, logs: Any = None) -> None:
        self._left = time.perf_counter()


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one epoch; of CPU on all threads."""

    wall: float
    cpu: float


def images() -> tuple[Any, Any, Any]:
    """A small convolutional classifier."""
    layers = [keras.Input((32, 32, 3))]
    for width in (16, 32, 64):
        layers += [keras.layers.Conv2D(width, 3, activation="relu", padding="same"), keras.layers.BatchNormalization()]
        layers += [keras.layers.MaxPooling2D()]
    model = keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(10)])
    rng = np.random.default_rng(0)
    return model, rng.normal(size=(1024, 32, 32, 3)).astype("float32"), rng.integers(0, 10, 1024)


def words() -> tuple[Any, Any, Any]:
    """An LSTM over ids."""
    layers = [keras.Input((40,), dtype="int32"), keras.layers.Embedding(5000, 64), keras.layers.LSTM(64)]
    model = keras.Sequential([*layers, keras.layers.Dense(10)])
    rng = np.random.default_rng(0)
    return model, rng.integers(0, 5000, (1024, 40)), rng.integers(0, 10, 1024)


def towers() -> tuple[Any, Any, Any]:
    """Two towers of a dict of tables, in steps that are over in no time."""
    inputs = {key: keras.Input((32,), name=key) for key in ("left", "right")}
    parts = [keras.layers.Dense(64, activation="relu")(value) for value in inputs.values()]
    model = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Concatenate()(parts)))
    rng = np.random.default_rng(0)
    return model, {key: rng.normal(size=(8192, 32)).astype("float32") for key in inputs}, rng.integers(0, 10, 8192)


def epoch(model: Any, x: Any, y: Any, *callbacks: Any) -> Cost:
    """Train for one epoch."""
    wall, cpu = time.perf_counter(), time.process_time()
    model.fit(x, y, batch_size=64, epochs=1, verbose=0, callbacks=list(callbacks))
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def compiled(make: Callable[[], tuple[Any, Any, Any]]) -> tuple[Any, Any, Any]:
    keras.utils.set_random_seed(0)
    model, x, y = make()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, x, y


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Between which two of the values the median lies in 95 of 100 cases, whatever their distribution."""
    ordered, half = sorted(values), 0.98 * math.sqrt(len(values))
    first = max(0, math.floor(len(values) / 2 - half))
    return ordered[first], ordered[len(values) - 1 - first]


def signed(seconds: float) -> str:
    """Seconds to a tenth, with their sign; what rounds to zero is not less than that."""
    return f"{round(seconds, 1) + 0.0:+.1f}"


def compared(make: Callable[[], tuple[Any, Any, Any]], pairs: int) -> bool:
    """Print what the callback adds to epochs of one model; whether the bar is not missed."""
    bare, watched, check = compiled(make), compiled(make), Kept(fail_on="never", action="warn")
    first, _ = [epoch(*watched, check).cpu - epoch(*bare).cpu for _ in range(WARM_UP)]
    found: list[tuple[Cost, Cost]] = []
    for number in range(pairs):
        if number % 2:
            mine, other = epoch(*watched, check), epoch(*bare)
        else:
            other, mine = epoch(*bare), epoch(*watched, check)
        found.append((mine, other))
    looks = check._watcher is not None and check._watcher.look is not None
    check._end()
    wall = [mine.wall / other.wall for mine, other in found]
    cpu = [mine.cpu / other.cpu for mine, other in found]
    low, high = interval(cpu)
    verdict = "holds" if high <= ALLOWED else "MISSED" if low > ALLOWED else "not refuted: give more pairs"
    print(
        f"{make.__name__:7} epochs of {median(other.wall for _, other in found):.2f} s, {pairs} pairs: "
        f"CPU {median(cpu):.3f}x [{low:.3f}, {high:.3f}], wall {median(wall):.3f}x "
        f"[{interval(wall)[0]:.3f}, {interval(wall)[1]:.3f}] (at most {ALLOWED}x)   {verdict}; "
        f"first epoch, with the check: {signed(first)} s of CPU"
        f"{'' if looks else '; nothing was looked at'}",
        flush=True,
    )
    return low <= ALLOWED


def main(pairs: int) -> bool:
    """Whether no model misses the bar."""
    return all([compared(make, pairs) for make in (images, words, towers)])


if __name__ == "__main__":
    sys.exit(not main(int(sys.argv[1]) if len(sys.argv) > 1 else 40))
