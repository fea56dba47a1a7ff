"""Runs on symbols: the same verdicts as with values where no value is needed, and nothing allocated."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import gradlint
from gradlint.errors import ModelRunError
from gradlint.load.model import load_target
from gradlint.result import GradientState
from gradlint.rule import Need
from gradlint.rules import ALL_RULES

HERE = Path(__file__).name
register = keras.saving.register_keras_serializable("symbolic_tests")


@register
class Applied(layers.Layer):
    """A layer that calls one of the functions below."""

    def __init__(self, name: str, **kwargs: object) -> None:
        super().__init__(name=name, **kwargs)

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.gate = self.add_weight(shape=(shape[-1],), name="gate")

    def call(self, x):
        return FUNCTIONS[self.name](self, x)

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {"name": self.name}


def assigned(layer, x):
    layer.gate.assign(ops.mean(x, axis=0))
    return tf.zeros_like(x) + layer.gate


@tf.function
def compiled(x):
    if tf.reduce_sum(x) > 0:
        x = tf.round(x)
    else:
        x = tf.floor(x)
    return x


@tf.custom_gradient
def backwards(x):
    return x, lambda slope: None


def recomputed(layer, x):
    return tf.recompute_grad(lambda x: ops.tanh(x * layer.gate))(x)


def recomputed_twice(layer, x):
    return tf.recompute_grad(lambda x: recomputed(layer, x) + x)(x)


def clipped(layer, x):
    """The variables that the function closes over arrive by an argument of its gradient."""

    @tf.custom_gradient
    def product(x):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y = x * layer.gate

        def backward(slope, variables=None):
            first, *rest = tape.gradient(y, [x, *variables], output_gradients=tf.clip_by_norm(slope, 1.0))
            return first, rest

        return y, backward

    return product(x)


def deaf(layer, x):
    """As `clipped`, and the variables get nothing."""

    @tf.custom_gradient
    def product(x):
        return x * layer.gate, lambda slope, variables=None: (slope, [None] * len(variables))

    return product(x)


FUNCTIONS = {
    "fine": lambda layer, x: x * layer.gate,
    "rounded": lambda layer, x: ops.round(x * layer.gate),
    "stopped": lambda layer, x: tf.stop_gradient(x * layer.gate),
    "straight": lambda layer, x: x * layer.gate + tf.stop_gradient(ops.round(x) - x),
    "assigned": assigned,
    "detour": lambda layer, x: tf.reshape(tf.numpy_function(lambda a: a, [x * layer.gate], tf.float32), tf.shape(x)),
    "compiled": lambda layer, x: compiled(x * layer.gate),
    "custom": lambda layer, x: backwards(x * layer.gate),
    "recomputed": recomputed,
    "recomputed_twice": recomputed_twice,
    "clipped": clipped,
    "deaf": deaf,
    "one_branch": lambda layer, x: tf.cond(tf.reduce_sum(x) > 0, lambda: x * layer.gate, lambda: tf.zeros_like(x)),
    "both_branches": lambda layer, x: tf.cond(
        tf.reduce_sum(x) > 0, lambda: ops.round(x * layer.gate), lambda: tf.zeros_like(x)
    ),
    "loop": lambda layer, x: tf.while_loop(lambda i, h: i < 3, lambda i, h: (i + 1, h * layer.gate), (0, x))[1],
    "rounding_loop": lambda layer, x: tf.while_loop(
        lambda i, h: i < 3, lambda i, h: (i + 1, ops.round(h * layer.gate)), (0, x)
    )[1],
    "delayed": lambda layer, x: tf.while_loop(
        lambda i, a, b: i < 3, lambda i, a, b: (i + 1, b * layer.gate, a), (0, tf.zeros_like(x), x)
    )[1],
    "mapped": lambda layer, x: tf.map_fn(lambda row: row * layer.gate, x),
    "values": lambda layer, x: x if float(ops.sum(x)) > 0 else x * layer.gate,
    "printed": lambda layer, x: tf.constant(np.asarray(x)),
}
QUIET = [
    "fine", "straight", "one_branch", "loop", "delayed", "mapped", "recomputed", "recomputed_twice", "clipped",
]  # fmt: skip
CUT = {
    "rounded": "GL103",
    "stopped": "GL104",
    "assigned": "GL107",
    "detour": "GL105",
    "compiled": "GL103",
    "custom": "GL103",
    "both_branches": "GL103",
    "rounding_loop": "GL103",
}


def model_of(name: str) -> keras.Model:
    x = keras.Input((4,), name="x")
    h = layers.Dense(3, activation="tanh", name="before")(x)
    model = keras.Model({"x": x}, layers.Dense(1, name="after")(Applied(name)(h)))
    model.compile("adam", "mse")
    return model


def sample() -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(0).normal(size=(5, 4)).astype("float32"), "y": np.ones((5, 1), "float32")}


def without_weights(model: keras.Model, file: Path) -> Path:
    """A model file from which the weights were taken away."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", json.dumps(keras.saving.serialize_keras_object(model)))
        archive.writestr("metadata.json", "{}")
    return file


