"""Broken training steps, each with its repaired twin; the marks `# <- GL601` say what is found, and at which line."""

# ruff: noqa: B905, F841 - as users write their steps

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf


def dense_net(inputs=4, units=8, outputs=1, name="net"):
    x = keras.Input((inputs,), name=f"{name}_in")
    h = keras.layers.Dense(units, activation="tanh", name=f"{name}_hidden")(x)
    return keras.Model(x, keras.layers.Dense(outputs, name=f"{name}_out")(h), name=name)


def data(rows=8, inputs=4, outputs=1):
    random = np.random.default_rng(0)
    return random.normal(size=(rows, inputs)).astype("float32"), random.normal(size=(rows, outputs)).astype("float32")


def parts(**more):
    return {"net": dense_net(), "optimizer": keras.optimizers.SGD(0.1), **more}


# -- tapes -----------------------------------------------------------------------------------------------


def late_call_in_helper(p, x, y):
    def forward(inputs):
        return p["net"](inputs, training=True)

    prediction = forward(x)  # <- GL601
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((prediction - y) ** 2)
    variables = p["net"].trainable_variables
    p["optimizer"].apply_gradients(zip(tape.gradient(loss, variables), variables))


def late_call_in_helper_fixed(p, x, y):
    def forward(inputs):
        return p["net"](inputs, training=True)

    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((forward(x) - y) ** 2)
    variables = p["net"].trainable_variables
    p["optimizer"].apply_gradients(zip(tape.gradient(loss, variables), variables))


def loss_after_block(p, x, y):
    with tf.GradientTape() as tape:
        prediction = p["net"](x, training=True)
    loss = tf.reduce_mean((prediction - y) ** 2)  # <- GL602
    variables = p["net"].trainable_variables
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))


def loss_after_block_fixed(p, x, y):
    with tf.GradientTape() as tape:
        prediction = p["net"](x, training=True)
        loss = tf.reduce_mean((prediction - y) ** 2)
    variables = p["net"].trainable_variables
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))


def loss_while_stopped(p, x, y):
    with tf.GradientTape() as tape:
        with tape.stop_recording():
            prediction = p["net"](x)  # <- GL602
        loss = tf.reduce_mean((prediction - y) ** 2)
    variables = p["net"].trainable_variables
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))


def loss_while_stopped_fixed(p, x, y):
    with tf.GradientTape() as tape:
        prediction = p["net"](x)
        with tape.stop_recording():
            error = tf.reduce_mean(tf.abs(prediction - y))
        loss = tf.reduce_mean((prediction - y) ** 2)
    variables = p["net"].trainable_variables
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))
    return loss, error


def numpy_loss(p, x, y):
    with tf.GradientTape() as tape:
        prediction = p["net"](x)
        error = np.mean((prediction.numpy() - y) ** 2)  # <- GL604
        loss = tf.constant(error)
    variables = p["net"].trainable_variables
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))


def numpy_loss_fixed(p, x, y):
    with tf.GradientTape() as tape:
        prediction = p["net"](x)
        loss = tf.reduce_mean((prediction - y) ** 2)
    print(np.mean((prediction.numpy() - y) ** 2))
    variables = p["net"].trainable_variables
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))


def float_loss(p, x, y):
    with tf.GradientTape() as tape:
        loss = float(tf.reduce_mean((p["net"](x) - y) ** 2))  # <- GL604
    variables = p["net"].trainable_variables
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))


def float_loss_fixed(p, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["net"](x) - y) ** 2)
    variables = p["net"].trainable_variables
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))
    return float(loss)


def predict_on_batch(p, x, y):
    with tf.GradientTape() as tape:
        prediction = tf.convert_to_tensor(p["net"].predict_on_batch(x))  # <- GL603
        loss = tf.reduce_mean((prediction - y) ** 2)
    variables = p["net"].trainable_variables
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))


def predict_on_batch_fixed(p, x, y):
    target = p["net"].predict_on_batch(x) * 0.9 + y
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["net"](x) - target) ** 2)
    variables = p["net"].trainable_variables
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))


def accuracy_as_loss(p, x, y):
    with tf.GradientTape() as tape:
        chosen = tf.cast(p["net"](x) > 0.0, tf.float32)  # <- GL610
        loss = tf.reduce_mean(tf.abs(chosen - y))
    variables = p["net"].trainable_variables
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))


