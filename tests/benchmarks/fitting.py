"""What the callback adds to an epoch: `python -m tests.benchmarks.fitting [PAIRS]`; bare and watched in turn.

The first epoch holds the check of the first batch, once; the later ones what the callback costs from then on.
"""

from __future__ import annotations

import sys
import time
from statistics import median
from typing import Any

import keras
import numpy as np

import gradlint

EPOCHS, ROWS, BATCH = 4, 2048, 64
ALLOWED = 1.02


class Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """Seconds of each epoch, with what comes before its first step."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._begun = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds.append(time.perf_counter() - self._begun)


def network() -> Any:
    keras.utils.set_random_seed(0)
    layers = [keras.Input((32, 32, 3))]
    for width in (16, 32, 64):
        layers += [keras.layers.Conv2D(width, 3, activation="relu", padding="same"), keras.layers.BatchNormalization()]
        layers += [keras.layers.MaxPooling2D()]
    model = keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def epochs(*callbacks: Any) -> list[float]:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(ROWS, 32, 32, 3)).astype("float32"), rng.integers(0, 10, ROWS)
    clock = Clock()
    network().fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=[*callbacks, clock])
    return clock.seconds


def main(pairs: int) -> bool:
    """Print the ratios; whether later epochs hold the bar."""
    found = [(epochs(gradlint.GradientCheck(fail_on="never")), epochs()) for _ in range(pairs)]
    first = median(mine[0] - bare[0] for mine, bare in found)
    later = median(sum(mine[1:]) / sum(bare[1:]) for mine, bare in found)
    verdict = "holds" if later <= ALLOWED else "MISSED"
    print(f"first epoch {first:+.2f} s; later epochs {later:.3f}x (at most {ALLOWED}x)   {verdict}")
    return later <= ALLOWED


if __name__ == "__main__":
    sys.exit(not main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
