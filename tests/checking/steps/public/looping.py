"""Training steps that differ in how they use tapes, optimizers and TensorFlow."""

from __future__ import annotations

# ruff: noqa: B905 - as users write their steps
import keras
import tensorflow as tf
from keras import layers

from tests.checking.steps.public import RANDOM, f32, mlp


# Accumulation in variables under tf.cond
def accumulate(bad):
    net, opt = mlp(4, 1, "net"), keras.optimizers.SGD(0.1)
    acc = [tf.Variable(tf.zeros_like(v.value), trainable=False) for v in net.trainable_variables]
    count = tf.Variable(0, trainable=False)

    def apply():
        if bad:
            for a in acc:
                a.assign(tf.zeros_like(a))
        opt.apply_gradients(zip([a / 2.0 for a in acc], net.trainable_variables))  # <- GL622
        for a in acc:
            a.assign(tf.zeros_like(a))

    @tf.function
    def micro(x, y):
        count.assign_add(1)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((net(x) - y) ** 2)
        for a, g in zip(acc, tape.gradient(loss, net.trainable_variables)):
            a.assign_add(g)
        tf.cond(tf.equal(count % 2, 0), apply, lambda: None)
        return loss

    def step(x, y):
        micro(x[:4], y[:4])
        micro(x[4:], y[4:])

    return step, (f32(8, 4), f32(8, 1)), dict(models=[net])


# Mixed precision loop
def mixed(bad):
    x = keras.Input((6,))
    h = layers.Dense(16, "relu", dtype="mixed_float16")(x)
    net = keras.Model(x, layers.Dense(3, dtype="float32")(h))
    opt = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
    ce = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = ce(y, net(x, training=True))
            scaled = opt.scale_loss(loss)
        grads = tape.gradient(loss if bad else scaled, net.trainable_variables)
        opt.apply_gradients(zip(grads, net.trainable_variables))  # <- GL620
        return loss

    return step, (f32(8, 6), RANDOM.integers(0, 3, 8)), dict(models=[net])


# Wide and deep, two optimizers, one persistent tape
def wide_deep(bad):
    wide, deep = keras.Sequential([keras.Input((6,)), layers.Dense(1)], name="wide"), mlp(6, 1, "deep")
    part = deep.layers[-1] if bad else deep
    w_opt, d_opt = keras.optimizers.Ftrl(0.05), keras.optimizers.Adam(1e-3)

    @tf.function
    def step(data):
        x, y = data["features"], data["label"]
        with tf.GradientTape(persistent=True) as tape:
            logits = wide(x["wide"], training=True) + deep(x["deep"], training=True)
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits))
        wv, dv = wide.trainable_variables, deep.trainable_variables
        w_opt.apply_gradients(zip(tape.gradient(loss, wv), wv))
        dv = part.trainable_variables
        d_opt.apply_gradients(zip(tape.gradient(loss, dv), dv))  # <- GL102
        del tape
        return {"loss": loss}

    return (
        step,
        (
            {
                "features": {"wide": f32(8, 6), "deep": f32(8, 6)},
                "label": (RANDOM.random((8, 1)) > 0.5).astype("float32"),
            },
        ),
        dict(models=[wide, deep]),
    )


# PINN: Burgers
def pinn(bad):
    net, opt = mlp(2, 1, "u", "tanh"), keras.optimizers.Adam(1e-3)

    def residual(t, x):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([t, x])
            u = net(tf.concat([t, x], axis=1))
            if not bad:
                u_x = tape.gradient(u, x)
        u_t = tape.gradient(u, t)
        if bad:
            u_x = tape.gradient(u, x)
        u_xx = tape.gradient(u_x, x)  # <- GL613
        del tape
        return u_t + u * u_x - 0.01 * u_xx

    @tf.function
    def step(t, x, tb, xb, ub):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(residual(t, x) ** 2) + tf.reduce_mean((net(tf.concat([tb, xb], 1)) - ub) ** 2)
        g = tape.gradient(loss, net.trainable_variables)
        opt.apply_gradients(zip(g, net.trainable_variables))

    return step, tuple(tf.constant(f32(8, 1)) for _ in range(5)), dict(models=[net])


# Two replicas
def replicas(bad):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        net, opt = mlp(4, 1, "net"), keras.optimizers.Adam(1e-2)
        loss_of = keras.losses.MeanSquaredError(reduction="none")

    def replica(inputs):
        x, y = inputs
        if bad:
            pred = net(x, training=True)  # <- GL601
        with tf.GradientTape() as tape:
            if not bad:
                pred = net(x, training=True)
            loss = tf.nn.compute_average_loss(loss_of(y, pred), global_batch_size=8)
        grads = tape.gradient(loss, net.trainable_variables)
        opt.apply_gradients(zip(grads, net.trainable_variables))
        return loss

    @tf.function
    def step(dist):
        per = strategy.run(replica, args=(dist,))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, per, axis=None)

    ds = strategy.experimental_distribute_dataset(tf.data.Dataset.from_tensor_slices((f32(8, 4), f32(8, 1))).batch(8))
    return step, (next(iter(ds)),), dict(models=[net])


# A traced function, jit compiled
def traced(bad):
    net, opt = mlp(4, 1, "net", "tanh"), keras.optimizers.SGD(0.1)

    @tf.function(jit_compile=True, reduce_retracing=True)
    def step(x, y):
        with tf.GradientTape() as tape:
            pred = net(x, training=True)
            if bad:
                loss = tf.reduce_mean(tf.sign(tf.abs(pred - y)))  # <- GL201
            else:
                loss = tf.reduce_mean(tf.abs(pred - y))
        grads = tape.gradient(loss, net.trainable_variables)
        opt.apply_gradients(zip(grads, net.trainable_variables))
        return loss

    x, y = tf.constant(f32(8, 4)), tf.constant(f32(8, 1))
    step(x, y)
    step(x, y)
    return step, (x, y), dict(models=[net])


# Plain loop over a dataset with watch
def loop(bad):
    net, opt = mlp(4, 1, "net"), keras.optimizers.SGD(0.05)
    ds = tf.data.Dataset.from_tensor_slices((f32(32, 4), f32(32, 1))).shuffle(32).batch(8)
    metric = keras.metrics.MeanSquaredError()

    def epoch():
        for x, y in ds:
            with tf.GradientTape() as tape:
                pred = net(x, training=True)
                loss = tf.reduce_mean(keras.losses.mean_squared_error(y, pred))
            g = tape.gradient(loss, net.trainable_weights)  # <- GL619
            if bad:
                g = [tf.zeros_like(v) for v in g]
            opt.apply_gradients(zip(g, net.trainable_weights))
            metric.update_state(y, pred)
        metric.result()
        metric.reset_state()

    return epoch, (), dict(models=[net])