def checked(name: str, tmp_path: Path) -> gradlint.Result:
    file = without_weights(model_of(name), tmp_path / "m.keras")
    return gradlint.check(file, sample(), depth="structure")


@pytest.mark.parametrize("name", QUIET)
def test_a_way_through(name: str, tmp_path: Path) -> None:
    result = checked(name, tmp_path)
    assert result.findings == ()
    assert {v.gradient for v in result.variables} == {GradientState.PRESENT}
    assert [i.gradient for i in result.inputs] == [GradientState.PRESENT]
    assert result.depth == "structure"
    json.loads(result.to_json())


@pytest.mark.parametrize(("name", "code"), CUT.items())
def test_a_cut_and_its_line(name: str, code: str, tmp_path: Path) -> None:
    result = checked(name, tmp_path)
    assert [finding.code for finding in result.findings if finding.code != "GL102"] == [code]
    (finding,) = (finding for finding in result.findings if finding.code == code)
    assert finding.inputs == ("x",)
    assert "before/kernel" in finding.variables
    assert finding.cause.layer == name
    assert Path(finding.cause.file or "").name == HERE
    states = {v.path: v.gradient for v in result.variables}
    assert states["before/kernel"] is GradientState.ABSENT
    assert states["after/kernel"] is GradientState.PRESENT


def test_a_custom_gradient_that_gives_its_variables_nothing(tmp_path: Path) -> None:
    result = checked("deaf", tmp_path)
    assert [(finding.code, finding.variables) for finding in result.findings] == [("GL103", ("deaf/gate",))]


@pytest.mark.parametrize("name", ["values", "printed"])
def test_what_needs_values_says_where(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelRunError, match=rf"layer '{name}' .*{HERE}:\d+.*use depth='values'"):
        gradlint.check(model_of_values(name), sample(), depth="structure")


def model_of_values(name: str) -> keras.Model:
    """A subclassed model: a functional one could not even be built."""

    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.after = Applied(name), layers.Dense(1)

        def call(self, inputs):
            return self.after(self.inner(inputs))

    model = Model()
    model.inner.build((5, 4))
    model.after.build((5, 4))
    return model


def test_skipped_rules_are_listed(tmp_path: Path) -> None:
    result = checked("fine", tmp_path)
    of_values = {rule.code for rule in ALL_RULES if Need.VALUES in rule.needs}
    assert {skipped.code for skipped in result.skipped} == of_values
    assert not set(result.rules) & of_values
    assert all("depth='values'" in skipped.reason for skipped in result.skipped)


def test_a_softmax_over_one_unit(tmp_path: Path) -> None:
    x = keras.Input((4,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, activation="softmax", name="head")(x))
    model.compile("adam", "mse")
    (finding,) = gradlint.check(model, sample(), depth="structure").findings
    assert (finding.code, finding.inputs) == ("GL204", ("x",))


def test_labels_that_broadcast(tmp_path: Path) -> None:
    result = gradlint.check(model_of("fine"), {**sample(), "y": np.arange(5, dtype="float32")}, depth="structure")
    values = gradlint.check(model_of("fine"), {**sample(), "y": np.arange(5, dtype="float32")})
    assert [f.code for f in result.findings] == [f.code for f in values.findings]


def test_an_rnn_is_not_unrolled(tmp_path: Path) -> None:
    x = keras.Input((5000, 4), name="x")
    model = keras.Model({"x": x}, layers.Dense(1)(layers.LSTM(3)(x)))
    file = without_weights(model, tmp_path / "m.keras")
    result = gradlint.check(file, depth="structure")
    assert result.findings == ()
    assert result.graph is not None
    assert len(result.graph) < 300