def accuracy_as_loss_fixed(p, x, y):
    with tf.GradientTape() as tape:
        score = p["net"](x)
        loss = tf.reduce_mean(tf.abs(score - y))
        accuracy = tf.reduce_mean(tf.cast((score > 0.0) == (y > 0.0), tf.float32))
    variables = p["net"].trainable_variables
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))
    return loss, accuracy


def asked_twice(p, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["net"](x) - y) ** 2)
    first = tape.gradient(loss, p["net"].layers[1].trainable_variables)
    second = tape.gradient(loss, p["net"].layers[2].trainable_variables)  # <- GL611
    p["optimizer"].apply_gradients(zip(first + second, p["net"].trainable_variables))


def asked_twice_fixed(p, x, y):
    with tf.GradientTape(persistent=True) as tape:
        loss = tf.reduce_mean((p["net"](x) - y) ** 2)
    first = tape.gradient(loss, p["net"].layers[1].trainable_variables)
    second = tape.gradient(loss, p["net"].layers[2].trainable_variables)
    p["optimizer"].apply_gradients(zip(first + second, p["net"].trainable_variables))


def not_watched(p, x, y):
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        with tf.GradientTape() as inner:
            score = p["net"](inputs)
        slope = inner.gradient(score, inputs)  # <- GL607
        penalty = tf.reduce_mean((tf.norm(slope, axis=1) - 1.0) ** 2)
        loss = tf.reduce_mean(score) + penalty
    variables = p["net"].trainable_variables
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))


def not_watched_fixed(p, x, y):
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            score = p["net"](inputs)
        slope = inner.gradient(score, inputs)
        penalty = tf.reduce_mean((tf.norm(slope, axis=1) - 1.0) ** 2)
        loss = tf.reduce_mean(score) + penalty
    variables = p["net"].trainable_variables
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))


def second_derivative_outside(p, x, y):
    inputs = tf.constant(x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        score = p["net"](inputs)
    first = tape.gradient(score, inputs)
    second = tape.gradient(first, inputs)  # <- GL613
    with tf.GradientTape() as outer:
        loss = tf.reduce_mean((p["net"](x) - y + tf.reduce_mean(second)) ** 2)
    variables = p["net"].trainable_variables
    p["optimizer"].apply_gradients(zip(outer.gradient(loss, variables), variables))


def second_derivative_outside_fixed(p, x, y):
    inputs = tf.constant(x)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape2:
            tape2.watch(inputs)
            with tf.GradientTape() as tape1:
                tape1.watch(inputs)
                score = p["net"](inputs)
            first = tape1.gradient(score, inputs)
        second = tape2.gradient(first, inputs)
        loss = tf.reduce_mean((score - y + second) ** 2)
    variables = p["net"].trainable_variables
    gradients = outer.gradient(loss, variables)
    p["optimizer"].apply_gradients(
        [(g, v) for g, v in zip(gradients, variables) if g is not None]  # The last bias has no second derivative.
    )


def rebound(p, x, y):
    w = tf.Variable(tf.ones((4, 1)))
    for _ in range(2):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((tf.matmul(x, w) - y) ** 2)
        slope = tape.gradient(loss, w)
        w = w - 0.1 * slope  # <- GL606
    return loss


def rebound_fixed(p, x, y):
    w = p["w"]
    for _ in range(2):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((tf.matmul(x, w) - y) ** 2)
        slope = tape.gradient(loss, w)
        w.assign_sub(0.1 * slope)
    return loss


def integers(p, x, y):
    steps = tf.constant([1, 2, 3, 4])
    with tf.GradientTape() as tape:
        tape.watch(steps)  # <- GL608
        loss = tf.reduce_sum(tf.cast(steps, tf.float32) ** 2)
    return tape.gradient(loss, steps)


def integers_fixed(p, x, y):
    steps = tf.constant([1.0, 2.0, 3.0, 4.0])
    with tf.GradientTape() as tape:
        tape.watch(steps)
        loss = tf.reduce_sum(steps**2)
    return tape.gradient(loss, steps)


# -- optimizers ------------------------------------------------------------------------------------------


def square_net():
    x = keras.Input((4,), name="x")
    h = keras.layers.Dense(4, use_bias=False, activation="tanh", name="one")(x)
    return keras.Model(x, keras.layers.Dense(4, use_bias=False, name="two")(h), name="square")


def mixed_order(p, x, y):
    variables = p["square"].trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["square"](x) - y) ** 2)
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables[::-1]))  # <- GL605


