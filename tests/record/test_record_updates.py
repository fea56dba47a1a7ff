"""The first update of the optimizer: small variables together are updated as each by itself."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint
from gradlint.record import firststep
from gradlint.upstream import writes

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


def _regression(optimizer: Any, units: int = 5) -> tuple[Any, dict[str, Any]]:
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(units, activation="tanh"), keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    draw = np.random.default_rng(0)
    return model, {"x": draw.normal(size=(4, 6)), "y": draw.normal(size=(4, 1))}


def test_copies_and_moments_go_before_the_next_ones_come(monkeypatch: pytest.MonkeyPatch) -> None:
    moves, held = firststep._moves, []  # type: ignore[var-annotated]

    def watched(run: Any, twin: Any, bundles: Any) -> Any:
        assert not any(each() is not None for each in held)
        found = moves(run, twin, bundles)
        held.extend(weakref.ref(variable) for variable in twin.variables)
        return found

    monkeypatch.setattr(firststep, "_MOST_ELEMENTS", 8)
    monkeypatch.setattr(firststep, "_moves", watched)
    gradlint.check(*_regression("adam"))
    assert len(held) > 8
    assert not any(each() is not None for each in held)


def test_nobody_keeps_the_values_of_what_goes_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[writes.Stored] = []
    assign = writes.Stored.assign

    def counted(self: writes.Stored, value: Any) -> None:
        given.append(self)
        assign(self, value)

    monkeypatch.setattr(writes.Stored, "assign", counted)
    gradlint.check(*_regression("adam"))
    assert given == []


@keras.saving.register_keras_serializable("updates")
class Counting(optimizers.SGD):
    """It writes to a variable that is none of its own."""

    times = tf.Variable(0)

    def build(self, variables: Any) -> None:
        super().build(variables)
        self.shared = Counting.slow

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        super().update_step(gradient, variable, learning_rate)
        Counting.times.assign_add(1)
        self.shared.assign_add(1.0)


def test_what_the_optimizer_of_the_user_writes_to_is_put_back() -> None:
    Counting.slow = keras.Variable(0.0)
    gradlint.check(*_regression(Counting(0.1)))
    assert (int(Counting.times), float(Counting.slow)) == (0, 0.0)
