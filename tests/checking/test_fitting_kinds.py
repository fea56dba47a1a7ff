"""The callback on public kinds of training: nothing is said of healthy ones, and each defect is named at once."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from representatives import representatives

import gradlint

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 8)).astype("float32")
CLASSES = (X[:, :4].argmax(1)).astype("int32")
TOKENS = RNG.integers(1, 12, size=(64, 5))


def classifier(defect: bool) -> Any:
    x = keras.Input((8,))
    hidden = layers.Dense(16, "relu")(x)
    model = keras.Model(x, layers.Dense(4)(ops.round(hidden) if defect else hidden))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, X, CLASSES


class Sampling(layers.Layer):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.seeds = keras.random.SeedGenerator(1)

    def call(self, inputs: Any) -> Any:
        mean, spread = inputs
        self.add_loss(-0.01 * ops.mean(1 + spread - ops.square(mean) - ops.exp(spread)))
        return mean + ops.exp(0.5 * spread) * keras.random.normal(ops.shape(mean), seed=self.seeds)


def autoencoder(defect: bool) -> Any:
    x = keras.Input((8,))
    hidden = layers.Dense(16, "relu")(x)
    hidden = ops.round(hidden) if defect else hidden
    code = Sampling()((layers.Dense(2)(hidden), layers.Dense(2)(hidden)))
    model = keras.Model(x, layers.Dense(8)(code))
    model.compile("adam", "mse")
    return model, X, X


def sequence(defect: bool) -> Any:
    source, target = keras.Input((5,), name="source"), keras.Input((5,), name="target")
    state = layers.LSTM(8)(layers.Embedding(12, 8)(source))
    state = ops.cast(ops.cast(state, "int32"), "float32") if defect else state
    decoded = layers.LSTM(8, return_sequences=True)(layers.Embedding(12, 8)(target), initial_state=[state, state])
    model = keras.Model({"source": source, "target": target}, layers.Dense(12)(decoded))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, {"source": TOKENS, "target": TOKENS}, TOKENS


def several_outputs(defect: bool) -> Any:
    x = keras.Input((8,))
    trunk = layers.Dense(16, "tanh")(x)
    outputs = {"size": layers.Dense(1)(trunk), "kind": layers.Dense(4, "sigmoid" if defect else "softmax")(trunk)}
    if defect:
        outputs["size"] = ops.sign(outputs["size"])
    model = keras.Model(x, outputs)
    model.compile("adam", {"size": "mse", "kind": "sparse_categorical_crossentropy"})
    return model, X, {"size": X[:, :1], "kind": CLASSES}


def half_precision(defect: bool) -> Any:
    x = keras.Input((8,))
    hidden = layers.Dense(16, "relu", dtype="mixed_float16")(x)
    hidden = ops.floor(hidden) if defect else hidden
    model = keras.Model(x, layers.Dense(1, dtype="float32")(hidden))
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), "mse")
    return model, X, X[:, :1]


def adapter(defect: bool) -> Any:
    x = keras.Input((8,))
    base = layers.Dense(16, "relu")
    hidden = base(x)
    base.enable_lora(2)
    base.trainable = not defect
    head = layers.Dense(1)
    y = head(hidden)
    head.trainable = False
    model = keras.Model(x, y)
    model.compile("adam", "mse")
    return model, X, X[:, :1]


class Pairs(keras.Model):  # type: ignore[misc]
    def __init__(self, defect: bool) -> None:
        super().__init__()
        self.encoder, self.defect = layers.Dense(4), defect

    def call(self, x: Any) -> Any:
        z = self.encoder(x)
        return ops.convert_to_tensor(ops.argmax(z, -1, keepdims=True), "float32") if self.defect else z

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *rest: Any, **more: Any) -> Any:
        other = ops.cast(self(x + 0.1), "float32")
        own = ops.cast(y_pred, "float32")
        return keras.losses.sparse_categorical_crossentropy(
            ops.arange(ops.shape(x)[0]), own @ ops.transpose(other), True
        )


def contrastive(defect: bool) -> Any:
    model = Pairs(defect)
    model.compile("adam")
    return model, X, None


class Adversaries(keras.Model):  # type: ignore[misc]
    """A generator and a critic, each with an optimizer."""

    def __init__(self, defect: bool) -> None:
        super().__init__()
        self.generator, self.critic = (keras.Sequential([keras.Input((8,)), layers.Dense(n)]) for n in (8, 1))
        self.defect = defect

    def compile(self) -> None:
        super().compile()
        self.optimizers = keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3)

    def train_step(self, real: Any) -> Any:
        loss_of = keras.losses.BinaryCrossentropy(from_logits=True)
        with tf.GradientTape() as tape:
            both = self.critic(tf.concat([real, self.generator(real[::-1])], 0))
            critics = loss_of(tf.concat([tf.ones_like(both[::2]), tf.zeros_like(both[::2])], 0), both)
        variables = self.critic.trainable_variables
        self.optimizers[0].apply_gradients(zip(tape.gradient(critics, variables), variables, strict=True))
        made = self.generator(real[::-1])
        with tf.GradientTape() as tape:
            made = made if self.defect else self.generator(real[::-1])
            generators = loss_of(tf.ones_like(both[::2]), self.critic(made))
        variables = self.generator.trainable_variables
        slopes = tape.gradient(generators, variables)
        if not self.defect:
            self.optimizers[1].apply_gradients(zip(slopes, variables, strict=True))
        return {"loss": critics + generators}


def adversaries(defect: bool) -> Any:
    model = Adversaries(defect)
    model.compile()
    return model, X, None


class Distiller(keras.Model):  # type: ignore[misc]
    """A student that follows a teacher."""

    def __init__(self, defect: bool) -> None:
        super().__init__()
        self.teacher, self.student = layers.Dense(4, name="teacher"), layers.Dense(4, name="student")
        self.teacher.trainable = False
        self.defect = defect

    def call(self, x: Any, training: bool = False) -> Any:
        return self.student(x)

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *rest: Any, **more: Any) -> Any:
        soft = ops.softmax(self.teacher(x) / 3.0)
        own = ops.stop_gradient(y_pred) if self.defect else y_pred
        return keras.losses.KLDivergence()(soft, ops.softmax(own / 3.0))


def distillation(defect: bool) -> Any:
    model = Distiller(defect)
    model.compile("adam")
    return model, X, CLASSES


KINDS = [
    classifier,
    autoencoder,
    sequence,
    several_outputs,
    half_precision,
    adapter,
    contrastive,
    adversaries,
    distillation,
]


def pair(kind: Any) -> int:
    """Of two kinds, by default each of the two tests takes another."""
    return KINDS.index(kind) // 2


@pytest.mark.parametrize("kind", representatives(KINDS, pair), ids=lambda kind: kind.__name__)
def test_healthy_trainings_are_quiet_and_defects_found_at_the_first_batch(kind: Any) -> None:
    keras.utils.set_random_seed(0)
    model, x, y = kind(False)
    callback = gradlint.GradientCheck(every=3)
    model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[callback])
    assert [finding for report in callback.reports for finding in report.result.failures] == []
    assert callback.unseen == ()
    keras.utils.set_random_seed(0)
    model, x, y = kind(True)
    with pytest.raises(gradlint.GradientsDoNotFlow):
        model.fit(x, y, batch_size=16, verbose=0, callbacks=[gradlint.GradientCheck(fail_on="warning")])


class Spoil(keras.callbacks.Callback):  # type: ignore[misc]
    """Something outside of the model gives it a weight that is no number, before one step."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step, self.seen = step, 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.seen += 1
        if self.seen == self.step:
            variable = self.model.trainable_variables[0]
            values = keras.ops.convert_to_numpy(variable).copy()
            values[..., 0] = np.nan
            variable.assign(values)