def mixed_order_fixed(p, x, y):
    variables = p["square"].trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["square"](x) - y) ** 2)
    gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, variables), 1.0)
    p["optimizer"].apply_gradients(zip(gradients, variables))


def no_pairs(p, x, y):
    variables = p["net"].trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["net"](x) - y) ** 2)
    p["optimizer"].apply_gradients(tape.gradient(loss, variables))  # <- GL614


def no_pairs_fixed(p, x, y):
    variables = p["net"].trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["net"](x) - y) ** 2)
    p["optimizer"].apply(tape.gradient(loss, variables), variables)


def zip_read_twice(p, x, y):
    variables = p["net"].trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["net"](x) - y) ** 2)
    pairs = zip(tape.gradient(loss, variables), variables)
    norm = sum(tf.reduce_sum(g**2) for g, _ in pairs)
    p["optimizer"].apply_gradients(pairs)  # <- GL614
    return norm


def zip_read_twice_fixed(p, x, y):
    variables = p["net"].trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["net"](x) - y) ** 2)
    pairs = list(zip(tape.gradient(loss, variables), variables))
    norm = sum(tf.reduce_sum(g**2) for g, _ in pairs)
    p["optimizer"].apply_gradients(pairs)
    return norm


def minimize_a_tensor(p, x, y):
    loss = tf.reduce_mean((p["net"](x) - y) ** 2)
    p["optimizer"].minimize(loss, p["net"].trainable_variables)  # <- GL615


def rate_of_zero(p, x, y):
    variables = p["net"].trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["net"](x) - y) ** 2)
    gradients = tape.gradient(loss, variables)
    p["lazy"].apply_gradients(zip(gradients, variables))  # <- GL622


def short_list(p, x, y):
    variables = p["net"].trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["net"](x) - y) ** 2)
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables[:2]))  # <- GL619


def loss_never_scaled(p, x, y):
    variables = p["net"].trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["net"](x) - y) ** 2)
    gradients = tape.gradient(loss, variables)
    p["scaling"].apply_gradients(zip(gradients, variables))  # <- GL620


def loss_never_scaled_fixed(p, x, y):
    variables = p["net"].trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["net"](x) - y) ** 2)
        scaled = p["scaling"].scale_loss(loss)
    gradients = tape.gradient(scaled, variables)
    p["scaling"].apply_gradients(zip(gradients, variables))


def zeros_for_none(p, x, y):
    variables = p["net"].trainable_variables + p["other"].trainable_variables
    with tf.GradientTape() as tape:
        p["other"](x)
        loss = tf.reduce_mean((p["net"](x) - y) ** 2)
    gradients = tape.gradient(loss, variables, unconnected_gradients="zero")  # <- GL616
    p["optimizer"].apply_gradients(zip(gradients, variables))


def zeros_for_none_fixed(p, x, y):
    variables = p["net"].trainable_variables + p["other"].trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["net"](x) + p["other"](x) - y) ** 2)
    gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
    p["optimizer"].apply_gradients(zip(gradients, variables))


def regularised_net():
    x = keras.Input((4,), name="x")
    h = keras.layers.Dense(4, activation="tanh", kernel_regularizer="l2", name="decayed")(x)
    return keras.Model(x, keras.layers.Dense(1, name="out")(h), name="regularised")


def losses_forgotten(p, x, y):
    variables = p["regularised"].trainable_variables
    with tf.GradientTape() as tape:
        prediction = p["regularised"](x, training=True)
        loss = tf.reduce_mean((prediction - y) ** 2)  # <- GL618
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))


def losses_forgotten_fixed(p, x, y):
    variables = p["regularised"].trainable_variables
    with tf.GradientTape() as tape:
        prediction = p["regularised"](x, training=True)
        loss = tf.reduce_mean((prediction - y) ** 2) + tf.add_n(p["regularised"].losses)
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))


def variable_each_time(p, x, y):
    scale = tf.Variable(1.0)  # <- GL617
    variables = [*p["net"].trainable_variables, scale]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((scale * p["net"](x) - y) ** 2)
    gradients = tape.gradient(loss, variables)
    for gradient, variable in zip(gradients, variables):
        variable.assign_sub(0.1 * gradient)


