"""Mixed precision: what overflows under the first loss scale, and is fine under that which the optimizer arrives at."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 4)).astype("float32"), RNG.normal(size=(16, 1)).astype("float32")


def net(size=4):
    keras.utils.set_random_seed(0)
    x = keras.Input((size,))
    hidden = keras.layers.Dense(8, activation="relu", dtype="mixed_float16")(x)
    return keras.Model(x, keras.layers.Dense(1, dtype="float32")(hidden), name="mixed")


def half_net():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, dtype="mixed_float16")], name="half")


def squared_error(outputs, y):
    return tf.reduce_mean((outputs - tf.cast(y, outputs.dtype)) ** 2)


def root_of_zero(outputs, y):
    del y
    return tf.reduce_mean(tf.sqrt(tf.cast(outputs - outputs, tf.float32)))


def step_of(model, loss_of, optimizer=None):
    optimizer = optimizer or keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3))
    met = []

    def step(x, y):
        with tf.GradientTape() as tape:
            scaled = optimizer.scale_loss(loss_of(model(x, training=True), y))
        gradients = tape.gradient(scaled, model.trainable_variables)
        met.append(all(bool(tf.reduce_all(tf.math.is_finite(g))) for g in gradients) and bool(np.isfinite(scaled)))
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    return step, met, optimizer


def codes(result):
    return {(finding.code, finding.severity.value) for finding in result.findings}


@pytest.mark.parametrize("make", [net, half_net], ids=["float32-loss", "float16-loss"])
def test_an_overflow_that_the_optimizer_heals_is_a_note(make):
    step, met, optimizer = step_of(make(), squared_error)
    result = gradlint.check_step(step, X, Y * 30)
    assert met[0] is False  # It did overflow.
    assert codes(result) == set()
    if make is net:
        assert any("loss scale" in note and "halves it" in note for note in result.notes)
        assert all(variable.gradient is gradlint.GradientState.FINITE for variable in result.variables)
    assert optimizer.initial_scale == 2.0**15
    assert not optimizer.built


def test_so_it_is_in_a_block_that_runs_once():
    step, met, _ = step_of(net(), squared_error)
    with gradlint.watch() as watched:
        step(X, Y * 30)
    assert met == [False]
    assert codes(watched.result) == set()


def test_a_nan_that_no_scale_heals_is_a_finding():
    step, met, _ = step_of(net(), root_of_zero)
    result = gradlint.check_step(step, X, Y)
    assert met[0] is False
    assert codes(result) == {("GL301", "error")}
    assert not result.notes


def test_a_loss_beside_the_scaled_one_is_not_excused():
    first, second = net(), half_net()
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3))
    plain = keras.optimizers.Adam(1e-3)

    def step(x, y):
        with tf.GradientTape(persistent=True) as tape:
            scaled = optimizer.scale_loss(squared_error(first(x, training=True), y))
            loss = squared_error(tf.cast(second(x, training=True), tf.float32), y) * 1e7
        optimizer.apply(tape.gradient(scaled, first.trainable_variables), first.trainable_variables)
        plain.apply(tape.gradient(loss, second.trainable_variables), second.trainable_variables)

    assert ("GL301", "error") in codes(gradlint.check_step(step, X, Y))


def compiled():
    model = net()
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3)), "mse")
    return model


def test_a_compiled_model_that_needs_a_smaller_scale_than_one_is_an_info():
    result = gradlint.check(compiled(), {"x": X, "y": Y * 1e7})
    (finding,) = [finding for finding in result.findings if finding.code == "GL301"]
    assert finding.severity.value == "info"
    assert "until the optimizer has lowered its loss scale to 0." in finding.message


def test_without_such_an_optimizer_it_is_an_error():
    model = net()
    model.compile("sgd", "mse")
    assert ("GL301", "error") in codes(gradlint.check(model, {"x": X, "y": Y * 1e7}))


@keras.saving.register_keras_serializable(package="loss-scale")
class Faint(keras.layers.Layer):
    """Makes a branch so small that float16 holds its gradient only once the loss is scaled."""

    def call(self, x):
        return x * tf.cast(6e-8, x.dtype) * tf.cast(0.01, x.dtype)


def test_underflow_is_tried_at_the_scale_that_overflows_nowhere():
    keras.utils.set_random_seed(0)
    x = keras.Input((4,))
    faint = keras.layers.Dense(4, name="weak", dtype="mixed_float16")(x)
    strong = keras.layers.Dense(4, name="strong", dtype="mixed_float16")(x)
    faint = Faint(dtype="mixed_float16")(faint)
    both = keras.layers.Add(dtype="mixed_float16")([faint, strong])
    model = keras.Model(x, keras.layers.Dense(1, dtype="float32")(both))
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()), "mse")
    assert "GL305" not in {code for code, _ in codes(gradlint.check(model, {"x": X, "y": Y * 40}))}


def test_the_callback_takes_no_overflow_for_a_broken_training():
    model = net()
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3), dynamic_growth_steps=2)
    model.compile(optimizer, "mse")
    scales = []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs=None: scales.append(float(optimizer.dynamic_scale.value))
    )
    check = gradlint.GradientCheck(every=1, action="warn", hold=True)
    model.fit(X, Y * 15, batch_size=8, epochs=4, verbose=0, callbacks=[check, note])
    assert any(later < scale for scale, later in itertools.pairwise(scales))  # It grew until it overflowed.
    assert not check.reports
    assert optimizer.initial_scale == 2.0**15


def test_the_callback_still_sees_a_nan(tmp_path):
    model = compiled()
    y = (Y * 1.0).repeat(4, axis=0)
    y[32:] = np.nan
    check = gradlint.GradientCheck(every=1, action="warn", hold=True, folder=str(tmp_path))
    model.fit(X.repeat(4, axis=0), y, batch_size=16, shuffle=False, epochs=1, verbose=0, callbacks=[check])
    assert check.reports
