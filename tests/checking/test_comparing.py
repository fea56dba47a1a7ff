"""Two steps on one batch: each known reason is found, and confirmed where something can be run for it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import gradlint

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4)).astype("float32")
Y = RNG.normal(size=(12, 1)).astype("float32")


def network(*more: Any, optimizer: Any = None, regularizer: Any = None, loss: Any = "mse") -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, kernel_regularizer=regularizer), *more])
    model.add(layers.Dense(1))
    model.compile(optimizer or keras.optimizers.SGD(0.1), loss)
    return model


def loop(model: Any, optimizer: Any = None, *, training: bool = True, change: Any = None, loss: Any = None) -> Any:
    optimizer = optimizer or keras.optimizers.SGD(0.1)

    def my_loop(x: Any, y: Any) -> None:
        with tf.GradientTape() as tape:
            value = (loss or (lambda y, p: tf.reduce_mean(tf.square(y - p))))(y, model(x, training=training))
        gradients = tape.gradient(value, model.trainable_variables)
        if change is not None:
            gradients = change(gradients)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    return my_loop


def kinds(comparison: gradlint.Comparison) -> list[tuple[str, bool | None]]:
    return [(difference.kind, difference.confirmed) for difference in comparison.differences]


def test_fit_and_a_loop_that_does_the_same() -> None:
    model = network(layers.Dropout(0.5), layers.BatchNormalization())
    before = [w.copy() for w in model.get_weights()]
    step = loop(model)
    for one, other, args in ((model.fit, step, (X, Y)), (model.train_step, lambda batch: step(*batch), ((X, Y),))):
        comparison = gradlint.compare(one, other, *args)
        assert comparison.same, str(comparison)
        assert comparison.exit_status == 0
        assert comparison.compared["gradients"] == 6
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))
    assert not model.optimizer.iterations.numpy()


@pytest.mark.parametrize("traced", [False, True])
def test_several_reasons_are_told_one_after_the_other(traced: bool) -> None:
    model = network(layers.Dropout(0.5), regularizer="l2")
    step = loop(model, training=False, loss=lambda y, p: tf.reduce_sum(tf.square(y - p)))
    step = tf.function(step) if traced else step
    comparison = gradlint.compare(model, step, X, Y)
    assert kinds(comparison) == [("training-flag", True), ("added-losses", True), ("reduction", True)]
    assert comparison.is_complete
    assert comparison.differences[2].evidence["factor"] == pytest.approx(12.0, rel=1e-3)
    first = comparison.differences[0].second
    assert first.file == __file__
    assert "model(x, training=training)" in str(comparison)


def test_moving_statistics_part_without_a_gradient_that_does() -> None:
    model = network(layers.BatchNormalization())
    inner = loop(model)

    def twice(x: Any, y: Any) -> None:
        model(x, training=True)
        inner(x, y)

    assert kinds(gradlint.compare(model, twice, X, Y)) == [("moving-statistics", None)]


def test_labels_that_broadcast() -> None:
    model = network()
    comparison = gradlint.compare(model, loop(model), X, Y[:, 0])
    assert kinds(comparison) == [("label-shape", True)]
    squeezing = loop(model, loss=lambda y, p: tf.reduce_mean(tf.square(tf.squeeze(y) - p)))
    comparison = gradlint.compare(model, squeezing, X, Y)
    assert kinds(comparison) == [("label-shape", None)]
    assert comparison.differences[0].second.op == "Sub"


def test_sample_weights_and_masks() -> None:
    model = network()
    weights = RNG.uniform(0.1, 2.0, 12).astype("float32")
    ignoring = loop(model)
    comparison = gradlint.compare(model, lambda x, y, w: ignoring(x, y), X, Y, weights)
    assert kinds(comparison) == [("sample-weights", True)]
    keras.utils.set_random_seed(0)
    padded = np.where(np.arange(5)[None, :, None] < 3, RNG.normal(size=(4, 5, 2)), 0.0).astype("float32")
    masked = keras.Sequential([keras.Input((5, 2)), layers.Masking(), layers.Dense(3), layers.Dense(1)])
    masked.compile(keras.optimizers.SGD(0.1), "mse")
    comparison = gradlint.compare(masked, loop(masked), padded, np.ones((4, 5, 1), "float32"))
    assert kinds(comparison) == [("mask", True)]


def test_gradients_between_tape_and_optimizer() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dense(4), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    swapped = loop(model, change=lambda g: [g[2], g[1], g[0], *g[3:]])
    assert kinds(gradlint.compare(model, swapped, X, Y)) == [("order-of-variables", True)]
    clipped = loop(model, change=lambda g: tf.clip_by_global_norm(g, 1e-3)[0])
    comparison = gradlint.compare(model, clipped, X, Y)
    assert kinds(comparison) == [("changed-gradients", None)]
    assert "clip_by_global_norm" in str(comparison)


def test_a_gradient_that_one_of_them_loses() -> None:
    model = network()
    with_stop = loop(model, loss=lambda y, p: tf.reduce_mean(tf.square(y - tf.stop_gradient(p) - 0 * model.weights[3])))
    comparison = gradlint.compare(model, with_stop, X, Y)
    assert kinds(comparison) == [("lost-gradient", True)]
    assert "is finite in A and None in B" in comparison.differences[0].message


def test_optimizers() -> None:
    model = network(optimizer=keras.optimizers.Adam(0.01))
    comparison = gradlint.compare(model, loop(model, keras.optimizers.Adam(0.1)), X, Y)
    assert kinds(comparison) == [("optimizer-setting", True)]
    assert comparison.is_complete
    comparison = gradlint.compare(model, loop(model, keras.optimizers.SGD(0.01)), X, Y)
    assert kinds(comparison) == [("optimizer", None)]


def test_the_scale_of_a_loss() -> None:
    scaling = keras.optimizers.LossScaleOptimizer
    model = network(optimizer=scaling(keras.optimizers.SGD(0.1)))
    assert gradlint.compare(model, loop(model), X, Y).same  # Scaled and unscaled again.
    comparison = gradlint.compare(model, loop(model, scaling(keras.optimizers.SGD(0.1))), X, Y)
    assert kinds(comparison) == [("loss-scale", True)]


def test_two_models_of_one_form(tmp_path: Any) -> None:
    one, other = network(), network()
    assert gradlint.compare(one, other, (X, Y)).same
    other.layers[0].kernel.assign_add(tf.ones((4, 3)))
    comparison = gradlint.compare(one, other, (X, Y))
    assert kinds(comparison) == [("weights", None)]
    assert comparison.is_complete
    assert comparison.differences[0].variables == (one.layers[0].kernel.path,)
    wider = network(layers.Dense(2))
    assert kinds(gradlint.compare(one, wider, (X, Y)))[0] == ("variables", None)
    one.save(tmp_path / "one.keras")
    assert gradlint.compare(tmp_path / "one.keras", one, (X, Y)).same


def test_models_without_a_loss_are_compared_by_their_outputs() -> None:
    keras.utils.set_random_seed(0)
    one = keras.Sequential([keras.Input((4,)), layers.Dense(3, "relu")])
    other = keras.models.clone_model(one)
    other.set_weights(one.get_weights())
    assert gradlint.compare(one, other, X).same
    other.layers[0].activation = keras.activations.sigmoid
    comparison = gradlint.compare(one, other)  # A batch is made up.
    assert kinds(comparison) == [("unknown", None)]
    assert (comparison.differences[0].first.op, comparison.differences[0].second.op) == ("Relu", "Sigmoid")


def test_a_step_that_fails_and_one_that_asks_for_nothing() -> None:
    model = network()
    with pytest.raises(gradlint.ModelRunError, match="my_step failed: ZeroDivisionError"):
        gradlint.compare(model, failing(), X, Y)
    with pytest.raises(gradlint.ModelRunError, match="no tape was asked"):
        gradlint.compare(model, lambda x, y: model(x), X, Y)


def failing() -> Any:
    def my_step(x: Any, y: Any) -> None:
        raise ZeroDivisionError

    return my_step


def test_what_is_behind_another_reduction_is_compared_as_well() -> None:
    def total(y: Any, p: Any) -> Any:
        return tf.reduce_sum(tf.square(y - p))

    model = network()
    for step in (loop(model, loss=total), tf.function(loop(model, loss=total))):
        comparison = gradlint.compare(model, step, X, Y)
        assert kinds(comparison) == [("reduction", True)]
        assert comparison.is_complete
        assert not comparison.notes
    comparison = gradlint.compare(model, loop(model, keras.optimizers.SGD(0.01), loss=total), X, Y)
    assert kinds(comparison) == [("reduction", True), ("optimizer-setting", True)]
    comparison = gradlint.compare(model, loop(model, keras.optimizers.Adam(0.1), loss=total), X, Y)
    assert kinds(comparison) == [("reduction", True), ("optimizer", None)]
    comparison = gradlint.compare(loop(model, loss=total), model, X, Y)
    assert kinds(comparison) == [("reduction", True)]


DECAY = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1, momentum=0.9), "momentum of SGD is 0 in A and 0.9 in B"),
        (keras.optimizers.Adam(), keras.optimizers.Adam(beta_2=0.9), "beta_2 of Adam is 0.999 in A and 0.9 in B"),
        (keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1, clipnorm=1e3), "clipnorm of SGD is None in A and 1000"),
        (keras.optimizers.SGD(0.1), keras.optimizers.SGD(DECAY), "is 0.1 in A and ExponentialDecay("),
        (keras.optimizers.Adam(), keras.optimizers.AdamW(weight_decay=0.0), "A uses Adam and B AdamW"),
    ],
)
def test_optimizers_that_a_single_step_does_not_tell_apart(one: Any, other: Any, said: str) -> None:
    comparison = gradlint.compare(network(optimizer=one), network(optimizer=other), (X, Y))
    assert not comparison.same
    assert said in comparison.differences[0].message
    assert gradlint.compare(network(optimizer=one), network(optimizer=one), (X, Y)).same


def test_models_without_labels_have_optimizers_to_compare() -> None:
    slow = network(optimizer=keras.optimizers.SGD(0.01))
    for sample in ((), (X,)):  # A batch that is made up is the same one, whatever the inputs are called.
        comparison = gradlint.compare(network(), slow, *sample)
        assert kinds(comparison) == [("optimizer-setting", None)]
        assert "its loss is not" in str(comparison)


def test_how_often_an_optimizer_was_used_is_said_in_words():
    """It said 0 times and 1 times."""
    models = [keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="ones")]) for _ in range(2)]
    for number, model in enumerate(models):
        model.compile("adam", "mse")
        model.optimizer.build(model.trainable_variables)
        model.optimizer.iterations.assign(number)
    x = np.linspace(-1, 1, 24).reshape(8, 3).astype("float32")
    found = gradlint.compare(*models, x, x[:, :1])
    assert "the optimizer was never used before in A and used 1 time in B" in " ".join(str(found).split())