def scalar_rewards(p, x, y):
    rewards = y[:, 0]
    with tf.GradientTape() as tape:
        target = rewards + 0.9 * tf.stop_gradient(p["net"](x))  # <- GL405
        loss = tf.reduce_mean((target - p["net"](x)) ** 2)
    variables = p["net"].trainable_variables
    p["optimizer"].apply_gradients(zip(tape.gradient(loss, variables), variables))


def scalar_rewards_fixed(p, x, y):
    rewards = y[:, :1]
    with tf.GradientTape() as tape:
        target = rewards + 0.9 * tf.stop_gradient(p["net"](x))
        loss = tf.reduce_mean((target - p["net"](x)) ** 2)
    variables = p["net"].trainable_variables
    p["optimizer"].apply_gradients(zip(tape.gradient(loss, variables), variables))


def encoder_unasked(p, x, y):
    with tf.GradientTape() as tape:
        code = p["other"](x, training=True)
        loss = tf.reduce_mean((p["net"](tf.tile(code, [1, 4])) - y) ** 2)
    variables = p["net"].trainable_variables
    gradients = tape.gradient(loss, variables)  # <- GL102
    p["optimizer"].apply_gradients(zip(gradients, variables))


def encoder_unasked_fixed(p, x, y):
    with tf.GradientTape() as tape:
        code = p["other"](x, training=True)
        loss = tf.reduce_mean((p["net"](tf.tile(code, [1, 4])) - y) ** 2)
    variables = p["net"].trainable_variables + p["other"].trainable_variables
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))


def constant_target(p, x, y):
    variables = p["net"].trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.constant(np.mean(np.square(np.asarray(y))))
    gradients = tape.gradient(loss, variables)  # <- GL604
    p["optimizer"].apply_gradients(zip(gradients, variables))


def constant_target_fixed(p, x, y):
    variables = p["net"].trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(p["net"](x) - np.square(np.asarray(y))))
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))


def target_of_a_copy(p, x, y):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = tf.reduce_sum(p["net"](np.array(x)))
    return tape.gradient(score, x)  # <- GL607


def target_of_a_copy_fixed(p, x, y):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = tf.reduce_sum(p["net"](x))
    return tape.gradient(score, x)


def sums_that_stay(p, x, y):
    total = p["sum"]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((tf.matmul(x, p["w"]) - y) ** 2)
    total.assign_add(tape.gradient(loss, p["w"]))  # <- GL624
    p["optimizer"].apply_gradients([(total, p["w"])])


def sums_that_stay_fixed(p, x, y):
    total = p["sum"]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((tf.matmul(x, p["w"]) - y) ** 2)
    total.assign_add(tape.gradient(loss, p["w"]))
    p["optimizer"].apply_gradients([(total, p["w"])])
    total.assign(0.0 * total)


def climbing_by_hand(p, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["net"](x) - y) ** 2)
    for w, g in zip(p["net"].weights, tape.gradient(loss, p["net"].weights)):
        w.assign_add(0.1 * g)  # <- GL625


def climbing_by_hand_fixed(p, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["net"](x) - y) ** 2)
    for w, g in zip(p["net"].weights, tape.gradient(loss, p["net"].weights)):
        w.assign_sub(0.1 * g)


def penalty_unread(p, x, y):
    with tf.GradientTape() as tape:
        prediction = p["net"](x)
        penalty = 0.1 * tf.add_n([tf.nn.l2_loss(w) for w in p["net"].weights])  # <- GL627
        loss = tf.reduce_mean((prediction - y) ** 2)
    gradients = tape.gradient(loss, p["net"].weights)
    p["optimizer"].apply_gradients(zip(gradients, p["net"].weights))


def penalty_unread_fixed(p, x, y):
    with tf.GradientTape() as tape:
        prediction = p["net"](x)
        penalty = 0.1 * tf.add_n([tf.nn.l2_loss(w) for w in p["net"].weights])
        loss = tf.reduce_mean((prediction - y) ** 2) + penalty
    gradients = tape.gradient(loss, p["net"].weights)
    p["optimizer"].apply_gradients(zip(gradients, p["net"].weights))


def target_trained(p, x, y):
    target = p["target"]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["net"](x) - 0.9 * target(x) - y) ** 2)
    variables = p["net"].weights + target.weights
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))  # <- GL626


def target_trained_fixed(p, x, y):
    target = p["target"]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((p["net"](x) - 0.9 * target(x) - y) ** 2)
    variables = p["net"].weights
    gradients = tape.gradient(loss, variables)
    p["optimizer"].apply_gradients(zip(gradients, variables))
