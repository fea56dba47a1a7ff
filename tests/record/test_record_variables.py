"""Variables that the layer which makes them reads once, or only to count."""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers, ops
from recorded import normal

import gradlint


class Normalised(layers.Layer):
    """Location and scale of a distribution; kept when it is built, or read whenever it is called."""

    def __init__(self, keeps, **options):
        super().__init__(**options)
        self.keeps = keeps

    def build(self, shape):
        self.location = self.add_weight(shape=(shape[-1],), initializer="random_normal", name="location")
        self.raw = self.add_weight(shape=(shape[-1],), initializer="random_normal", name="raw")
        self.kept = 2.0 * self.location, ops.softplus(self.raw)

    def call(self, x):
        location, scale = self.kept if self.keeps else (2.0 * self.location, ops.softplus(self.raw))
        return (x - location) / scale


class Counting(layers.Layer):
    def build(self, shape):
        self.seen = self.add_weight(shape=(), initializer="zeros", name="seen")

    def call(self, x):
        self.seen.assign(self.seen + 1.0)
        return ops.tanh(x)


def checked(layer):
    x = keras.Input((6,), name="x")
    model = keras.Model(x, layers.Dense(1)(layer(layers.Dense(4, activation="tanh")(x))))
    model.compile("sgd", "mse")
    return gradlint.check(model, {"x": normal(5, 6), "y": normal(5, 1, seed=1)}).findings


def line_of(finding):
    return Path(finding.cause.file).read_text().splitlines()[finding.cause.line - 1].strip()


def test_what_build_makes_of_variables_is_one_finding_where_it_is_made():
    (finding,) = checked(Normalised(True, name="normalised"))
    assert (finding.code, finding.severity.value) == ("GL102", "error")
    assert [path.rpartition("/")[2] for path in finding.variables] == ["location", "raw"]
    assert line_of(finding).startswith("self.kept = ")
    assert "made once, before any call" in finding.message
    assert not any(f.code == "GL102" for f in checked(Normalised(False, name="normalised")))


def test_a_counter_is_blamed_where_it_is_made():
    (finding,) = [f for f in checked(Counting(name="counting")) if f.severity.value != "info"]
    assert (finding.code, finding.severity.value) == ("GL102", "warning")
    assert line_of(finding).startswith("self.seen = self.add_weight(")
    assert "trainable=False" in finding.advice


class Scaled(layers.Layer):
    """Assigns to a variable when it is built."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), name="scale")
        self.scale.assign(ops.ones(shape[-1]))

    def call(self, x):
        return ops.tanh(x * self.scale)


def test_what_layers_are_built_with_is_no_detour_of_a_loss_that_calls_them_first():
    scaled, head = Scaled(), layers.Dense(1)

    def loss(sample):
        return ops.mean(ops.square(head(scaled(sample["x"]))))

    assert gradlint.check(loss, {"x": normal(5, 6)}, models=[scaled, head]).findings == ()