@pytest.mark.parametrize("kind", representatives(KINDS[::-1], pair), ids=lambda kind: kind.__name__)
def test_what_begins_later_is_found_at_its_step(kind: Any, tmp_path: Any) -> None:
    keras.utils.set_random_seed(0)
    model, x, y = kind(False)
    callback = gradlint.GradientCheck(every=1, hold=True, action="stop", folder=str(tmp_path))
    model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[Spoil(6), callback])
    (report,) = (report for report in callback.reports if report.result.failures)
    assert (report.step, report.epoch, report.since) == (6, 2, 5)
    assert {finding.code for finding in report.result.failures} <= {"GL301", "GL302"}
    assert report.sample is not None


def test_a_loop_of_deep_q_learning_is_watched_and_its_defect_named_at_its_step() -> None:
    keras.utils.set_random_seed(0)
    online, target = (
        keras.Sequential([keras.Input((8,)), layers.Dense(4, name=name)]) for name in ("online", "target")
    )
    optimizer = keras.optimizers.Adam(1e-2)
    found: list[int] = []
    for step in range(4):
        states, actions, rewards = tf.constant(X[:16]), tf.constant(CLASSES[:16]), tf.constant(X[:16, 0])
        before = online.get_weights()
        with gradlint.watch(online, optimizers=[optimizer], keep=True) as watched:
            values = rewards + 0.9 * tf.reduce_max(target(states + 0.1), axis=1)
            with tf.GradientTape() as tape:
                chosen = tf.reduce_sum(online(states) * tf.one_hot(actions, 4), axis=1)
                if step == 2:  # somebody logs the values, and goes on with what was logged
                    chosen = tf.constant(chosen.numpy())
                loss = tf.reduce_mean(tf.square(values - chosen))
            slopes = tape.gradient(loss, online.trainable_variables)
            pairs = [(s, v) for s, v in zip(slopes, online.trainable_variables, strict=True) if s is not None]
            if pairs:
                optimizer.apply_gradients(pairs)
            for theirs, ours in zip(target.weights, online.weights, strict=True):
                theirs.assign(0.9 * theirs + 0.1 * ours)
        if watched.result.failures:
            found.append(step)
            assert "GL604" in [finding.code for finding in watched.result.failures]
        assert step == 2 or not np.array_equal(before[0], online.get_weights()[0])  # The steps were real ones.
    assert found == [2]
