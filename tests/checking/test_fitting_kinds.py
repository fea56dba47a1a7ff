"""The callback on public kinds of training: nothing is said of healthy ones, and each defect is named at once."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

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


KINDS = [classifier, autoencoder, sequence, several_outputs, half_precision, adapter, contrastive]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
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