def test_an_added_loss(tmp_path: Path) -> None:
    @register
    class Adds(layers.Layer):
        def call(self, x):
            self.add_loss(ops.mean(ops.square(x)))
            return x

    x = keras.Input((4,), name="x")
    model = keras.Model({"x": x}, Adds(name="adds")(layers.Dense(2, name="d")(x)))
    model.compile("adam")
    result = gradlint.check(model, {"x": sample()["x"]}, depth="structure")
    assert result.findings == ()
    assert "added losses" in result.loss


def test_a_train_step_of_ones_own(tmp_path: Path) -> None:
    class Model(keras.Model):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = ops.mean(ops.square(tf.stop_gradient(self(x, training=True)) - y))
            self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
            return {"loss": loss}

    x = keras.Input((4,), name="x")
    model = Model({"x": x}, layers.Dense(1, name="d")(x))
    model.compile("adam", "mse")
    result = gradlint.check(model, sample(), depth="structure")
    assert [f.code for f in result.findings] == ["GL104"]


def test_a_train_step_that_climbs_before_it_descends(tmp_path: Path) -> None:
    """It holds the values of its variables, as sharpness-aware minimisation does, and assigns to them."""

    class Climbing(keras.Model):
        def train_step(self, data):
            x, y = data
            held = [variable.value for variable in self.trainable_variables]
            with tf.GradientTape() as tape:
                loss = self.compute_loss(x, y, self(x, training=True))
            steps = [0.1 * slope for slope in tape.gradient(loss, held)]
            for value, step in zip(held, steps, strict=True):
                value.assign_add(step)
            with tf.GradientTape() as tape:
                loss = self.compute_loss(x, y, self(x, training=True))
            slopes = [2.0 * slope for slope in tape.gradient(loss, held)]
            for value, step in zip(held, steps, strict=True):
                value.assign_sub(step)
            self.optimizer.apply_gradients(zip(slopes, self.trainable_variables, strict=True))
            return {"loss": loss}

    x = keras.Input((4,), name="x")
    model = Climbing({"x": x}, layers.Dense(1)(layers.Dense(3, "relu")(x)))
    model.compile("adam", "mse")
    result = gradlint.check(model, sample(), depth="structure")
    assert result.findings == ()
    assert {v.gradient for v in result.variables} == {GradientState.PRESENT}


def test_variables_are_never_allocated(tmp_path: Path) -> None:
    file = without_weights(model_of("fine"), tmp_path / "m.keras")
    model, _ = load_target(file, allocate=False)
    assert all(variable._value is None for variable in model.variables)
    with keras.StatelessScope():  # Leaving it gives values to whatever waits for some.
        pass
    assert all(variable._value is None for variable in model.variables)


def test_billions_of_parameters(tmp_path: Path) -> None:
    with keras.StatelessScope(initialize_variables=False):
        x = keras.Input((100_000,), name="x")
        model = keras.Model({"x": x}, layers.Dense(200_000, name="vast")(x))
        file = without_weights(model, tmp_path / "m.keras")
    keras.src.backend.common.global_state.set_global_attribute("uninitialized_variables", [])
    result = gradlint.check(file, depth="structure")
    assert "20,000,200,000 parameters" in result.model
    assert result.findings == ()


def test_a_live_model_stays_as_it_is() -> None:
    model = model_of("assigned")
    before = [np.array(variable) for variable in model.variables]
    first = model(sample()["x"])
    gradlint.check(model, sample(), depth="structure")
    for variable, value in zip(model.variables, before, strict=True):
        if "gate" not in variable.path:
            np.testing.assert_array_equal(variable, value)
    np.testing.assert_array_equal(model(sample()["x"]), first)
    model.fit({"x": sample()["x"]}, sample()["y"], verbose=0)  # its metrics have values, too


def test_ragged_samples_are_refused() -> None:
    ragged = {"x": tf.ragged.constant([[1.0], [1.0, 2.0]])}
    with pytest.raises(gradlint.UsageError, match="dense"):
        gradlint.check(model_of("fine"), ragged, depth="structure")


def test_a_loss_that_needs_a_shape_is_named():
    x = keras.Input((4,), name="x")
    model = keras.Model({"x": x}, layers.Dense(2)(x))
    model.compile("sgd", lambda y, p: tf.py_function(lambda a, b: tf.reduce_mean((a - b) ** 2, -1), [y, p], tf.float32))
    arrays = {"x": np.ones((3, 4), "float32"), "y": np.ones((3, 2), "float32")}
    with pytest.raises(ModelRunError, match=r"failed in the loss.*use depth='values'"):
        gradlint.check(model, arrays, depth="structure")
