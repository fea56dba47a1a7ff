"""What a model is by form is told, whatever its sample: frozen as a whole, constant by a choice of one, cancelling."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint
from gradlint.finding import Severity

X = np.random.default_rng(0).normal(size=(16, 6)).astype("float32")
Y = np.arange(16) % 2


def _net(middle: keras.Layer | None = None) -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,), name="x")
    hidden = keras.layers.Dense(8, activation="tanh", name="body")(inputs)
    hidden = middle(hidden) if middle is not None else hidden
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", name="head")(hidden))


def _loud(model: keras.Model) -> list[tuple[str, Severity]]:
    found = gradlint.check(model, {"x": X, "y": Y}).findings
    return [(f.code, f.severity) for f in found if f.severity is not Severity.INFO]


class TestFrozenAsAWhole:
    def test_the_model_overrules_its_layers(self) -> None:
        model = _net()
        model.trainable = False
        model.get_layer("head").trainable = True
        model.compile("sgd", "binary_crossentropy")
        assert model.trainable_variables == []
        (finding,) = gradlint.check(model, {"x": X, "y": Y}).findings
        assert (finding.code, finding.severity) == ("GL108", Severity.ERROR)
        assert "the model's own trainable=False overrules the layers of 2 of them" in finding.message
        assert "True on the model" in finding.advice

    def test_a_frozen_part_does_not(self) -> None:
        model = _net()
        model.get_layer("body").trainable = False
        model.compile("sgd", "binary_crossentropy")
        assert _loud(model) == []


class Gate(keras.layers.Layer):
    """Weighs its input by a softmax over the last axis of what `form` makes of the scores."""

    def __init__(self, form, units: int) -> None:
        super().__init__(name="gate")
        self.form, self.scores = form, keras.layers.Dense(units, use_bias=False, name="scores")

    def call(self, inputs):
        gates = tf.nn.softmax(self.form(self.scores(inputs)), axis=-1)
        return inputs * tf.reduce_sum(gates, axis=-1, keepdims=True) if gates.shape[-1] == 1 else inputs * gates[:, :1]


class TestAChoiceOfOne:
    @pytest.mark.parametrize(
        "form",
        [
            lambda scores: tf.math.top_k(scores, k=1).values,
            lambda scores: tf.reduce_max(scores, axis=-1, keepdims=True),
            lambda scores: scores[:, -1:],
            lambda scores: tf.reduce_max(scores, axis=-1)[:, None],
        ],
        ids=["top_k", "kept", "slice", "new axis"],
    )
    def test_is_one_for_all_data(self, form) -> None:
        model = _net(Gate(form, 4))
        model.compile("sgd", "binary_crossentropy")
        assert _loud(model) == [("GL204", Severity.ERROR)]

    def test_of_two_is_none(self) -> None:
        model = _net(Gate(lambda scores: tf.math.top_k(scores, k=2).values, 4))
        model.compile("sgd", "binary_crossentropy")
        assert _loud(model) == []


class Ratio(keras.Model):
    """A policy whose old self is, or is not, a network of its own; and a value that learns."""

    def __init__(self, *, is_alias: bool) -> None:
        super().__init__()
        self.actor = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, name="logits")], name="actor")
        self.old = self.actor if is_alias else keras.models.clone_model(self.actor)
        self.old.trainable = is_alias
        self.value = keras.layers.Dense(1, name="value")

    def call(self, x):
        return self.value(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        chosen = keras.ops.mod(keras.ops.cast(y, "int32"), 4)
        new, old = (
            -tf.nn.sparse_softmax_cross_entropy_with_logits(labels=chosen, logits=net(x))
            for net in (self.actor, self.old)
        )
        gain = tf.cast(y, "float32") + 0.5
        return tf.reduce_mean(tf.square(y_pred[:, 0] - gain)) - tf.reduce_mean(tf.exp(new - old) * gain)


@pytest.mark.parametrize(("is_alias", "expected"), [(True, [("GL201", Severity.WARNING)]), (False, [])])
def test_a_network_that_is_compared_with_itself(is_alias: bool, expected) -> None:
    keras.utils.set_random_seed(0)
    model = Ratio(is_alias=is_alias)
    model.compile("sgd")
    model(X)
    assert _loud(model) == expected


@keras.saving.register_keras_serializable(package="form")
class Magnitude(keras.layers.Layer):
    """The modulus of pairs, whose derivative at zero is no number."""

    def __init__(self, is_learnt: bool, **options) -> None:
        super().__init__(**options)
        self.scale = self.add_weight(shape=(), initializer="ones", trainable=is_learnt, name="scale")

    def call(self, x):
        return tf.sqrt(tf.square(self.scale * x[:, :3]) + tf.square(self.scale * x[:, 3:]))


@pytest.mark.parametrize(("is_learnt", "severity"), [(True, Severity.ERROR), (False, Severity.INFO)])
def test_no_number_for_an_input_alone_is_of_these_values(is_learnt: bool, severity: Severity) -> None:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,), name="x")
    hidden = Magnitude(is_learnt, name="magnitude")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", name="head")(hidden))
    model.compile("sgd", "binary_crossentropy")
    x = X.copy()
    x[:2] = 0.0
    (finding,) = gradlint.check(model, {"x": x, "y": Y}).findings
    assert (finding.code, finding.severity, finding.cause.op) == ("GL301", severity, "Sqrt")


@pytest.mark.parametrize(
    ("step", "mixes", "severity"), [(0, True, Severity.WARNING), (-1, True, Severity.INFO), (0, False, Severity.INFO)]
)
def test_a_first_step_is_meant_before_steps_are_mixed_alone(step: int, mixes: bool, severity: Severity) -> None:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((12, 3), name="x")
    hidden = inputs
    for _ in range(2 if mixes else 0):
        hidden = keras.layers.Conv1D(4, 3, padding="causal", activation="tanh")(hidden)
    model = keras.Model(inputs, keras.layers.Dense(1, name="head")(hidden[:, step]))
    model.compile("sgd", "mse")
    sample = {"x": np.random.default_rng(0).normal(size=(16, 12, 3)).astype("float32"), "y": Y.astype("float32")}
    (finding,) = gradlint.check(model, sample).findings
    assert (finding.code, finding.severity) == ("GL205", severity)
