"""The first update of the optimizer: small variables together are updated as each by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

import gradlint
from gradlint.record import firststep

if TYPE_CHECKING:
    from collections.abc import Mapping

optimizers = keras.optimizers


@pytest.mark.parametrize(
    ("optimizer", "together"),
    [
        (optimizers.SGD(0.1, momentum=0.9, nesterov=True), True),
        (optimizers.Adam(clipvalue=0.001), True),
        (optimizers.Adam(amsgrad=True, global_clipnorm=0.01), True),
        (optimizers.AdamW(), True),
        (optimizers.RMSprop(centered=True), True),
        (optimizers.Adagrad(), True),
        (optimizers.Adadelta(), True),
        (optimizers.Adamax(), True),
        (optimizers.Nadam(), True),
        (optimizers.Ftrl(), True),
        (optimizers.Lion(), True),
        (optimizers.LossScaleOptimizer(optimizers.Adam()), True),
        (optimizers.Adam(clipnorm=0.01), False),  # the norm of each
        (optimizers.Adafactor(), False),
        (optimizers.Lamb(), False),
    ],
)
def test_updates_are_those_of_each_variable(optimizer: Any, together: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    x, ids = keras.Input((6,), name="x"), keras.Input((2,), name="ids", dtype="int32")
    table = keras.layers.Flatten()(keras.layers.Embedding(9, 4)(ids))
    joined = keras.layers.Concatenate()([keras.layers.Dense(5, activation="tanh")(x), table])
    model = keras.Model([x, ids], keras.layers.Dense(1)(joined))
    model.compile(optimizer, "mse")
    draw = np.random.default_rng(0)
    sample = {"x": draw.normal(size=(4, 6)), "ids": draw.integers(0, 9, (4, 2)), "y": draw.normal(size=(4, 1))}
    original = firststep._updates
    seen: list[int] = []

    def both(run: Any, given: Any, slopes: Mapping[int, Any]) -> Any:
        bundled = original(run, given, slopes)
        with monkeypatch.context() as patch:
            patch.setattr(firststep, "_ELEMENTWISE", set())
            each = original(run, given, slopes)
        assert [update.path for update in bundled] == [update.path for update in each]
        for one, other in zip(bundled, each, strict=True):
            assert (one.weight, one.update) == pytest.approx((other.weight, other.update), rel=1e-4)
            assert one.size == other.size
        seen.append(len(each))
        return bundled

    def counted(group: Any) -> Any:
        found = list(bundles(group))
        sizes.extend(map(len, found))
        return iter(found)

    bundles, sizes = firststep._bundles, []  # type: ignore[var-annotated]
    monkeypatch.setattr(firststep, "_updates", both)
    monkeypatch.setattr(firststep, "_bundles", counted)
    gradlint.check(model, sample)
    assert seen == [5]
    assert (max(sizes, default=1) == 4) == together  # rows of a table are updated as rows
